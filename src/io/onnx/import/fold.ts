/** Computes at once what follows from constants alone: PyTorch writes the bounds of a clamp as Cast of a Constant. */
import { isTensor } from "../../../tensor/tensor.ts";
import type { GraphNode } from "./model.ts";
import { asValue, type Numbers, type Wholes } from "./numbers.ts";
import { Inputs, Node } from "./operator.ts";
import { operators } from "./operators/index.ts";

/** Operators whose output is no larger than their inputs together. */
const FOLDED: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "Cast",
  "Concat",
  "Reshape",
  "Slice",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/** Larger constants are not those that an operator needs to know. */
const MOST = 4096;

/** The output of a node all of whose inputs are among `constants`; undefined if it is to be computed in the network. */
export function folded(node: GraphNode, opset: number, constants: ReadonlyMap<string, Numbers>): Numbers | undefined {
  if (!FOLDED.has(node.operator)) return undefined;
  const given = node.inputs.map((name) => (name === "" ? null : constants.get(name)));
  if (given.includes(undefined)) return undefined;
  if (given.reduce((size, numbers) => size + (numbers?.data.length ?? 0), 0) > MOST) return undefined;
  const typed = new Node(node, opset, constants);
  const values = given.map((numbers) => (numbers ? asValue(numbers) : null));
  const value = operators[node.operator](typed)(new Inputs(typed, values), { training: false, rng: undefined });
  if (isTensor(value)) return { shape: value.shape, data: value.data.slice() };
  // None of these has several outputs.
  return value as Wholes;
}
