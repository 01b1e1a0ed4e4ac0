/**
 * Resizing images. tensor/geometry/interpolate.ts has the coordinates, tensor/plain/resample.ts the computation.
 */
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { UsageError } from "../tensor/errors.ts";
import {
  type InterpolateGeometry,
  type InterpolateOptions,
  interpolateGeometry,
  transposed,
} from "../tensor/geometry/interpolate.ts";
import { allocate } from "../tensor/memory.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { recordLinear } from "./graph.ts";

export type {
  InterpolateGeometry,
  InterpolateOptions,
  ResampleGeometry,
  Taps,
} from "../tensor/geometry/interpolate.ts";

/** For the layer, too. */
export const INTERPOLATE_OPTIONS: OptionNames<InterpolateOptions> = {
  size: true,
  scaleFactor: true,
  mode: true,
  alignCorners: true,
};

/**
 * Images of another size, as PyTorch's `interpolate`. With `nearest`, y[i, j] = x[⌊i/s⌋, ⌊j/s⌋]; with `bilinear`, the
 * weighted mean of the four pixels around the place (i + ½)/s − ½, (j + ½)/s − ½. A pixel of weight 0 is not read.
 *
 * s is the scale factor, or with `size` the ratio of the sizes. With `alignCorners` the place is i·(H − 1)/(Ho − 1).
 *
 * @param x `[N, C, H, W]`.
 * @returns `[N, C, Ho, Wo]`, the size or ⌊H·s⌋.
 * @throws ShapeError if x is not a batch of images or the result would be empty; UsageError or ValueError for options
 * that do not fit together.
 *
 * @example
 * const x = tensor([[[[1, 3]]]]);
 * interpolate(x, { scaleFactor: 2 }).toArray(); // [[[[1, 1, 3, 3], [1, 1, 3, 3]]]]
 * interpolate(x, { size: [1, 4], mode: "bilinear" }).toArray(); // [[[[1, 1.5, 2.5, 3]]]]
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  checkTensor("interpolate", "x", x);
  if (options === undefined) throw new UsageError("interpolate: needs options, such as { scaleFactor: 2 }");
  checkOptions("interpolate", options, INTERPOLATE_OPTIONS);
  return resample(x, interpolateGeometry(x.shape, options));
}

/** Weighted sums of neighbouring pixels by any tables, whose places never go back: for `interpolate` and ONNX's Resize. */
export function resample(x: Tensor, g: InterpolateGeometry): Tensor {
  const y = empty([...x.shape.slice(0, -2), g.Ho, g.Wo], x);
  kernels.resample(valuesOf(x), valuesOf(y), g);
  return recordLinear(["interpolate", g], y, [x], (gy) => {
    // y = R·x·Cᵀ in each plane, so ∂L/∂x = Rᵀ·gy·C: a pixel gets from each result what it gave to it.
    const gx = allocate(x.size, gy);
    kernels.resample(gy, gx, transposed(g));
    return [gx];
  });
}
