/** Anti-aliased subsampling: Zhang 2019, "Making Convolutional Networks Shift-Invariant Again". Next: paths.ts, where a block has it. */
import { conv2d } from "../autograd/conv.ts";
import { concat, slice } from "../autograd/shape.ts";
import { Module } from "../nn/module.ts";
import { checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Options of `BlurPool2d`. */
export interface BlurPool2dOptions {
  /** Step between the pixels that are kept. Default 2. */
  stride?: number;
}

const OPTIONS: OptionNames<BlurPool2dOptions> = { stride: true };

/** The binomial filter [1, 2, 1]/4 of Zhang's Tri-3, in both directions. */
const FILTER = /* @__PURE__ */ [1, 2, 1, 2, 4, 2, 1, 2, 1].map((n) => n / 16);

/**
 * Blurs each channel by a 3×3 binomial filter and keeps every `stride`-th pixel: `[N, C, H, W]` to
 * `[N, C, ⌈H/stride⌉, ⌈W/stride⌉]`. The edge is reflected, and a side of one pixel repeated. It is linear, and has nothing to learn.
 *
 * @example
 * new BlurPool2d().forward(tensor([[[[1, 2, 3, 4]]]])); // [[[[1.50, 3.00]]]]
 */
export class BlurPool2d extends Module {
  readonly stride: number;

  constructor(options: BlurPool2dOptions = {}) {
    super();
    checkOptions("BlurPool2d", options, OPTIONS);
    const { stride = 2 } = options;
    checkWhole("BlurPool2d", "stride", stride);
    this.stride = stride;
  }

  forward(x: Tensor): Tensor {
    checkTensor("BlurPool2d", "x", x);
    if (x.rank !== 4) throw new ShapeError(`BlurPool2d: x must be [N, C, H, W], got ${formatShape(x.shape)}`);
    const channels = x.shape[1];
    const filters = Float32Array.from({ length: 9 * channels }, (_, i) => FILTER[i % 9]);
    const framed = reflected(reflected(x, 2), 3);
    return conv2d(framed, new Tensor(filters, [channels, 1, 3, 3]), null, { stride: this.stride, groups: channels });
  }

  override describe(): string {
    return `stride ${this.stride}`;
  }
}

/** x between copies of the lines beside its outermost ones, of those themselves where there is no other. */
function reflected(x: Tensor, axis: number): Tensor {
  if (x.shape[axis] === 1) return concat([x, x, x], axis);
  // Positions that hold for every length: an export need not know it.
  const line = (from: number): Tensor => slice(x, [...Array.from({ length: axis }, () => null), [from, from + 1]]);
  return concat([line(1), x, line(-2)], axis);
}
