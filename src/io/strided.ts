/**
 * Strided views. PyTorch's tensors are windows on a storage, `element (i, j, …) = storage[offset + i·s₀ + j·s₁ + …]`,
 * so a transpose, a slice or an `expand` (stride 0) shares the numbers. Skipstone's are contiguous: reading copies.
 */
import { type Shape, sizeOf, stridesOf } from "../tensor/shape.ts";

/** The number of storage elements that a view spans, from its first to its last: 0 for an empty one. */
export function spanOf(shape: Shape, strides: readonly number[]): number {
  if (sizeOf(shape) === 0) return 0;
  return shape.reduce((last, length, axis) => last + (length - 1) * strides[axis], 0) + 1;
}

/** Whether the elements lie one after the other in row-major order. The stride of an axis of length 1 does not matter. */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  const rowMajor = stridesOf(shape);
  return shape.every((length, axis) => length === 1 || strides[axis] === rowMajor[axis]) || sizeOf(shape) === 0;
}

/** The elements of a view, `width` bytes each, in row-major order. `bytes` begins with the view's first element. */
export function gather(bytes: Uint8Array, width: number, shape: Shape, strides: readonly number[]): Uint8Array {
  const gathered = new Uint8Array(sizeOf(shape) * width);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < gathered.length; to += width) {
    for (let byte = 0; byte < width; byte++) gathered[to + byte] = bytes[from + byte];
    // Advances the index like an odometer: the last axis first, with a carry when an axis is finished.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] * width;
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * width * shape[axis];
      index[axis] = 0;
    }
  }
  return gathered;
}
