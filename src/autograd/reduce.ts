/**
 * Reductions: many elements become one, over some axes or all of them.
 *
 * A reduction's gradient goes the other way: one number per output spreads over the elements that were reduced. Below,
 * `g.keptShape` is the output's shape with each reduced axis kept as 1, so that y and gy broadcast against x.
 */
import { checkBoolean, checkFinite } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError, UsageError } from "../tensor/errors.ts";
import { type Axes, type ReduceGeometry, reduceGeometry } from "../tensor/geometry/reduce.ts";
import type { IndexTensor } from "../tensor/geometry/select.ts";
import type { ReduceOp } from "../tensor/kernels.ts";
import { allocate } from "../tensor/memory.ts";
import { formatShape, normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { combine, scaled, stretched, zeros } from "./arrays.ts";
import { record, recordLinear } from "./graph.ts";

/** The options of all reductions. */
export interface ReduceOptions {
  /** Keep the reduced axes in the result's shape, with length 1. Default false. */
  keepDim?: boolean;
}

export type { Axes };

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** The divisor is n − correction: 1 estimates a population's variance from a sample, 0 is the sample's. Default 1. */
  correction?: number;
}

/** Where the largest or smallest elements are. */
export interface Positions extends IndexTensor {
  readonly data: Int32Array;
}

/** The largest or smallest elements along an axis, and where they are. */
export interface WithIndices {
  readonly values: Tensor;
  readonly indices: Positions;
}

const REDUCE_OPTIONS: OptionNames<ReduceOptions> = { keepDim: true };
const VARIANCE_OPTIONS: OptionNames<VarianceOptions> = { keepDim: true, correction: true };

/**
 * y = Σ x over `axes`. The sum is accumulated in float64.
 *
 * @example
 * sum(tensor([[1, 2], [3, 4]]), 0).toArray(); // [4, 6]
 *
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const { keepDim = false } = checked("sum", x, axes, options, REDUCE_OPTIONS);
  const g = reduceGeometry("sum", x.shape, axes, keepDim);
  return recordLinear(["sum", { axes, keepDim }], reduced("sum", x, g), [x], (gy) => {
    // ∂y/∂x_i = 1 for every element: each receives a copy of its output's gradient.
    return [stretched(gy, g.keptShape, x.shape)];
  });
}

/**
 * y = Σ x / n over `axes`, n elements each; NaN for n = 0.
 *
 * @example
 * const x = tensor([[1, 2], [3, 6]]);
 * mean(x).item(); // 3
 * mean(x, 0).toArray(); // [2, 4]
 *
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const { keepDim = false } = checked("mean", x, axes, options, REDUCE_OPTIONS);
  const g = reduceGeometry("mean", x.shape, axes, keepDim);
  return recordLinear(["mean", { axes, keepDim }], reduced("mean", x, g), [x], (gy) => {
    // ∂y/∂x_i = 1/n.
    return [stretched(scaled(gy, 1 / g.count), g.keptShape, x.shape)];
  });
}

/**
 * y = Π x over `axes`, multiplied in float64 from the first to the last; 1 for no elements. What leaves float64's range on
 * the way is ∞ or 0 for good, as PyTorch's does in float32. The derivative by an element is the product of the others,
 * zeros or not.
 *
 * @example
 * prod(tensor([[1, 2], [3, 4]]), 1).toArray(); // [2, 12]
 *
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function prod(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const { keepDim = false } = checked("prod", x, axes, options, REDUCE_OPTIONS);
  const g = reduceGeometry("prod", x.shape, axes, keepDim);
  return record(
    ["prod", { axes, keepDim }],
    reduced("prod", x, g),
    [x],
    (gy) => {
      // ∂y/∂x_i = Π_{j≠i} x_j.
      const gx = allocate(x.size, gy);
      kernels.prodGradient(gy, valuesOf(x), gx, g);
      return [gx];
    },
    [x],
  );
}

/**
 * y = the largest element over `axes`, NaN if there is one. Tied largest elements share the gradient equally (PyTorch's
 * amax).
 *
 * @example
 * const x = tensor([[1, 5], [3, 2]]);
 * max(x).item(); // 5
 * max(x, 1).toArray(); // [5, 3]
 *
 * @throws ShapeError if an axis does not exist or is named twice, and for the maximum of no elements.
 */
export function max(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return extreme("max", x, axes, options);
}

/**
 * y = the smallest element over `axes`, NaN if there is one. Tied smallest elements share the gradient equally (PyTorch's
 * amin).
 *
 * @example
 * const x = tensor([[1, 5], [3, 2]]);
 * min(x, 0, { keepDim: true }).toArray(); // [[1, 2]]
 *
 * @throws ShapeError if an axis does not exist or is named twice, and for the minimum of no elements.
 */
