/**
 * Pooling: a window moves over each plane of an image and leaves one number, the largest or the average.
 *
 * Window arithmetic, padding and ceil mode are in tensor/geometry/pool.ts.
 */
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Pair } from "../tensor/geometry/conv.ts";
import {
  type AvgPool2dOptions,
  adaptivePoolGeometry,
  type MaxPool2dOptions,
  type PoolGeometry,
  poolGeometry,
} from "../tensor/geometry/pool.ts";
import { allocate } from "../tensor/memory.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import type { Operation } from "./attributes.ts";
import { recordLinear } from "./graph.ts";

export type { AvgPool2dOptions, MaxPool2dOptions, PoolGeometry, PoolWindows } from "../tensor/geometry/pool.ts";

const WINDOW = { kernelSize: true, stride: true, padding: true, ceilMode: true } as const;
const MAX_POOL_OPTIONS: OptionNames<MaxPool2dOptions> = { ...WINDOW, dilation: true };
const AVG_POOL_OPTIONS: OptionNames<AvgPool2dOptions> = { ...WINDOW, countIncludePad: true };

/**
 * y[n, c, i, j] = the largest x[n, c, h, w] in window (i, j). Padding is −∞: it never wins. NaN does.
 *
 * @param x `[N, C, H, W]`.
 * @returns `[N, C, Ho, Wo]`, Ho = ⌊(H + 2p − d(k − 1) − 1) / s⌋ + 1.
 * @throws ShapeError if the window does not fit, the padding exceeds half of it, or a window contains only padding.
 *
 * @example
 * maxPool2d(tensor([[[[1, 2], [3, 4]]]]), { kernelSize: 2 }).toArray(); // [[[[4]]]]
 */
export function maxPool2d(x: Tensor, options: MaxPool2dOptions): Tensor {
  checkPool("maxPool2d", x, options, MAX_POOL_OPTIONS);
  const g = poolGeometry("maxPool2d", x.shape, options);
  const y = empty(g.shape, x);
  const indices = new Int32Array(y.size);
  kernels.maxPool2d(valuesOf(x), valuesOf(y), indices, g);
  return recordLinear(["maxPool2d", options], y, [x], (gy) => {
    // Only the winner moves the maximum: ∂y/∂x = 1 there (in a tie, at the first in row-major order), 0 elsewhere. A
    // pixel that wins several windows gets the sum.
    const gx = allocate(x.size, gy);
    kernels.maxPool2dGradient(gy, indices, gx, g);
    return [gx];
  });
}

/**
 * y[n, c, i, j] = the sum of x over window (i, j), divided by the number of its taps: all of them, including those in
 * the padding (which is 0), or without `countIncludePad` only those inside the image.
 *
 * @param x `[N, C, H, W]`.
 * @returns `[N, C, Ho, Wo]`, Ho = ⌊(H + 2p − k) / s⌋ + 1.
 * @throws ShapeError if the window does not fit or the padding exceeds half of it.
 *
 * @example
 * avgPool2d(tensor([[[[1, 2], [3, 4]]]]), { kernelSize: 2 }).toArray(); // [[[[2.5]]]]
 */
export function avgPool2d(x: Tensor, options: AvgPool2dOptions): Tensor {
  checkPool("avgPool2d", x, options, AVG_POOL_OPTIONS);
  return average(["avgPool2d", options], x, poolGeometry("avgPool2d", x.shape, options));
}

/**
 * Averages over cells that divide each image, whatever its size, into `outputSize` rows and columns: cell i covers the
 * rows ⌊i·H/Ho⌋ … ⌈(i + 1)·H/Ho⌉ − 1.
 *
 * @param x `[N, C, H, W]`.
 * @returns `[N, C, Ho, Wo]`.
 * @throws ShapeError if x is not a batch of images or `outputSize` is not positive.
 *
 * @example
 * adaptiveAvgPool2d(tensor([[[[1, 2, 3]]]]), [1, 2]).toArray(); // [[[[1.5, 2.5]]]]
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: Pair): Tensor {
  checkTensor("adaptiveAvgPool2d", "x", x);
  const g = adaptivePoolGeometry("adaptiveAvgPool2d", x.shape, outputSize);
  return average(["adaptiveAvgPool2d", g], x, g);
}

/**
 * y[n, c] = the average of plane x[n, c]: the layer before a residual network's last one.
 *
 * @param x `[N, C, H, W]`.
 * @returns `[N, C]`.
 * @throws ShapeError if x is not a batch of images.
 *
 * @example
 * globalAvgPool2d(tensor([[[[1, 2], [3, 4]]]])).toArray(); // [[2.5]]
 */
export function globalAvgPool2d(x: Tensor): Tensor {
  checkTensor("globalAvgPool2d", "x", x);
  const g = adaptivePoolGeometry("globalAvgPool2d", x.shape, 1);
  return average("globalAvgPool2d", x, g, x.shape.slice(0, 2));
}

function checkPool<Options>(op: string, x: Tensor, options: Options, names: OptionNames<Options>): void {
  checkTensor(op, "x", x);
  if (options === undefined) throw new UsageError(`${op}: needs options, such as { kernelSize: 2 }`);
  checkOptions(op, options, names as OptionNames<NonNullable<Options>>);
}

function average(operation: Operation, x: Tensor, g: PoolGeometry, shape: Shape = g.shape): Tensor {
  const y = empty(shape, x);
  kernels.avgPool2d(valuesOf(x), valuesOf(y), g);
  return recordLinear(operation, y, [x], (gy) => {
    // y = Σ x / n over a window, so ∂y/∂x = 1/n for each of its pixels; overlapping windows add up.
    const gx = allocate(sizeOf(x.shape), gy);
    kernels.avgPool2dGradient(gy, gx, g);
    return [gx];
  });
}
