/** Transposed convolution: the input gradient of a convolution, as an operation of its own. It enlarges images. */
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensors } from "../tensor/check-tensor.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import { type ConvTranspose2dOptions, convTransposeGeometry } from "../tensor/geometry/conv-transpose.ts";
import { reduceGeometry } from "../tensor/geometry/reduce.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import type { Rule } from "../tensor/node.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { readByProduct, record } from "./graph.ts";

export type { ConvTranspose2dOptions } from "../tensor/geometry/conv-transpose.ts";

const OPTIONS: OptionNames<ConvTranspose2dOptions> = {
  stride: true,
  padding: true,
  outputPadding: true,
  dilation: true,
  groups: true,
};

/**
 * Every pixel of x puts a copy of the filter, times its value, into y, `stride` apart, and the copies add up:
 * y[n, o, i·s + u·d − p, j·s + v·d − p] += w[c, o, u, v] · x[n, c, i, j], and b[o] is added. What falls outside is lost.
 *
 * @param x images `[N, I, H, W]`.
 * @param w filters `[I, O/groups, kh, kw]`: the shape of the `conv2d` that leads from y to x.
 * @param b one number per channel of the result `[O]`, or null.
 * @returns `[N, O, Ho, Wo]`, Ho = (H − 1)·s − 2p + d(kh − 1) + outputPadding + 1.
 * @throws ShapeError if channels, groups or sizes do not fit; it shows every shape and option.
 *
 * @example
 * const x = tensor([[[[1, 10]]]]);
 * const w = tensor([[[[1, 2, 3]]]]);
 * convTranspose2d(x, w).toArray(); // [[[[1, 12, 23, 30]]]]
 * convTranspose2d(x, w, null, { stride: [1, 3] }).toArray(); // [[[[1, 2, 3, 10, 20, 30]]]]
 */
export function convTranspose2d(
  x: Tensor,
  w: Tensor,
  b: Tensor | null = null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  checkTensors("convTranspose2d", { x, w }, { b });
  checkOptions("convTranspose2d", options, OPTIONS);
  const g = convTransposeGeometry(x.shape, w.shape, b ? b.shape : null, options);
  const shape = [g.N, g.C, g.H, g.W];
  const y = empty(shape, x);
  kernels.conv2dInputGradient(valuesOf(x), valuesOf(w), valuesOf(y), g);
  if (b) {
    const all = broadcastGeometry("convTranspose2d", shape, [g.C, 1, 1]);
    kernels.binary("add", valuesOf(y), valuesOf(b), valuesOf(y), all);
  }
  const rule: Rule = (gy, [needX, needW, needB]) => {
    // Let A(w) be the matrix of conv2d with these filters, which takes y to the shape of x. Then y = A(w)ᵀ·x + b and
    //   ∂L/∂x = A(w)·gy                     conv2d of gy
    //   ∂L/∂w: ⟨gy, A(w)ᵀ·x⟩ = ⟨A(w)·gy, x⟩, the same number as for a conv2d of the image gy whose result has the
    //          gradient x: conv2d's weight gradient, with x and gy in each other's place
    //   ∂L/∂b = Σ gy over images and pixels.
    let gx: Values | null = null;
    let gw: Values | null = null;
    let gb: Values | null = null;
    if (needX) {
      gx = allocate(x.size, gy);
      kernels.conv2d(gy, valuesOf(w), null, gx, g);
    }
    if (needW) {
      gw = allocate(w.size, gy);
      kernels.conv2dWeightGradient(valuesOf(x), gy, gw, g);
    }
    if (b && needB) {
      gb = allocate(b.size, gy);
      kernels.reduce("sum", gy, gb, reduceGeometry("convTranspose2d", shape, [0, 2, 3], false));
    }
    return [gx, gw, gb];
  };
  return record(["convTranspose2d", g], y, b ? [x, w, b] : [x, w], rule, readByProduct(x, w));
}
