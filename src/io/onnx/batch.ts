/**
 * From two graphs of one network, made with two inputs, to one that holds for every input.
 *
 * A graph that was traced with one input says nothing of others. So a network is traced twice, with batches of two sizes and
 * with different numbers, and the graphs are compared. All must be the same but for lengths that follow the batch. Whatever
 * else differs (a constant, an attribute, the number of nodes) was taken from the input, and would be wrong for the next one.
 * Next: lengths.ts.
 */
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { OnnxExportError, type Source } from "./errors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./graph.ts";
import { inShape, LengthWriter, lengthThrough } from "./lengths.ts";

/** A graph of the network, and the size of the batch it was made with. */
export interface Sample {
  readonly graph: OnnxGraph;
  readonly batch: number;
}

/**
 * The graph for every input.
 *
 * @throws OnnxExportError naming operation and module where the two differ in more than lengths that follow the batch.
 */
export function commonGraph(a: Sample, b: Sample): OnnxGraph {
  const { graph } = a;
  const batches = [a.batch, b.batch] as const;
  const [one, other] =
    a.batch === b.batch ? ["for one input", "for another"] : batches.map((batch) => `for a batch of ${batch}`);
  const fail = (source: Source, what: string, p: string, q: string): never => {
    const advice = a.batch === b.batch ? "" : "; if only the batch is to blame, fix it with dynamicBatch: false";
    throw new OnnxExportError(
      `${what} ${p} ${one} and ${q} ${other}: the file would hold what was taken from one input${advice}`,
      source,
    );
  };
  const tensors = new Map(graph.tensors);
  const lengths = new LengthWriter(graph, tensors);

  /** A list of lengths in each graph, as one that follows the batch. */
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

/** All of a node but the numbers of its constants, for comparing and for showing. */
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
