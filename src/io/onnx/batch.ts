/**
 * Makes one graph for every input from two graphs of a network, traced with two inputs.
 *
 * A graph traced with one input says nothing about others. So a network is traced twice, with batches of two sizes and
 * different numbers, and the graphs are compared. Only lengths that follow the batch may differ. Any other difference
 * (a constant, an attribute, the number of nodes) was taken from the input, and would be wrong for the next one.
 * Next: lengths.ts.
 */
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { OnnxExportError, type Source } from "./errors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./graph.ts";
import { inShape, LengthWriter, lengthThrough } from "./lengths.ts";

/** A graph of the network, and the batch size it was made with. */
export interface Sample {
  readonly graph: OnnxGraph;
  readonly batch: number;
}

/**
 * The graph for every input.
 *
 * @throws OnnxExportError with the operation and module where the two differ in anything but lengths that follow the
 * batch.
 */
export function commonGraph(a: Sample, b: Sample): OnnxGraph {
  const { graph } = a;
  const batches = [a.batch, b.batch] as const;
  const [one, other] =
    a.batch === b.batch ? ["for one input", "for another"] : batches.map((batch) => `for a batch of ${batch}`);
  const fail = (source: Source, what: string, p: string, q: string): never => {
    const advice = a.batch === b.batch ? "" : "; if only the batch size matters, export with dynamicBatch: false";
    throw new OnnxExportError(
      `${what} ${p} ${one} and ${q} ${other}: the file would hold a value taken from one input${advice}`,
      source,
    );
  };
  const tensors = new Map(graph.tensors);
  const lengths = new LengthWriter(graph, tensors);

  /** Turns a list of lengths in each graph into one that follows the batch. */
  const followed = (p: readonly number[], q: readonly number[], source: Source) => {
    const through = p.map((length, axis) => lengthThrough(length, q[axis], batches));
    if (p.length !== q.length || through.includes(undefined))
      fail(source, "lengths are", formatShape(p), formatShape(q));
    return through.map((length) => length!);
  };
  const input = (name: string, node: OnnxNode): string => {
    const p = graph.tensors.get(name);
    const q = b.graph.tensors.get(name);
    if (!p || !q || sameTensor(p, q)) return name;
    if (!p.lengths || !q.lengths) return fail(node.source, "a constant is", show(p), show(q));
    return lengths.write(name, followed(p.data as readonly number[], q.data as readonly number[], node.source), node);
  };
  const declared = (p: OnnxValue, q: OnnxValue, source: Source): OnnxValue => ({
    name: p.name,
    shape: followed(p.shape as readonly number[], q.shape as readonly number[], source).map(inShape),
  });

  const count = Math.max(graph.nodes.length, b.graph.nodes.length);
  const nodes: OnnxNode[] = [];
  for (let i = 0; i < count; i++) {
    const node = graph.nodes[i];
    const twin = b.graph.nodes[i];
    if (describe(node) !== describe(twin)) {
      fail((node ?? twin).source, "the operator is", describe(node), describe(twin));
    }
    const inputs = node.inputs.map((name) => input(name, node));
    nodes.push(...lengths.takeNodes(), { ...node, inputs });
  }
  const { source } = nodes[nodes.length - 1];
  return {
    ...graph,
    input: declared(graph.input, b.graph.input, source),
    output: declared(graph.output, b.graph.output, source),
    nodes,
    tensors,
  };
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
