/**
 * Shaping: operations that move, repeat or select elements and compute nothing.
 *
 * Each output element is a copy of one input element. So each operation is linear, y = P x with a matrix P of zeros and
 * ones, and its gradient is Pᵀ gy: every element of gy goes back to where its value came from, and adds up there.
 * The geometry (tensor/geometry/copy.ts, reshape.ts, select.ts) decides what goes where; this file only moves it
 * forward and back.
 */
import { checkList, checkNumber } from "../tensor/arguments.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import {
  type CopyGeometry,
  concatGeometry,
  expandGeometry,
  type MoveGeometry,
  padGeometry,
  permuteGeometry,
  reversed,
  type SliceRange,
  sliceGeometry,
  stackGeometry,
} from "../tensor/geometry/copy.ts";
import { flattenedShape, reshapedShape, squeezedShape, unsqueezedShape } from "../tensor/geometry/reshape.ts";
import { gatherGeometry, type IndexTensor, selectGeometry } from "../tensor/geometry/select.ts";
import { repeatable } from "../tensor/given-back.ts";
import { allocate } from "../tensor/memory.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import { empty, type Tensor, valuesOf, viewOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { unbroadcast, zeros } from "./arrays.ts";
import type { Operation } from "./attributes.ts";
import { recordLinear } from "./graph.ts";
import { selected } from "./selected.ts";

export type { IndexTensor, SliceRange };

/**
 * y = x with two axes exchanged. A matrix's transpose is `transpose(x, 0, 1)`.
 *
 * @example
 * transpose(tensor([[1, 2, 3], [4, 5, 6]]), 0, 1).toArray(); // [[1, 4], [2, 5], [3, 6]]
 *
 * @throws ShapeError if an axis does not exist.
 */
export function transpose(x: Tensor, axis0: number, axis1: number): Tensor {
  checkTensor("transpose", "x", x);
  const axes = x.shape.map((_, axis) => axis);
  const i = normalizeAxis("transpose", axis0, x.rank, x.shape);
  const j = normalizeAxis("transpose", axis1, x.rank, x.shape);
  [axes[i], axes[j]] = [j, i];
  return rearranged(["transpose", { axes }], x, permuteGeometry("transpose", x.shape, axes));
}

/**
 * y = x with its axes in another order: axis k of y is axis `axes[k]` of x. `[0, 2, 3, 1]` turns NCHW into NHWC.
 *
 * @example
 * permute(zeros([8, 3, 32, 16]), [0, 2, 3, 1]).shape; // [8, 32, 16, 3]
 *
 * @throws ShapeError unless `axes` names every axis exactly once.
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  checkTensor("permute", "x", x);
  return rearranged(["permute", { axes }], x, permuteGeometry("permute", x.shape, axes));
}

/**
 * y = the same elements, in the same order, in another shape. One length may be −1: it is inferred. y shares the
 * storage of x.
 *
 * @example
 * reshape(tensor([1, 2, 3, 4, 5, 6]), [2, -1]).toArray(); // [[1, 2, 3], [4, 5, 6]]
 *
 * @throws ShapeError if the sizes do not agree.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor("reshape", "x", x);
  return relabelled("reshape", x, reshapedShape("reshape", x.shape, shape));
}

/**
 * y = x with the axes `startAxis` to `endAxis` merged: `flatten(x, 1)` turns `[N, C, H, W]` into `[N, C·H·W]`. y shares
 * the storage of x.
 *
 * @example
 * flatten(zeros([8, 3, 4, 4]), 1).shape; // [8, 48]
 *
 * @throws ShapeError if an axis does not exist, or they are in the wrong order.
 */
export function flatten(x: Tensor, startAxis = 0, endAxis = -1): Tensor {
  checkTensor("flatten", "x", x);
  return relabelled("flatten", x, flattenedShape("flatten", x.shape, startAxis, endAxis));
}

