/**
 * Convolution, as neural networks use the word: the filter is not turned (mathematics calls it cross-correlation).
 *
 * tensor/geometry/conv.ts has the letters and the size formula; tensor/plain/conv.ts, the computation.
 */
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensors } from "../tensor/check-tensor.ts";
import {
  type Conv1dOptions,
  type Conv2dOptions,
  type ConvGeometry,
  conv1dGeometry,
  convGeometry,
} from "../tensor/geometry/conv.ts";
import { reduceGeometry } from "../tensor/geometry/reduce.ts";
import { giveBackQuick, repeatable } from "../tensor/given-back.ts";
import { allocate, currentStep, isConstant, type Values } from "../tensor/memory.ts";
import type { Rule } from "../tensor/node.ts";
import type { Shape } from "../tensor/shape.ts";
import { computed, type Deferred, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { isForGradients, readByProduct, record } from "./graph.ts";

export type { Conv1dOptions, Conv2dOptions, ConvAlgorithm, ConvGeometry, Pair } from "../tensor/geometry/conv.ts";

const CONV2D_OPTIONS: OptionNames<Conv2dOptions> = {
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  algorithm: true,
};

const CONV1D_OPTIONS: OptionNames<Conv1dOptions> = { stride: true, padding: true, dilation: true, groups: true };

/**
 * y[n, o, i, j] = b[o] + Σ_{c,u,v} w[o, c, u, v] · x[n, c, i·s + u·d − p, j·s + v·d − p], with x = 0 outside.
 *
 * `groups` divides the channels and the filters into that many equal parts; filters see only their own part.
 *
 * @param x images `[N, C, H, W]`.
 * @param w filters `[O, C/groups, kh, kw]`.
 * @param b one number per filter `[O]`, or null.
 * @returns `[N, O, Ho, Wo]`, Ho = ⌊(H + 2p − d(kh − 1) − 1) / s⌋ + 1.
 * @throws ShapeError if channels, groups or sizes do not fit; it shows every shape and option.
 *
 * @example
 * const x = tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
 * const w = tensor([[[[1, 0], [0, -1]]]]);
 * conv2d(x, w).toArray(); // [[[[-4, -4], [-4, -4]]]]
 */
export function conv2d(x: Tensor, w: Tensor, b: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  checkTensors("conv2d", { x, w }, { b });
  checkOptions("conv2d", options, CONV2D_OPTIONS);
  const g = convGeometry(x.shape, w.shape, b ? b.shape : null, options);
  return convolved("conv2d", x, w, b, g, g.shape);
}

/**
 * y[n, o, i] = b[o] + Σ_{c,u} w[o, c, u] · x[n, c, i·s + u·d − p], with x = 0 outside: `conv2d` of images with one row.
 *
 * @param x lines `[N, C, L]`.
 * @param w filters `[O, C/groups, K]`.
 * @param b one number per filter `[O]`, or null.
 * @returns `[N, O, Lo]`, Lo = ⌊(L + 2p − d(K − 1) − 1) / s⌋ + 1.
 * @throws ShapeError if channels, groups or sizes do not fit; it shows every shape and option.
 *
 * @example
 * conv1d(tensor([[[1, 2, 4, 8]]]), tensor([[[1, -1]]])).toArray(); // [[[-1, -2, -4]]]
 */
export function conv1d(x: Tensor, w: Tensor, b: Tensor | null = null, options: Conv1dOptions = {}): Tensor {
  checkTensors("conv1d", { x, w }, { b });
  checkOptions("conv1d", options, CONV1D_OPTIONS);
  const g = conv1dGeometry(x.shape, w.shape, b ? b.shape : null, options);
  return convolved("conv1d", x, w, b, g, [g.N, g.O, g.Wo]);
}

/** One call: y = w ⋆ x + b. */
export interface ConvCall {
  readonly op: "conv1d" | "conv2d";
  readonly x: Tensor;
  readonly w: Tensor;
  readonly b: Tensor | null;
  readonly g: ConvGeometry;
}

/** How convolutions with constant weights, which are those of a fused model, wait for what follows (convolved.ts). */
let wait: (call: ConvCall) => Deferred | null = () => null;

export function waitAs(how: typeof wait): void {
  wait = how;
}

function convolved(
  op: "conv1d" | "conv2d",
  x: Tensor,
  w: Tensor,
  b: Tensor | null,
  g: ConvGeometry,
  shape: Shape,
): Tensor {
  const inputs = b ? [x, w, b] : [x, w];
  const compute = (): Values => {
    const y = allocate(g.N * g.O * g.L, valuesOf(x));
    kernels.conv2d(valuesOf(x), valuesOf(w), b && valuesOf(b), y, g);
    return y;
  };
  const waiting = currentStep() && isConstant(valuesOf(w)) && wait({ op, x, w, b, g });
  const y = waiting ? computed(waiting, shape) : repeatable(op, inputs, shape, compute);
  const rule: Rule = (gy, [needX, needW, needB]) => {
    // y[l] = Σ_t w[t]·x[t, l] is linear in each of x, w and b, with x[t, l] the pixel that tap t sees at position l.
    //   ∂L/∂w[t] = Σ_l gy[l]·x[t, l]                 every position's error times what the tap saw there
    //   ∂L/∂x[q] = Σ over (t, l) that see q of w[t]·gy[l]   the error of every result the pixel contributed to
    //   ∂L/∂b    = Σ_l gy[l]                         b is added to every position
    // and the gradients of w and b are also summed over the images.
    let gx: Values | null = null;
    let gw: Values | null = null;
    let gb: Values | null = null;
    if (needX) {
      gx = allocate(x.size, gy);
      kernels.conv2dInputGradient(gy, valuesOf(w), gx, g);
    }
    if (needW) {
      gw = allocate(w.size, gy);
      kernels.conv2dWeightGradient(gy, valuesOf(x), gw, g);
    }
    if (b && needB) {
      gb = allocate(g.O, gy);
      kernels.reduce("sum", gy, gb, reduceGeometry(op, g.shape, [0, 2, 3], false));
    }
    return [gx, gw, gb];
  };
  record([op, g], y, inputs, rule, readByProduct(x, w));
  // Before a convolution there is often a batch norm with a ReLU.
  if (isForGradients(y)) giveBackQuick(x);
  return y;
}
