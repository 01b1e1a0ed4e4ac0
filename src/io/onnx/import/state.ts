/**
 * Which tensors of a file are a network's state, and what holds them.
 *
 * A file does not say what was trained. A parameter is a tensor of floats that is the weight, scale or shift of an
 * operator; or that takes part in arithmetic and has a name as PyTorch gives them. The running statistics of batch norms
 * are buffers, all else is constant.
 *
 * Where the names are those of a layer (`conv1.weight`, `conv1.bias`), and nothing else reads them, the layer is one of
 * this library's: then `summary`, the instruments and folding know it. Next: layers.ts, which makes them.
 */
import { buffer, type Module, parameter } from "../../../nn/module.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { layerOf } from "./layers.ts";
import type { GraphNode } from "./model.ts";
import { asValue, type Numbers, type Value } from "./numbers.ts";
import type { TidyGraph } from "./tidy.ts";

export interface State {
  /** Layers by path, and all other parameters and buffers by name. */
  readonly parts: ReadonlyMap<string, Module | Tensor>;
  readonly layers: ReadonlyMap<GraphNode, Module>;
  /** Every tensor of the file that is in no layer. */
  readonly values: ReadonlyMap<string, Value>;
  /** The constants among them. */
  readonly constants: ReadonlyMap<string, Numbers>;
}

/** The inputs of an operator that are trained. */
const TRAINED: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  Einsum: [0, 1, 2],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  GroupNormalization: [1, 2],
  PRelu: [1],
};

const ARITHMETIC: ReadonlySet<string> = /* @__PURE__ */ new Set(["Add", "Sub", "Mul", "Div", "Pow"]);

/** A weight may be turned first. */
const TURNS: ReadonlySet<string> = /* @__PURE__ */ new Set(["Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten"]);

/** `layer1.0.scale`. */
const PYTORCH_NAME = /^[A-Za-z_]\w*(\.\w+)*$/;

/** `layer1/constant_2`: this library's exporter calls a tensor so that is not in the network's state. */
const OUR_CONSTANT = /(^|\/)constant(_\d+)?$/;

export function stateOf(graph: TidyGraph): State {
  const parameters = parametersOf(graph);
  const buffers = new Set(
    graph.nodes.filter(({ operator }) => operator === "BatchNormalization").flatMap(({ inputs }) => inputs.slice(3, 5)),
  );
  const uses = new Map<string, number>();
  for (const { name } of graph.outputs) uses.set(name, 1);
  for (const { inputs } of graph.nodes) for (const name of inputs) uses.set(name, (uses.get(name) ?? 0) + 1);

  const parts = new Map<string, Module | Tensor>();
  const layers = new Map<GraphNode, Module>();
  const inLayers = new Set<string>();
  for (const node of graph.nodes) {
    const own = node.inputs.slice(1).filter((name) => name !== "");
    if (!own.every((name) => uses.get(name) === 1 && (parameters.has(name) || buffers.has(name)))) continue;
    const made = layerOf(node, graph);
    if (!made || parts.has(made.path)) continue;
    parts.set(made.path, made.layer);
    layers.set(node, made.layer);
    for (const name of own) inLayers.add(name);
  }
  const values = new Map<string, Value>();
  const constants = new Map<string, Numbers>();
  for (const [name, { shape, data }] of graph.tensors) {
    if (!uses.has(name) || inLayers.has(name)) continue;
    const value = asValue({ shape, data });
    const isState = value instanceof Tensor && (parameters.has(name) || buffers.has(name));
    if (isState) parts.set(name, parameters.has(name) ? parameter(value) : buffer(value));
    else constants.set(name, { shape, data });
    values.set(name, value);
  }
  return { parts, layers, values, constants };
}

/** Names of the tensors that are trained. */
function parametersOf({ nodes, tensors, literals }: TidyGraph): ReadonlySet<string> {
  const weights = new Set<string>();
  const terms = new Set<string>();
  // From the end, so that it is known what becomes of a turned weight.
  for (const { operator, inputs, outputs } of [...nodes].reverse()) {
    for (const i of Object.hasOwn(TRAINED, operator) ? TRAINED[operator] : []) weights.add(inputs[i] ?? "");
    if (ARITHMETIC.has(operator)) for (const name of inputs) terms.add(name);
    if (!TURNS.has(operator)) continue;
    for (const kind of [weights, terms]) if (kind.has(outputs[0])) kind.add(inputs[0]);
  }
  for (const name of terms) if (PYTORCH_NAME.test(name)) weights.add(name);
  const isState = (name: string): boolean =>
    tensors.get(name)?.data instanceof Float32Array && !literals.has(name) && !OUR_CONSTANT.test(name);
  return new Set([...weights].filter(isState));
}
