/** What element-wise functions of one tensor have in common: y_i = f(x_i), and the gradient gy_i·f′(x_i). */
import { checkTensor } from "../tensor/check-tensor.ts";
import { repeatableBy } from "../tensor/given-back.ts";
import type { UnaryOp } from "../tensor/kernels.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import { computed, deferredOf, empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import type { Operation } from "./attributes.ts";
import { record } from "./graph.ts";

/** Functions whose derivative is computed from y; that of the others is, from x. */
const OF_OUTPUT: readonly UnaryOp[] = ["exp", "relu", "rsqrt", "sigmoid", "sqrt", "tanh"];
/** Functions whose derivative depends on neither. */
const FLAT: readonly UnaryOp[] = ["neg", "sign", "round", "floor", "ceil"];

/**
 * f(x), recorded.
 *
 * @param operation what the graph calls it. Default: the kernel's name.
 * @param p and q, the kernel's numbers, if it has any.
 */
export function unary(op: UnaryOp, x: Tensor, operation: Operation = op, p?: number, q?: number): Tensor {
  checkTensor(typeof operation === "string" ? operation : operation[0], "x", x);
  const together = op === "relu" ? deferredOf(x)?.relu?.() : undefined;
  const y = together ? computed(together.z, x.shape) : empty(x.shape, x);
  if (together?.again) repeatableBy(y, together.again);
  if (!together) kernels.unary(op, valuesOf(x), valuesOf(y), p, q);
  const reads = FLAT.includes(op) ? [] : OF_OUTPUT.includes(op) ? [y] : [x];
  const rule = (gy: Values): Values[] => {
    if (together) return [together.gradient(gy, valuesOf(y))];
    // One of x and y stands for the other, or gy for both, which the derivative does not read.
    const read = reads.length > 0 ? valuesOf(reads[0]) : gy;
    const gx = allocate(gy.length, gy);
    kernels.unaryGradient(op, gy, read, read, gx, p, q);
    return [gx];
  };
  return record(operation, y, [x], rule, reads);
}
