/**
 * Makes one graph for every input from graphs of a network, each traced with another input.
 *
 * A graph traced with one input says nothing about others. So a network is traced again, with another batch size and
 * different numbers, and where the image's size is free, with another height and another width; and the graphs are
 * compared. Only lengths that follow the input's may differ. Any other difference (a constant, an attribute, the number of
 * nodes) was taken from the input, and would be wrong for the next one. Next: lengths.ts.
 */
import { formatShape, type Shape, sameShape } from "../../tensor/shape.ts";
import { OnnxExportError, type Source } from "./errors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./graph.ts";
import { AXES, type Change, inShape, type Length, LengthWriter, lengthThrough, reshapeLengths } from "./lengths.ts";

/** A graph of the network, and in which axis its input differs from that of the first one; null: in its numbers alone. */
export interface Sample {
  readonly graph: OnnxGraph;
  readonly change: Change | null;
}

/**
 * The graph for every input.
 *
 * @throws OnnxExportError with the operation and module where two differ in anything but lengths that follow the input's.
 */
export function commonGraph(graph: OnnxGraph, samples: readonly Sample[]): OnnxGraph {
  const changes = samples.map(({ change }) => change);
  const all = [graph, ...samples.map((sample) => sample.graph)];
  const tensors = new Map(graph.tensors);
  const lengths = new LengthWriter(graph, tensors);

  const input = (name: string, node: OnnxNode): string => {
    const first = graph.tensors.get(name);
    if (!first) return name;
    const others = samples.map((sample) => sample.graph.tensors.get(name)!);
    const different = others.findIndex((other) => !sameTensor(first, other));
    if (different < 0) return name;
    if (first.lengths) {
      const runs = [first, ...others].map(({ data }) => data as readonly number[]);
      const operands = all.map((g) => g.shapes.get(node.inputs[0]));
      const written = withLengths(lengths, { name, like: first.like, runs, operands, changes }, node);
      if (written !== undefined) return written;
    }
    const [what, form] = first.lengths
      ? (["lengths are", (t: OnnxTensor) => formatShape(t.data as number[])] as const)
      : (["a constant is", show] as const);
    throw taken(node.source, what, form(first), form(others[different]), samples[different]);
  };
  const nodes: OnnxNode[] = [];
  const count = Math.max(...all.map((g) => g.nodes.length));
  for (let i = 0; i < count; i++) {
    const node = graph.nodes[i];
    const text = describe(node);
    const different = samples.find((sample) => describe(sample.graph.nodes[i]) !== text);
    if (different) {
      const twin = different.graph.nodes[i];
      throw taken((node ?? twin).source, "the operator is", text, describe(twin), different);
    }
    const inputs = node.inputs.map((name) => input(name, node));
    nodes.push(...lengths.takeNodes(), { ...node, inputs });
  }
  const { source } = nodes[nodes.length - 1];
  const declared = (end: "input" | "output"): OnnxValue =>
    declaredValue(graph[end], samples, (s) => s.graph[end], source);
  return { ...graph, input: declared("input"), output: declared("output"), nodes, tensors };
}

/** A constant that is a list of lengths: what it is in each run, and the shape of its node's first input there. */
interface LengthList {
  readonly name: string;
  readonly like: string | undefined;
  readonly runs: readonly (readonly number[])[];
  readonly operands: readonly (Shape | undefined)[];
  readonly changes: readonly (Change | null)[];
}

/** The value that has the right lengths for every input; undefined if they follow it in no known way. */
function withLengths(
  lengths: LengthWriter,
  { name, like, runs, operands, changes }: LengthList,
  node: OnnxNode,
): string | undefined {
  if (runs.some(({ length }) => length !== runs[0].length)) return undefined;
  const followed = followedLengths(runs, changes);
  if (followed) return lengths.write(name, followed, node);
  const inferred = node.operator === "Reshape" ? reshapeLengths(runs, operands) : undefined;
  if (inferred) return lengths.replace(name, inferred);
  return like === undefined ? undefined : lengths.shapeOf(name, like, node);
}

/** Each length of a list, as it follows the input's. */
function followedLengths(runs: readonly Shape[], changes: readonly (Change | null)[]): Length[] | undefined {
  const through = runs[0].map((length, i) =>
    lengthThrough(
      length,
      runs.slice(1).map((run) => run[i]),
      changes,
    ),
  );
  return through.every((length) => length !== undefined) ? through : undefined;
}

/** The shape of an input or output, by names where it follows the input's. */
function declaredValue(
  { name, shape }: OnnxValue,
  samples: readonly Sample[],
  endOf: (sample: Sample) => OnnxValue,
  source: Source,
): OnnxValue {
  const others = samples.map((sample) => endOf(sample).shape as Shape);
  const changes = samples.map(({ change }) => change);
  const first = shape as Shape;
  const wrong = (i: number): OnnxExportError =>
    taken(source, "lengths are", formatShape(first), formatShape(others[i]), samples[i]);
  const uneven = others.findIndex((other) => other.length !== first.length);
  if (uneven >= 0) throw wrong(uneven);
  const lengths = first.map((length, axis) => {
    const run = others.map((other) => other[axis]);
    const through = lengthThrough(length, run, changes);
    if (through) return inShape(through);
    const batch = run.findIndex((other, i) => other !== length && (changes[i]?.axis ?? 0) === 0);
    if (batch >= 0) throw wrong(batch);
    // What a convolution with a stride makes of a height has no short name.
    return `${name}_${AXES[axis] ?? axis}`;
  });
  return { name, shape: lengths };
}

function taken(source: Source, what: string, p: string, q: string, { change }: Sample): OnnxExportError {
  const [one, other] = change
    ? [change.from, change.to].map((n) => `for ${inWords(change, n)}`)
    : ["for one input", "for another"];
  const option = change?.axis === 0 ? "dynamicBatch: false" : "dynamicSize: false";
  const matters = change?.axis === 0 ? "the batch size" : "the image's size";
  const advice = change ? `; if only ${matters} matters, export with ${option}` : "";
  return new OnnxExportError(
    `${what} ${p} ${one} and ${q} ${other}: the file would hold a value taken from one input${advice}`,
    source,
  );
}

function inWords({ axis }: Change, n: number): string {
  return `a ${AXES[axis]} of ${n}`;
}

/** All of a node except the numbers of its constants, to compare and to show. */
function describe(node: OnnxNode | undefined): string {
  if (!node) return "none";
  const { operator, inputs, attributes } = node;
  const asked = Object.keys(attributes).length > 0 ? ` ${JSON.stringify(attributes)}` : "";
  return `${operator}(${inputs.join(", ")})${asked}`;
}

function sameTensor(p: OnnxTensor, q: OnnxTensor): boolean {
  if (p.data === q.data) return true;
  if (!sameShape(p.shape, q.shape)) return false;
  for (let i = 0; i < p.data.length; i++) if (!Object.is(p.data[i], q.data[i])) return false;
  return true;
}

function show({ shape, data }: OnnxTensor): string {
  const values = Array.from(data.slice(0, 4), (v) => Number(v.toPrecision(6)));
  return `${formatShape(shape)} ${values.join(", ")}${data.length > 4 ? ", …" : ""}`;
}
