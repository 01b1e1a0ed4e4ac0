/**
 * Comparisons, and choosing by them.
 *
 * A comparison is flat between its steps, so its gradient is 0, as `round`'s. It is recorded nevertheless: the graph has to
 * know that the numbers of a mask follow from the input, for an export (src/io/onnx) and for a certificate (src/flow).
 */

import { checkTensor } from "../tensor/check-tensor.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import type { Comparison } from "../tensor/kernels.ts";
import { allocate, type Values, wider } from "../tensor/memory.ts";
import { broadcastShapes, type Shape, sizeOf } from "../tensor/shape.ts";
import { computed, empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { combine, stretched, unbroadcast, zeros } from "./arrays.ts";
import { record, recordLinear } from "./graph.ts";
import { type Operand, operand } from "./operand.ts";

/**
 * y = 1 where a = b, else 0; NaN equals nothing. The gradient is 0.
 *
 * @example
 * eq(tensor([1, 2, 3]), 2).toArray(); // [0, 1, 0]
 */
export function eq(a: Operand, b: Operand): Tensor {
  return compare("eq", a, b, "eq");
}

/**
 * y = 1 where a ≠ b, also where either is NaN, else 0. The gradient is 0.
 *
 * @example
 * ne(tensor([1, 2, 3]), 2).toArray(); // [1, 0, 1]
 */
export function ne(a: Operand, b: Operand): Tensor {
  return compare("ne", a, b, "ne");
}

/**
 * y = 1 where a < b, else 0, also where either is NaN. The gradient is 0.
 *
 * @example
 * lt(tensor([1, 2, 3]), 2).toArray(); // [1, 0, 0]
 */
export function lt(a: Operand, b: Operand): Tensor {
  return compare("lt", a, b, "lt");
}

/**
 * y = 1 where a ≤ b, else 0, also where either is NaN. The gradient is 0.
 *
 * @example
 * le(tensor([1, 2, 3]), 2).toArray(); // [1, 1, 0]
 */
export function le(a: Operand, b: Operand): Tensor {
  return compare("le", a, b, "le");
}

/**
 * y = 1 where a > b, else 0, also where either is NaN. The gradient is 0.
 *
 * @example
 * gt(tensor([1, 2, 3]), 2).toArray(); // [0, 0, 1]
 */
export function gt(a: Operand, b: Operand): Tensor {
  return compare("gt", a, b, "lt", true);
}

/**
 * y = 1 where a ≥ b, else 0, also where either is NaN. The gradient is 0.
 *
 * @example
 * ge(tensor([1, 2, 3]), tensor([3, 2, 1])).toArray(); // [0, 1, 1]
 */
export function ge(a: Operand, b: Operand): Tensor {
  return compare("ge", a, b, "le", true);
}

/** By the kernel `by`, with the operands exchanged if `turned`: a > b is b < a. */
function compare(op: string, left: Operand, right: Operand, by: Comparison, turned = false): Tensor {
  const a = operand(op, "a", left, right);
  const b = operand(op, "b", right, left);
  const [p, q] = turned ? [b, a] : [a, b];
  const g = broadcastGeometry(op, p.shape, q.shape);
  const y = empty(g.shape, a);
  kernels.binary(by, valuesOf(p), valuesOf(q), valuesOf(y), g);
  return recordLinear(op, y, [a, b], (gy, needed) => [a, b].map((t, i) => (needed[i] ? zeros(t.size, gy) : null)));
}

/**
 * y = a where the condition is not 0, else b, all three broadcast together. NaN is not 0, as in PyTorch.
 *
 * ∂y/∂a = 1 where the condition is not 0, ∂y/∂b = 1 where it is; the gradient of the side not taken is 0, whatever is
 * there. Nothing goes to the condition.
 *
 * @example
 * const x = tensor([-2, 0, 4]);
 * where(gt(x, 0), x, -1).toArray(); // [-1, -1, 4]
 *
 * @throws ShapeError if the shapes do not broadcast.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkTensor("where", "condition", condition);
  const like = typeof a === "number" && typeof b === "number" ? condition : undefined;
  const yes = operand("where", "a", a, like ?? b);
  const no = operand("where", "b", b, like ?? a);
  const shape = [yes, no].reduce<Shape>((all, t) => broadcastShapes("where", all, t.shape), condition.shape);
  const y = computed(allocate(sizeOf(shape), wider(valuesOf(yes), valuesOf(no))), shape);
  // A single number stays one: a kernel repeats it.
  const [c, p, q] = [condition, yes, no].map((t) =>
    t.size === 1 ? valuesOf(t) : stretched(valuesOf(t), t.shape, shape),
  );
  kernels.where(c, p, q, valuesOf(y));
  return record(
    "where",
    y,
    [condition, yes, no],
    (gy, [, needA, needB]) => {
      const masked = (by: "keep" | "drop", t: Tensor): Values =>
        unbroadcast(combine(by, gy, shape, valuesOf(condition), condition.shape), shape, t.shape);
      return [null, needA ? masked("keep", yes) : null, needB ? masked("drop", no) : null];
    },
    [condition],
  );
}
