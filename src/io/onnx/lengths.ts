/**
 * Lengths that follow the input's: d = k·n + c for an axis of length n. As a name in a shape, and as nodes that compute
 * them.
 */
import type { Shape } from "../../tensor/shape.ts";
import type { Source } from "./errors.ts";
import { Names, nameIn, type OnnxGraph, type OnnxLength, type OnnxNode, type OnnxTensor } from "./graph.ts";

/** Names of the input's axes that may be free, in the shapes of input and output. */
export const AXES: Readonly<Record<number, string>> = { 0: "batch", 2: "height", 3: "width" };

/** An axis of the input that differs between two runs: its lengths in the two. */
export interface Change {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
}

/** multiple·n + fixed, where n is the length of the input's axis `axis`; without one only `fixed`. */
export interface Length {
  readonly axis: number | null;
  readonly multiple: number;
  readonly fixed: number;
}

/**
 * The length that is `first` in the first run, and `others[i]` where only `changes[i]` differs from it; undefined if it
 * follows no axis, several, or one in another way. Two points are on many curves, but a length that grows by a fraction
 * is no multiple, nor is one of a batch that starts below zero.
 */
export function lengthThrough(
  first: number,
  others: readonly number[],
  changes: readonly (Change | null)[],
): Length | undefined {
  const changed = [...others.keys()].filter((i) => others[i] !== first);
  if (changed.length === 0) return { axis: null, multiple: 0, fixed: first };
  const change = changes[changed[0]];
  if (changed.length > 1 || !change) return undefined;
  const { axis, from, to } = change;
  const multiple = (others[changed[0]] - first) / (to - from);
  const fixed = first - multiple * from;
  return Number.isInteger(multiple) && multiple > 0 && (fixed >= 0 || axis > 0) ? { axis, multiple, fixed } : undefined;
}

/** Its form in a shape: `10`, `batch`, `49*batch`, `batch + 1`, `height - 2`. */
export function inShape({ axis, multiple, fixed }: Length): OnnxLength {
  if (axis === null) return fixed;
  const whole = multiple === 1 ? AXES[axis] : `${multiple}*${AXES[axis]}`;
  return fixed === 0 ? whole : `${whole} ${fixed < 0 ? "-" : "+"} ${Math.abs(fixed)}`;
}

/**
 * Lengths for a reshape that follow in any way, from those in each run: 0 for one that its operand has at the same place
 * in each run, −1 for one that is left; undefined if there are more.
 */
export function reshapeLengths(runs: readonly Shape[], operands: readonly (Shape | undefined)[]): number[] | undefined {
  let inferred = 0;
  const data = runs[0].map((length, i) => {
    if (runs.every((run) => run[i] === length)) return length;
    if (runs.every((run, r) => operands[r]?.[i] === run[i])) return 0;
    inferred++;
    return -1;
  });
  return inferred > 1 || runs.some((run) => run.includes(0)) ? undefined : data;
}

/** Writes lists of lengths, some of which follow the input, into a graph. */
export class LengthWriter {
  /** Nodes written but not yet taken: they belong before the node that uses their result. */
  #nodes: OnnxNode[] = [];
  readonly #input: string;
  readonly #names: Names;
  readonly #tensors: Map<string, OnnxTensor>;
  readonly #lengths = new Map<number, string>();

  /** @param tensors gets the constants. */
  constructor(graph: OnnxGraph, tensors: Map<string, OnnxTensor>) {
    this.#input = graph.input.name;
    this.#names = new Names([
      graph.input.name,
      ...graph.tensors.keys(),
      ...graph.nodes.flatMap(({ name, output, unread = [] }) => [name, output, ...unread]),
    ]);
    this.#tensors = tensors;
  }

  takeNodes(): OnnxNode[] {
    const nodes = this.#nodes;
    this.#nodes = [];
    return nodes;
  }

  /** The value that holds `lengths` at run time, for an input of `node` that was the constant `name`. */
  write(name: string, lengths: readonly Length[], { operator, source }: OnnxNode): string {
    const following = lengths.filter(({ axis }) => axis !== null);
    // A reshape can infer one length itself.
    if (operator === "Reshape" && following.length === 1 && !lengths.some((l) => l.axis === null && l.fixed === 0)) {
      return this.replace(
        name,
        lengths.map(({ axis, fixed }) => (axis === null ? fixed : -1)),
      );
    }
    this.#tensors.delete(name);
    const parts = lengths.map(({ axis, multiple, fixed }) => {
      if (axis === null) return this.#constant(fixed, source);
      const length = this.#lengthOf(axis, source);
      const whole = multiple === 1 ? length : this.#node("Mul", [length, this.#constant(multiple, source)], source);
      return fixed === 0 ? whole : this.#node("Add", [whole, this.#constant(fixed, source)], source);
    });
    return parts.length === 1 ? parts[0] : this.#node("Concat", parts, source, { axis: 0 });
  }

  /** The constant `name`, with these whole numbers from now on. */
  replace(name: string, data: readonly number[]): string {
    this.#tensors.set(name, { shape: [data.length], data });
    return name;
  }

  /** The value that holds the shape of `value` at run time, in place of the constant `name`. */
  shapeOf(name: string, value: string, { source }: OnnxNode): string {
    this.#tensors.delete(name);
    return this.#node("Shape", [value], source);
  }

  #lengthOf(axis: number, source: Source): string {
    const known = this.#lengths.get(axis);
    if (known !== undefined) return known;
    const length = this.#node("Shape", [this.#input], source, { start: axis, end: axis + 1 });
    this.#lengths.set(axis, length);
    return length;
  }

  #constant(value: number, source: Source): string {
    const name = this.#names.unique(nameIn(source, "constant"));
    this.#tensors.set(name, { shape: [1], data: [value] });
    return name;
  }

  #node(operator: string, inputs: readonly string[], source: Source, attributes: OnnxNode["attributes"] = {}): string {
    const name = this.#names.unique(nameIn(source, operator));
    this.#nodes.push({ name, operator, inputs, output: name, attributes, source });
    return name;
  }
}
