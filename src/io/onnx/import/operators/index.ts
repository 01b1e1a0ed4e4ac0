/** Every operator of ONNX that is covered, and advice on some that are not. Next: elementwise.ts. */
import type { Operators } from "../operator.ts";
import { comparisons } from "./compare.ts";
import { elementwise } from "./elementwise.ts";
import { layers } from "./layers.ts";
import { pooling } from "./pool.ts";
import { reductions } from "./reduce.ts";
import { resizing } from "./resize.ts";
import { shaping } from "./shape.ts";

export const operators: Operators = /* @__PURE__ */ Object.assign(
  {},
  comparisons,
  elementwise,
  layers,
  pooling,
  reductions,
  resizing,
  shaping,
);

/** Why an operator is not covered, and what to do. */
export function adviceOn(operator: string): string {
  if (/^(If|Loop|Scan)$/.test(operator)) {
    return "control flow is not covered: export the network for one fixed case, as torch.onnx.export does by tracing";
  }
  if (/^(Sequence|Optional|SplitToSequence|ConcatFromSequence)/.test(operator)) {
    return "lists of tensors are not covered: export a network of tensors only";
  }
  if (/Quantize|^QLinear|Integer$/.test(operator)) {
    return "quantised numbers are not covered: export the network before it is quantised";
  }
  if (operator === "Erf") return "erf is covered as a part of GELU only, ½x·(1 + erf(x/√2))";
  if (/^(RNN|LSTM|GRU)$/.test(operator)) return "recurrent layers are not covered";
  return "this operator is not covered: replace it in the network by ones that are (docs/weights.md lists them)";
}
