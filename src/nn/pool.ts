/** Pooling layers. Formulas and options: src/autograd/pool.ts. */
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from "../autograd/pool.ts";
import { checkBoolean, checkPair } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { type Pair, pairOf } from "../tensor/geometry/conv.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** Options of `MaxPool2d`. */
export interface MaxPool2dLayerOptions {
  /** Step between windows. Default: the kernel size, so that the windows tile the image. */
  stride?: Pair;
  /** Pixels of −∞ added on each side. Default 0. */
  padding?: Pair;
  /** Distance between neighbouring taps. Default 1. */
  dilation?: Pair;
  /** Whether a window may extend past the far edge. Default false. */
  ceilMode?: boolean;
}

const MAX_OPTIONS: OptionNames<MaxPool2dLayerOptions> = { stride: true, padding: true, dilation: true, ceilMode: true };

/**
 * The maximum of each window: `[N, C, H, W]` to `[N, C, Ho, Wo]`.
 *
 * @example
 * new MaxPool2d(2).forward(tensor([[[[1, 3], [5, 7]]]])).toArray(); // [[[[7]]]]
 * new MaxPool2d(3, { stride: 2, padding: 1 }).forward(zeros([8, 64, 112, 112])).shape; // [8, 64, 56, 56]
 */
export class MaxPool2d extends Module {
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly ceilMode: boolean;

  constructor(kernelSize: Pair, options: MaxPool2dLayerOptions = {}) {
    super();
    checkOptions("MaxPool2d", options, MAX_OPTIONS);
    const window = windowOf("MaxPool2d", kernelSize, options);
    const { dilation = 1 } = options;
    checkPair("MaxPool2d", "dilation", dilation);
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.ceilMode = window.ceilMode;
    this.dilation = pairOf(dilation);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return maxPool2d(x, { kernelSize, stride, padding, dilation, ceilMode });
  }

  override describe(): string {
    return describeWindow(this);
  }
}

/** Options of `AvgPool2d`. */
export interface AvgPool2dLayerOptions {
  /** Step between windows. Default: the kernel size, so that the windows tile the image. */
  stride?: Pair;
  /** Zeros added on each side. Default 0. */
  padding?: Pair;
  /** Whether a window may extend past the far edge. Default false. */
  ceilMode?: boolean;
  /** Whether the padding counts in the divisor. Default true. */
  countIncludePad?: boolean;
}

const AVG_OPTIONS: OptionNames<AvgPool2dLayerOptions> = {
  stride: true,
  padding: true,
  ceilMode: true,
  countIncludePad: true,
};

/**
 * The mean of each window: `[N, C, H, W]` to `[N, C, Ho, Wo]`.
 *
 * @example
 * new AvgPool2d(2).forward(tensor([[[[1, 3], [5, 7]]]])).toArray(); // [[[[4]]]]
 */
export class AvgPool2d extends Module {
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  constructor(kernelSize: Pair, options: AvgPool2dLayerOptions = {}) {
    super();
    checkOptions("AvgPool2d", options, AVG_OPTIONS);
    const window = windowOf("AvgPool2d", kernelSize, options);
    const { countIncludePad = true } = options;
    checkBoolean("AvgPool2d", "countIncludePad", countIncludePad);
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.ceilMode = window.ceilMode;
    this.countIncludePad = countIncludePad;
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad } = this;
    return avgPool2d(x, { kernelSize, stride, padding, ceilMode, countIncludePad });
  }

  override describe(): string {
    return describeWindow(this);
  }
}

/**
 * Means over windows chosen so that the result is `[N, C, ...outputSize]`.
 *
 * @example
 * new AdaptiveAvgPool2d([2, 2]).forward(zeros([8, 16, 7, 9])).shape; // [8, 16, 2, 2]
 */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: readonly [number, number];

  constructor(outputSize: Pair) {
    super();
    checkPair("AdaptiveAvgPool2d", "outputSize", outputSize);
    this.outputSize = pairOf(outputSize);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }

  override describe(): string {
    return this.outputSize.join("×");
  }
}

/**
 * The mean of each channel: `[N, C, H, W]` to `[N, C]`.
 *
 * @example
 * new GlobalAvgPool2d().forward(tensor([[[[1, 3], [5, 7]]]])).toArray(); // [[4]]
 */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** The common options of both kinds of window. */
type Window = Pick<AvgPool2d, "kernelSize" | "stride" | "padding" | "ceilMode">;

/** Checked, with every default filled in. */
function windowOf(
  who: string,
  kernelSize: Pair,
  {
    stride = kernelSize,
    padding = 0,
    ceilMode = false,
  }: Pick<MaxPool2dLayerOptions, "stride" | "padding" | "ceilMode">,
): Window {
  checkPair(who, "kernelSize", kernelSize);
  checkPair(who, "stride", stride);
  checkPair(who, "padding", padding, 0);
  checkBoolean(who, "ceilMode", ceilMode);
  return { kernelSize: pairOf(kernelSize), stride: pairOf(stride), padding: pairOf(padding), ceilMode };
}

function describeWindow({ kernelSize, stride, padding }: Window): string {
  const text = `${kernelSize.join("×")}, stride ${stride.join("×")}`;
  return padding.some((p) => p !== 0) ? `${text}, padding ${padding.join("×")}` : text;
}
