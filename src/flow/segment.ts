/**
 * The part of a graph between two tensors, and which of its edges depend on a parameter.
 *
 * An edge leads from an input of a node to its output; its map is ∂output/∂input at this input (edge-maps.ts). It is
 * *weightless* if the map depends on no parameter: sums, moved entries, constant factors, masks (as they are at this
 * input), products with tensors that depend on no parameter.
 */
import type { OpAttributes } from "../autograd/attributes.ts";
import { type Node, nodesBefore } from "../autograd/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Operations whose maps depend only on the shapes. */
const LINEAR: ReadonlySet<string> = new Set([
  ...[
    "add",
    "sub",
    "neg",
    "reshape",
    "flatten",
    "squeeze",
    "unsqueeze",
    "tap",
    "transpose",
    "permute",
    "slice",
    "concat",
  ],
  ...[
    "stack",
    "pad",
    "indexSelect",
    "gather",
    "expand",
    "sum",
    "cumsum",
    "mean",
    "avgPool2d",
    "adaptiveAvgPool2d",
    "globalAvgPool2d",
    "interpolate",
  ],
]);
/** Operations that pass or drop entries depending on the values. */
const MASKS: ReadonlySet<string> = new Set([
  ...[
    "relu",
    "leakyRelu",
    "clamp",
    "abs",
    "dropout",
    "max",
    "min",
    "maxWithIndices",
    "minWithIndices",
    "topK",
    "maximum",
    "minimum",
    "where",
    "maxPool2d",
  ],
]);
/** Operations that multiply an input by the others. */
const PRODUCTS: ReadonlySet<string> = new Set([
  "mul",
  "div",
  "matmul",
  "linear",
  "conv2d",
  "conv1d",
  "convTranspose2d",
]);

/** The part of a graph that leads from x to y, divided. */
export interface Segment {
  readonly x: Tensor;
  readonly y: Tensor;
  /** Nodes that x leads to, oldest first. */
  readonly nodes: readonly Node[];
  /** x and everything computed from it. */
  readonly reached: ReadonlySet<Tensor>;
  /** Tensors that depend on a parameter. */
  readonly dependent: ReadonlySet<Tensor>;
  /** For each node and input, whether the edge is weightless; false if x does not lead to the input. */
  readonly weightless: ReadonlyMap<Node, readonly boolean[]>;
}

/**
 * @param isParameter tells which leaves are parameters. A tensor depends on a parameter if it is one, or was computed
 * from one on a way that does not go through x.
 */
export function segmentBetween(y: Tensor, x: Tensor, isParameter: (leaf: Tensor) => boolean): Segment {
  const reached = new Set([x]);
  const dependent = new Set<Tensor>();
  const nodes: Node[] = [];
  const depends = (t: Tensor): boolean => t !== x && (dependent.has(t) || (t.node === null && isParameter(t)));
  for (const node of y === x ? [] : nodesBefore(y, [x]).reverse()) {
    for (const t of node.inputs) if (depends(t)) dependent.add(t);
    if (node.inputs.some(depends)) dependent.add(node.output);
    if (!node.inputs.some((t) => reached.has(t))) continue;
    reached.add(node.output);
    nodes.push(node);
  }
  const weightless = new Map(
    nodes.map((node) => [node, node.inputs.map((t, i) => reached.has(t) && isWeightless(node, i, dependent))]),
  );
  return { x, y, nodes, reached, dependent, weightless };
}

/** Whether the map from input number `input` depends on no parameter. */
function isWeightless({ op, inputs, attributes }: Node, input: number, dependent: ReadonlySet<Tensor>): boolean {
  if (LINEAR.has(op) || MASKS.has(op)) return true;
  const others = inputs.filter((_, i) => i !== input);
  if (PRODUCTS.has(op) && !(op === "div" && input === 1)) return !others.some((t) => dependent.has(t));
  // Running statistics are learnt too.
  if (op === "batchNorm" && !(attributes as OpAttributes["batchNorm"]).training) return false;
  return !inputs.some((t) => dependent.has(t));
}

/** Whether the map changes with the values of the inputs. */
export function dependsOnInput({ op, inputs }: Node, input: number, { reached }: Segment): boolean {
  if (LINEAR.has(op)) return false;
  if (PRODUCTS.has(op) && !(op === "div" && input === 1)) return inputs.some((t, i) => i !== input && reached.has(t));
  return true;
}