export function min(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return extreme("min", x, axes, options);
}

function extreme(op: "max" | "min", x: Tensor, axes: Axes, options: ReduceOptions): Tensor {
  const { keepDim = false } = checked(op, x, axes, options, REDUCE_OPTIONS);
  const g = reduceGeometry(op, x.shape, axes, keepDim);
  checkNotEmpty(op, x.shape, g);
  const y = reduced(op, x, g);
  return record([op, { axes, keepDim }], y, [x], (gy) => {
    // ∂y/∂x_i = 1/k where x_i is one of the k elements that equal y, else 0.
    const mask = combine("eq", valuesOf(x), x.shape, valuesOf(y), g.keptShape);
    const ties = allocate(gy.length, gy);
    kernels.reduce("sum", mask, ties, g);
    const share = combine("div", gy, g.keptShape, ties, g.keptShape);
    return [combine("mul", mask, x.shape, share, g.keptShape)];
  });
}

/**
 * The largest elements along one axis, `values`, and their positions, `indices`: the first one in a tie, and NaN counts
 * as largest. The gradient of a value goes to the element it was taken from (PyTorch's max with a dim).
 *
 * @example
 * maxWithIndices(tensor([[1, 5, 5], [7, 2, 3]]), 1); // values [5, 7], indices.data [1, 0]
 *
 * @throws ShapeError if the axis does not exist or has length 0.
 */
export function maxWithIndices(x: Tensor, axis: number, options: ReduceOptions = {}): WithIndices {
  return withIndices("maxWithIndices", x, axis, options);
}

/**
 * The smallest elements along one axis, `values`, and their positions, `indices`: the first one in a tie, and NaN counts
 * as smallest. The gradient of a value goes to the element it was taken from (PyTorch's min with a dim).
 *
 * @example
 * minWithIndices(tensor([[5, 1, 1], [7, 2, 3]]), 1); // values [1, 2], indices.data [1, 1]
 *
 * @throws ShapeError if the axis does not exist or has length 0.
 */
export function minWithIndices(x: Tensor, axis: number, options: ReduceOptions = {}): WithIndices {
  return withIndices("minWithIndices", x, axis, options);
}

function withIndices(
  op: "maxWithIndices" | "minWithIndices",
  x: Tensor,
  axis: number,
  options: ReduceOptions,
): WithIndices {
  const { keepDim = false } = checked(op, x, axis, options, REDUCE_OPTIONS);
  const along = normalizeAxis(op, axis, x.rank, x.shape);
  const g = reduceGeometry(op, x.shape, along, keepDim);
  checkNotEmpty(op, x.shape, g);
  const indices = { data: new Int32Array(sizeOf(g.shape)), shape: g.shape };
  kernels[op === "maxWithIndices" ? "argmax" : "argmin"](valuesOf(x), indices.data, g);
  const positions = indices.data.map((index, k) => g.kept[k] + index * g.innerStride);
  const flat = { outer: 1, length: x.size, inner: 1 };
  const values = empty(g.shape, x);
  kernels.indexSelect(valuesOf(x), positions, valuesOf(values), flat);
  recordLinear([op, { axes: axis, keepDim }], values, [x], (gy) => {
    // ∂y/∂x_i = 1 at the chosen position, else 0.
    const gx = zeros(x.size, gy);
    kernels.indexAdd(gy, positions, gx, flat);
    return [gx];
  });
  return { values, indices };
}

/**
 * The position of the largest element along `axis`, the first in a tie; without an axis, its position in all of x in
 * row-major order. Whole numbers, without a gradient.
 *
 * @example
 * const scores = tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]);
 * argmax(scores, 1).data; // [1, 0]
 *
 * @throws ShapeError if the axis does not exist, and for no elements.
 */
export function argmax(x: Tensor, axis?: number, options: ReduceOptions = {}): Positions {
  return positionsOf("argmax", x, axis, options);
}

/**
 * The position of the smallest element along `axis`, the first in a tie; without an axis, its position in all of x in
 * row-major order. Whole numbers, without a gradient.
 *
 * @example
 * argmin(tensor([3, 1, 2])).data; // [1]
 *
 * @throws ShapeError if the axis does not exist, and for no elements.
 */
export function argmin(x: Tensor, axis?: number, options: ReduceOptions = {}): Positions {
  return positionsOf("argmin", x, axis, options);
}