/**
 * y = x without `axis` if its length is 1 (otherwise unchanged, as in PyTorch); without an argument, without every axis
 * of length 1. y shares the storage of x.
 *
 * @example
 * squeeze(zeros([1, 3, 1])).shape; // [3]
 * squeeze(zeros([1, 3, 1]), 0).shape; // [3, 1]
 *
 * @throws ShapeError if the axis does not exist.
 */
export function squeeze(x: Tensor, axis?: number): Tensor {
  checkTensor("squeeze", "x", x);
  return relabelled("squeeze", x, squeezedShape("squeeze", x.shape, axis));
}

/**
 * y = x with a new axis of length 1, at position `axis` of y. y shares the storage of x.
 *
 * @example
 * unsqueeze(tensor([1, 2]), 1).toArray(); // [[1], [2]]
 *
 * @throws ShapeError if y has no such axis.
 */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  checkTensor("unsqueeze", "x", x);
  return relabelled("unsqueeze", x, unsqueezedShape("unsqueeze", x.shape, axis));
}

/**
 * y = x[start:stop:step, …], one `[start, stop, step]` per axis from the first; null means the whole axis, or the
 * default for one bound. Negative positions count from the end; positions beyond the end are clipped.
 *
 * @example
 * slice(arange(10), [[1, 8, 3]]); // [1, 4, 7]
 * slice(images, [null, null, [null, null, 2], [null, null, 2]]); // every second pixel of [N, C, H, W]
 *
 * @throws ShapeError for more ranges than axes, and for steps below 1.
 */
export function slice(x: Tensor, ranges: readonly SliceRange[]): Tensor {
  checkTensor("slice", "x", x);
  return rearranged(["slice", { ranges }], x, sliceGeometry("slice", x.shape, ranges));
}

/**
 * y = the tensors, joined one after the other along `axis`.
 *
 * @example
 * concat([tensor([[1, 2]]), tensor([[3, 4]])]).toArray(); // [[1, 2], [3, 4]]
 * concat([tensor([[1, 2]]), tensor([[3, 4]])], 1).toArray(); // [[1, 2, 3, 4]]
 *
 * @throws ShapeError for no tensors, or unless they agree in every other axis.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const g = concatGeometry("concat", shapesOf("concat", tensors), axis);
  return joined(["concat", { axis }], tensors, g.shape, g.copies);
}

/**
 * y = the tensors, all of one shape, along a new axis at position `axis` of y.
 *
 * @example
 * stack([tensor([1, 2]), tensor([3, 4])]).toArray(); // [[1, 2], [3, 4]]
 * stack([tensor([1, 2]), tensor([3, 4])], 1).toArray(); // [[1, 3], [2, 4]]
 *
 * @throws ShapeError for no tensors, or unless their shapes are equal.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const g = stackGeometry("stack", shapesOf("stack", tensors), axis);
  return joined(["stack", { axis }], tensors, g.shape, g.copies);
}

/**
 * y = x with `[before, after]` elements of `value` added along each axis, one pair per axis. Negative numbers cut off.
 *
 * @example
 * pad(tensor([1, 2, 3]), [[-1, 2]]).toArray(); // [2, 3, 0, 0]
 *
 * @throws ShapeError unless there is one pair of whole numbers for each axis, which cut off no more than there is.
 */
export function pad(x: Tensor, pads: readonly (readonly [number, number])[], value = 0): Tensor {
  checkTensor("pad", "x", x);
  checkNumber("pad", "value", value);
  const { shape, copy } = padGeometry("pad", x.shape, pads);
  const y = repeatable("pad", [x], shape, () => {
    const values = allocate(sizeOf(shape), valuesOf(x));
    kernels.fill(values, value);
    kernels.copyStrided(valuesOf(x), values, copy);
    return values;
  });
  return recordLinear(["pad", { pads, value }], y, [x], (gy) => {
    // The added elements are constants; the others are copies of x, of which some may be cut off.
    const gx = sizeOf(copy.shape) < x.size ? zeros(x.size, gy) : allocate(x.size, gy);
    kernels.copyStrided(gy, gx, reversed(copy));
    return [gx];
  });
}

