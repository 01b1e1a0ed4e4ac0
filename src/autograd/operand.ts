/** What an operation of two tensors takes in the place of one. */
import { checkTensor } from "../tensor/check-tensor.ts";
import { computed, isTensor, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { filled } from "./arrays.ts";

/** A tensor, or a number that broadcasts as a scalar. */
export type Operand = Tensor | number;

/** A tensor as it is, a number as a scalar of the other operand's type. */
export function operand(op: string, name: string, value: Operand, other: Operand): Tensor {
  if (typeof value === "number") return computed(filled(1, value, isTensor(other) ? valuesOf(other) : undefined), []);
  checkTensor(op, name, value);
  return value;
}