function positionsOf(op: "argmax" | "argmin", x: Tensor, axis: number | undefined, options: ReduceOptions): Positions {
  const { keepDim = false } = checked(op, x, axis, options, REDUCE_OPTIONS);
  const g = reduceGeometry(op, x.shape, axis, keepDim);
  checkNotEmpty(op, x.shape, g);
  const data = new Int32Array(sizeOf(g.shape));
  kernels[op](valuesOf(x), data, g);
  return { data, shape: g.shape };
}

/**
 * y = ln Σ eˣ over `axes`, computed as m + ln Σ eˣ⁻ᵐ with m the largest element, so it never overflows.
 *
 * @example
 * logsumexp(tensor([0, 0])).item(); // 0.6931
 * logsumexp(tensor([1000, 1000])).item(); // 1000.6931
 *
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function logsumexp(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const { keepDim = false } = checked("logsumexp", x, axes, options, REDUCE_OPTIONS);
  const g = reduceGeometry("logsumexp", x.shape, axes, keepDim);
  const y = reduced("logsumexp", x, g);
  return record(["logsumexp", { axes, keepDim }], y, [x], (gy) => {
    // ∂y/∂x_i = e^x_i / Σ eˣ: the softmax. It equals e^(x_i − y), but y is rounded, which for x around 1000 costs four
    // digits. Dividing by the sum of these exponentials, which is 1 except for that rounding, restores them.
    const exponential = allocate(x.size, valuesOf(x));
    kernels.unary("exp", combine("sub", valuesOf(x), x.shape, valuesOf(y), g.keptShape), exponential);
    const total = allocate(gy.length, gy);
    kernels.reduce("sum", exponential, total, g);
    const share = combine("div", gy, g.keptShape, total, g.keptShape);
    return [combine("mul", exponential, x.shape, share, g.keptShape)];
  });
}

/**
 * y = Σ (x − x̄)² / (n − correction) over `axes`, x̄ the mean of the same n elements. Not finite where n ≤ correction.
 * Computed in float64 and rounded once.
 *
 * @example
 * variance(tensor([1, 3])).item(); // 2
 * variance(tensor([1, 3]), 0, { correction: 0 }).item(); // 1
 *
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function variance(x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor {
  return varianceOf("variance", x, axes, options);
}

/**
 * y = √variance: the standard deviation, for x of any magnitude. Where it is 0 the gradient is 0, as in PyTorch.
 *
 * @example
 * std(tensor([1, 3])).item(); // 1.4142
 * std(tensor([1, 3]), 0, { correction: 0 }).item(); // 1
 *
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function std(x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor {
  return varianceOf("std", x, axes, options);
}

function varianceOf(op: "variance" | "std", x: Tensor, axes: Axes, options: VarianceOptions): Tensor {
  const { keepDim = false, correction = 1 } = checked(op, x, axes, options, VARIANCE_OPTIONS);
  const g = reduceGeometry(op, x.shape, axes, keepDim);
  const divisor = Math.max(0, g.count - correction);
  const y = empty(g.shape, x);
  kernels.variance(valuesOf(x), valuesOf(y), g, divisor, op === "std");
  return record(
    [op, { axes, keepDim, correction }],
    y,
    [x],
    (gy) => {
      // The derivation is with the kernel.
      const gx = allocate(x.size, gy);
      kernels.varianceGradient(gy, valuesOf(x), gx, g, divisor, op === "std");
      return [gx];
    },
    [x],
  );
}

function reduced(op: ReduceOp, x: Tensor, g: ReduceGeometry): Tensor {
  const y = empty(g.shape, x);
  kernels.reduce(op, valuesOf(x), valuesOf(y), g);
  return y;
}

/** The options, after the checks common to all reductions: `sum(x, { dim: 1 })` has no axes. */
function checked<Options extends ReduceOptions>(
  op: string,
  x: Tensor,
  axes: Axes,
  options: Options,
  names: OptionNames<Options>,
): Options {
  checkTensor(op, "x", x);
  if (axes !== undefined && typeof axes !== "number" && !Array.isArray(axes)) {
    throw new UsageError(
      `${op}: axes must be a number or a list of numbers, got ${describe(axes)}: ${op}(x, 1, { keepDim: true })`,
    );
  }
  checkOptions(op, options, names as OptionNames<NonNullable<Options>>);
  const { keepDim = false, correction = 1 } = options as VarianceOptions;
  checkBoolean(op, "keepDim", keepDim);
  checkFinite(op, "correction", correction);
  return options;
}

function checkNotEmpty(op: string, x: Shape, g: ReduceGeometry): void {
  if (g.count > 0) return;
  const which = op.includes("max") ? "largest" : "smallest";
  throw new ShapeError(`${op}: cannot take the ${which} of no elements (x ${formatShape(x)})`);
}