/**
 * y = x[…, index[j], …]: slices of x along `axis`, in the order of `index`, which may repeat.
 *
 * @example
 * indexSelect(tensor([[1, 2, 3], [4, 5, 6]]), 1, [2, 0, 0]).toArray(); // [[3, 1, 1], [6, 4, 4]]
 *
 * @throws ShapeError if the axis does not exist; ValueError with an index out of range.
 */
export function indexSelect(x: Tensor, axis: number, index: ArrayLike<number>): Tensor {
  checkTensor("indexSelect", "x", x);
  return selected(["indexSelect", { axis, index }], x, selectGeometry("indexSelect", x.shape, axis, index));
}

/**
 * y[i, j, k] = x[index[i, j, k], j, k] for axis 0, and likewise for the others: one element of x per element of
 * `index`.
 * y has the shape of `index`, which has the rank of x.
 *
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * gather(x, 1, { data: [2, 0], shape: [2, 1] }); // [[3], [4]]
 *
 * @throws ShapeError if `index` does not fit into x; ValueError with an index out of range.
 */
export function gather(x: Tensor, axis: number, index: IndexTensor): Tensor {
  checkTensor("gather", "x", x);
  return selected(["gather", { axis, index }], x, gatherGeometry("gather", x.shape, axis, index));
}

/**
 * y = x repeated along axes of length 1 and along new leading axes, up to `shape`; −1 keeps an axis as it is.
 *
 * @example
 * expand(tensor([[1], [2]]), [-1, 3]).toArray(); // [[1, 1, 1], [2, 2, 2]]
 *
 * @throws ShapeError if x does not stretch to `shape`.
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensor("expand", "x", x);
  const g = expandGeometry("expand", x.shape, shape);
  const y = empty(g.shape, x);
  kernels.copyStrided(valuesOf(x), valuesOf(y), g.copy);
  return recordLinear("expand", y, [x], (gy) => {
    // An element that was copied k times receives the sum of k gradients.
    return [unbroadcast(gy, y.shape, x.shape)];
  });
}

/** One copy that fills every element of y, and uses every element of x at most once. */
function rearranged(operation: Operation, x: Tensor, { shape, copy }: MoveGeometry): Tensor {
  const op = typeof operation === "string" ? operation : operation[0];
  const y = repeatable(op, [x], shape, () => {
    const values = allocate(sizeOf(shape), valuesOf(x));
    kernels.copyStrided(valuesOf(x), values, copy);
    return values;
  });
  return recordLinear(operation, y, [x], (gy) => {
    // Each element of gy goes back to where its value came from; elements of x that were left out have gradient 0.
    const gx = y.size < x.size ? zeros(x.size, gy) : allocate(x.size, gy);
    kernels.copyStrided(gy, gx, reversed(copy));
    return [gx];
  });
}

/** Another shape for the same storage. In row-major order nothing moves, so the gradient is gy in the old shape. */
function relabelled(op: string, x: Tensor, shape: Shape): Tensor {
  return recordLinear(op, viewOf(x, shape), [x], (gy) => [gy]);
}

function joined(
  operation: Operation,
  tensors: readonly Tensor[],
  shape: Shape,
  copies: readonly CopyGeometry[],
): Tensor {
  const y = empty(shape, tensors[0]);
  tensors.forEach((x, k) => {
    kernels.copyStrided(valuesOf(x), valuesOf(y), copies[k]);
  });
  return recordLinear(operation, y, tensors, (gy, needed) =>
    // Each input gets back the part of gy that it filled.
    tensors.map((x, k) => {
      if (!needed[k]) return null;
      const gx = allocate(x.size, gy);
      kernels.copyStrided(gy, gx, reversed(copies[k]));
      return gx;
    }),
  );
}

function shapesOf(op: string, tensors: readonly Tensor[]): Shape[] {
  checkList(op, "tensors", tensors);
  return tensors.map((t, i) => {
    checkTensor(op, `tensor ${i}`, t);
    return t.shape;
  });
}
