/**
 * Folds batch norms into the convolutions before them, in the graph that is about to be written. The network keeps its
 * own; `fuse` (src/nn/fuse.ts, which has the formula) folds them there.
 */
import { Names, type OnnxGraph, type OnnxNode, type OnnxTensor } from "./graph.ts";

/**
 * The graph without the batch norms whose input is a convolution that nothing else uses. The convolution and its weight
 * keep their names; it gets a bias if it had none.
 */
export function foldBatchNorms(graph: OnnxGraph): OnnxGraph {
  const names = new Names([graph.input.name, graph.output.name, ...graph.tensors.keys()]);
  const producers = new Map(graph.nodes.map((node) => [node.output, node]));
  const uses = new Map<string, number>();
  for (const name of graph.nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const usedOnce = (name: string): boolean => uses.get(name) === 1;

  const tensors = new Map(graph.tensors);
  /** The folded convolutions. */
  const folded = new Map<OnnxNode, OnnxNode>();
  /** The removed norms, by their output, with the value that replaces it. */
  const replaced = new Map<string, string>();
  for (const norm of graph.nodes) {
    const conv = producers.get(norm.inputs[0]);
    if (norm.operator !== "BatchNormalization" || conv?.operator !== "Conv" || !usedOnce(conv.output)) continue;
    // A computed weight or statistic has no numbers yet; a weight with other uses cannot be scaled.
    const [x, weightName, biasName] = conv.inputs;
    const parts = [weightName, biasName, ...norm.inputs.slice(1)].map((name) => graph.tensors.get(name));
    const known = parts.every((part, i) => part || (i === 1 && biasName === undefined));
    if (!known || !usedOnce(weightName)) continue;
    const [weight, bias, ...statistics] = parts as OnnxTensor[];
    const { float: eps } = norm.attributes["epsilon"] as { float: number };
    const { w, b } = foldInto(weight, bias, statistics, eps);
    const newBias = biasName !== undefined && usedOnce(biasName) ? biasName : names.unique(biasNameOf(weightName));
    tensors.set(weightName, w).set(newBias, b);
    const output = norm.output === graph.output.name ? norm.output : conv.output;
    folded.set(conv, { ...conv, inputs: [x, weightName, newBias], output });
    replaced.set(norm.output, output);
  }

  const nodes = graph.nodes
    .filter(({ output }) => !replaced.has(output))
    .map((node) => folded.get(node) ?? node)
    .map((node) => ({ ...node, inputs: node.inputs.map((name) => replaced.get(name) ?? name) }));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  return { ...graph, nodes, tensors: new Map([...tensors].filter(([name]) => used.has(name))) };
}

/** w′ = s·w and b′ = s·(b − μ) + β for each filter, s = γ/√(σ² + ε). */
function foldInto(
  weight: OnnxTensor,
  bias: OnnxTensor | undefined,
  statistics: readonly OnnxTensor[],
  eps: number,
): { w: OnnxTensor; b: OnnxTensor } {
  const [gamma, beta, mean, variance] = statistics.map(({ data }) => data);
  const perFilter = weight.data.length / gamma.length;
  const w = Float32Array.from(weight.data);
  const b = new Float32Array(gamma.length);
  for (let o = 0; o < gamma.length; o++) {
    const scale = gamma[o] / Math.sqrt(variance[o] + eps);
    for (let i = o * perFilter; i < (o + 1) * perFilter; i++) w[i] *= scale;
    b[o] = scale * ((bias ? bias.data[o] : 0) - mean[o]) + beta[o];
  }
  return { w: { shape: weight.shape, data: w }, b: { shape: [b.length], data: b } };
}

/** `layer1.0.conv1.bias` for `layer1.0.conv1.weight`. */
function biasNameOf(weight: string): string {
  return `${weight.replace(/(^|\.)weight$/, "$1")}bias`;
}
