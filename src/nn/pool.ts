/** Pooling layers. Formulas and options: src/autograd/pooling.ts. */
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from "../autograd/pooling.ts";
import { checkBoolean, checkPair } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { type Pair, pairOf } from "../tensor/geometry/conv.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

export interface MaxPool2dLayerOptions {
  /** Step between windows. Default: the kernel size, so that the windows tile the image. */
  stride?: Pair;
  /** Pixels of −∞ added on each side. Default 0. */
  padding?: Pair;
  /** Distance between neighbouring taps. Default 1. */
  dilation?: Pair;
  /** Whether a window may hang over the far edge. Default false. */
  ceilMode?: boolean;
}

const MAX_OPTIONS: OptionNames<MaxPool2dLayerOptions> = { stride: true, padding: true, dilation: true, ceilMode: true };

/** The maximum of each window: `[N, C, H, W]` to `[N, C, Ho, Wo]`. */
export class MaxPool2d extends Module {
  readonly #kernelSize: Pair;
  readonly #options: MaxPool2dLayerOptions;

  constructor(kernelSize: Pair, options: MaxPool2dLayerOptions = {}) {
    super();
    checkOptions("MaxPool2d", options, MAX_OPTIONS);
    checkWindow("MaxPool2d", kernelSize, options);
    this.#kernelSize = kernelSize;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, { kernelSize: this.#kernelSize, ...this.#options });
  }

  override describe(): string {
    return describeWindow(this.#kernelSize, this.#options);
  }
}

export interface AvgPool2dLayerOptions {
  /** Step between windows. Default: the kernel size, so that the windows tile the image. */
  stride?: Pair;
  /** Zeros added on each side. Default 0. */
  padding?: Pair;
  /** Whether a window may hang over the far edge. Default false. */
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

/** The mean of each window: `[N, C, H, W]` to `[N, C, Ho, Wo]`. */
export class AvgPool2d extends Module {
  readonly #kernelSize: Pair;
  readonly #options: AvgPool2dLayerOptions;

  constructor(kernelSize: Pair, options: AvgPool2dLayerOptions = {}) {
    super();
    checkOptions("AvgPool2d", options, AVG_OPTIONS);
    checkWindow("AvgPool2d", kernelSize, options);
    if (options.countIncludePad !== undefined) checkBoolean("AvgPool2d", "countIncludePad", options.countIncludePad);
    this.#kernelSize = kernelSize;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, { kernelSize: this.#kernelSize, ...this.#options });
  }

  override describe(): string {
    return describeWindow(this.#kernelSize, this.#options);
  }
}

/** Means over windows chosen so that the result is `[N, C, ...outputSize]`. */
export class AdaptiveAvgPool2d extends Module {
  readonly #outputSize: Pair;

  constructor(outputSize: Pair) {
    super();
    checkPair("AdaptiveAvgPool2d", "outputSize", outputSize);
    this.#outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.#outputSize);
  }

  override describe(): string {
    return pairOf(this.#outputSize).join("×");
  }
}

/** The mean of each channel: `[N, C, H, W]` to `[N, C]`. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** What both kinds of window have in common. */
function checkWindow(
  who: string,
  kernelSize: Pair,
  { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false }: MaxPool2dLayerOptions,
): void {
  checkPair(who, "kernelSize", kernelSize);
  checkPair(who, "stride", stride);
  checkPair(who, "padding", padding, 0);
  checkPair(who, "dilation", dilation);
  checkBoolean(who, "ceilMode", ceilMode);
}

function describeWindow(kernelSize: Pair, { stride = kernelSize, padding = 0 }: { stride?: Pair; padding?: Pair }) {
  const text = `${pairOf(kernelSize).join("×")}, stride ${pairOf(stride).join("×")}`;
  return pairOf(padding).some((p) => p !== 0) ? `${text}, padding ${pairOf(padding).join("×")}` : text;
}
