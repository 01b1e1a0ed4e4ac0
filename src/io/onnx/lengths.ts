/**
 * Lengths that follow the batch: d = k·n + c for a batch of n. As a name in a shape, and as nodes that compute them.
 */
import type { Source } from "./errors.ts";
import { Names, nameIn, type OnnxGraph, type OnnxLength, type OnnxNode, type OnnxTensor } from "./graph.ts";

/** The name of the batch in the shapes of input and output. */
const BATCH = "batch";

/** perBatch·n + fixed. */
export interface Length {
  readonly perBatch: number;
  readonly fixed: number;
}

/**
 * The length that is `p` for a batch of n₁ and `q` for one of n₂; undefined if it follows the batch in another way. Two
 * points are on many curves, but a length that grows by a fraction of an example or starts below zero is not a multiple
 * of the batch.
 */
export function lengthThrough(p: number, q: number, [n1, n2]: readonly [number, number]): Length | undefined {
  if (p === q) return { perBatch: 0, fixed: p };
  const perBatch = (q - p) / (n2 - n1);
  const fixed = p - perBatch * n1;
  return Number.isInteger(perBatch) && perBatch > 0 && fixed >= 0 ? { perBatch, fixed } : undefined;
}

/** Its form in a shape: `10`, `batch`, `49*batch`, `batch + 1`. */
export function inShape({ perBatch, fixed }: Length): OnnxLength {
  if (perBatch === 0) return fixed;
  const multiple = perBatch === 1 ? BATCH : `${perBatch}*${BATCH}`;
  return fixed === 0 ? multiple : `${multiple} + ${fixed}`;
}

/** Writes lists of lengths, some of which follow the batch, into a graph. */
export class LengthWriter {
  /** Nodes written but not yet taken: they belong before the node that uses their result. */
  #nodes: OnnxNode[] = [];
  readonly #input: string;
  readonly #names: Names;
  readonly #tensors: Map<string, OnnxTensor>;
  #batch: string | undefined;

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
    const following = lengths.filter(({ perBatch }) => perBatch > 0);
    // A reshape can infer one length itself.
    if (operator === "Reshape" && following.length === 1 && !lengths.some((l) => l.perBatch === 0 && l.fixed === 0)) {
      const data = lengths.map(({ perBatch, fixed }) => (perBatch > 0 ? -1 : fixed));
      this.#tensors.set(name, { shape: [data.length], data });
      return name;
    }
    this.#tensors.delete(name);
    const parts = lengths.map(({ perBatch, fixed }) => {
      if (perBatch === 0) return this.#constant(fixed, source);
      const batch = this.#batchValue(source);
      const multiple = perBatch === 1 ? batch : this.#node("Mul", [batch, this.#constant(perBatch, source)], source);
      return fixed === 0 ? multiple : this.#node("Add", [multiple, this.#constant(fixed, source)], source);
    });
    return parts.length === 1 ? parts[0] : this.#node("Concat", parts, source, { axis: 0 });
  }

  #batchValue(source: Source): string {
    this.#batch ??= this.#node("Shape", [this.#input], source, { start: 0, end: 1 });
    return this.#batch;
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
