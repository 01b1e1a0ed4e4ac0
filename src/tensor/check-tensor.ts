/** Whether an argument is a tensor, and in words what it is instead. */
import { describe } from "./check.ts";
import { isForeign } from "./copies.ts";
import { UsageError } from "./errors.ts";
import { isTensor, NO_INSIDES, Tensor } from "./tensor.ts";

/**
 * Throws unless `value` is a tensor of this copy of the library. (Each copy has kernels, steps and graphs of its own, so that
 * tensors of two cannot be computed with together.)
 *
 * @throws UsageError that names the operation and the argument.
 */
export function checkTensor(op: string, name: string, value: unknown): asserts value is Tensor {
  if (isTensor(value)) return;
  throw new UsageError(`${op}: ${name} must be a tensor, got ${inWords(value)}`);
}

function inWords(value: unknown): string {
  if (isForeign(value)) return describe(value);
  if (value instanceof Tensor) return NO_INSIDES;
  const isClone = typeof value === "object" && value !== null && "shape" in value && "data" in value;
  if (isClone) return `${describe(value)} (a clone?): tensor(it) makes one of it`;
  return `${describe(value)}${typeof value === "number" || Array.isArray(value) ? ": tensor(…) makes one of it" : ""}`;
}

/** `checkTensor` for several: each a tensor, or where `null` is allowed null or undefined. */
export function checkTensors(
  op: string,
  needed: Record<string, unknown>,
  optional: Record<string, unknown> = {},
): void {
  for (const name in needed) checkTensor(op, name, needed[name]);
  for (const name in optional) if (optional[name] != null) checkTensor(op, name, optional[name]);
}
