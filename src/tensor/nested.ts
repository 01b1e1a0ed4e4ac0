/** Numbers in nested arrays, as a person writes and reads them. */
import type { Floats } from "./memory.ts";
import { type Shape, stridesOf } from "./shape.ts";

/** Numbers nested to the depth of a tensor's rank; a scalar is a plain number. */
export type NestedArray = number | readonly NestedArray[];

/**
 * What `toArray` returns: `number` for a scalar, `number[]` for a vector, `number[][]` for a matrix. Which one it is
 * depends on the rank, which types do not know, so this one can be used as any of them.
 */
export type NestedNumbers = number & NestedNumbers[];

/** The numbers, nested as the shape says. */
export function nested(data: Floats, shape: Shape): NestedNumbers {
  const strides = stridesOf(shape);
  const nest = (axis: number, offset: number): NestedArray =>
    axis === shape.length
      ? data[offset]
      : Array.from({ length: shape[axis] }, (_, i) => nest(axis + 1, offset + i * strides[axis]));
  return nest(0, 0) as NestedNumbers;
}
