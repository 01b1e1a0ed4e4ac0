/** The layer that resizes images. Formulas: src/autograd/interpolate.ts. */
import { INTERPOLATE_OPTIONS, interpolate } from "../autograd/interpolate.ts";
import { checkOptions } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { checkInterpolateOptions, type InterpolateOptions } from "../tensor/geometry/interpolate.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/**
 * `interpolate` as a layer: `[N, C, H, W]` to `[N, C, Ho, Wo]`.
 *
 * @example
 * new Upsample({ scaleFactor: 2, mode: "bilinear" }).forward(zeros([1, 3, 8, 8])).shape; // [1, 3, 16, 16]
 *
 * @throws UsageError or ValueError for options that do not exist or do not fit together.
 */
export class Upsample extends Module {
  readonly options: Readonly<InterpolateOptions>;

  constructor(options: InterpolateOptions) {
    super();
    if (options === undefined) throw new UsageError("Upsample: needs options, such as { scaleFactor: 2 }");
    checkOptions("Upsample", options, INTERPOLATE_OPTIONS);
    checkInterpolateOptions("Upsample", options);
    this.options = { ...options };
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }

  override describe(): string {
    const { size, scaleFactor, mode = "nearest", alignCorners = false } = this.options;
    const to =
      size === undefined ? `× ${[scaleFactor].flat().join("×")}` : `to ${[size, size].flat().slice(0, 2).join("×")}`;
    return `${to}, ${mode}${alignCorners ? ", aligned corners" : ""}`;
  }
}
