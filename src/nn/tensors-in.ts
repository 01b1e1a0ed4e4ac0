/** Models and losses take and return tensors: one, or several in arrays, Maps and objects. */
import { isTensor, type Tensor } from "../tensor/tensor.ts";

/** The tensors in a value: the value itself, or those in its arrays, Maps and plain objects, in order. */
export function tensorsIn(value: unknown): Tensor[] {
  if (isTensor(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value instanceof Map) return [...value.values()].flatMap(tensorsIn);
  return isPlainObject(value) ? Object.values(value).flatMap(tensorsIn) : [];
}

/** Whether it is a plain object, like `{ … }`, of this or another realm (an iframe, a vm context): its prototype is the last. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
