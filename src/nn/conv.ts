/** The convolutional layers. */
import { conv1d, conv2d } from "../autograd/conv.ts";
import { checkOneOf, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { algorithmCovers, type ConvAlgorithm, type Pair, pairOf } from "../tensor/geometry/conv.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convParameters, convSettings, describeConv } from "./conv-settings.ts";
import type { Initializer } from "./init.ts";
import { type AnyModule, checkModule, Module } from "./module.ts";

/** Options of `Conv2d`. */
export interface Conv2dLayerOptions {
  /** Step between filter positions. Default 1. */
  stride?: Pair;
  /** Zeros added on each side. Default 0. */
  padding?: Pair;
  /** Distance between neighbouring filter taps. Default 1. */
  dilation?: Pair;
  /** Groups of channels that do not see one another; C is depthwise. Default 1. */
  groups?: number;
  /** Whether a bias is added to each filter's result. Default true; pointless before batch norm. */
  bias?: boolean;
  /** The source of the initial values. */
  rng: Rng;
  /** Fills the weight. Default: uniform in ±1/√(fan in), as in PyTorch (Kaiming uniform with a = √5). */
  init?: Initializer;
}

const OPTIONS: OptionNames<Conv2dLayerOptions> = {
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  bias: true,
  rng: true,
  init: true,
};

const ALGORITHMS: readonly ConvAlgorithm[] = ["auto", "im2col", "direct", "winograd2", "winograd2x4", "winograd4"];

/**
 * y = w ⋆ x + b: `[N, C, H, W]` to `[N, O, Ho, Wo]`. Parameters: weight `[O, C/groups, kh, kw]`, bias `[O]`.
 *
 * The bias starts uniform in ±1/√(fan in), as in PyTorch.
 *
 * @example
 * const conv = new Conv2d(3, 16, 3, { padding: 1, rng: new Rng(0) });
 * conv.forward(zeros([8, 3, 32, 32])).shape; // [8, 16, 32, 32]
 *
 * @throws ValueError or UsageError for an invalid size, an option that does not exist or is out of range, or without an
 * rng; ShapeError if the channels do not divide into the groups, or in `forward` if x does not fit.
 */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** How to convolve. `forward` throws if the algorithm does not cover the layer; `useConvAlgorithm` checks first. */
  algorithm: ConvAlgorithm = "auto";
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dLayerOptions) {
    super();
    checkOptions("Conv2d", options, OPTIONS);
    const { stride, padding, dilation, groups } = convSettings("Conv2d", inChannels, outChannels, kernelSize, options);
    const shape = [outChannels, inChannels / groups, ...pairOf(kernelSize)];
    const { weight, bias } = convParameters(this, shape, outChannels, options);
    this.weight = weight;
    this.bias = bias;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups, algorithm } = this;
    return conv2d(x, weight, bias, { stride, padding, dilation, groups, algorithm });
  }

  /** Whether `algorithm` can compute this layer. */
  covers(algorithm: ConvAlgorithm): boolean {
    const [, , kh, kw] = this.weight.shape;
    const [sh, sw] = this.stride;
    const [ph, pw] = this.padding;
    const [dh, dw] = this.dilation;
    return algorithmCovers(algorithm, { kh, kw, sh, sw, ph, pw, dh, dw, groups: this.groups });
  }

  override describe(): string {
    const [O, Cg, ...kernelSize] = this.weight.shape;
    return describeConv(Cg * this.groups, O, kernelSize, this);
  }
}

/** Options of `Conv1d`. */
export interface Conv1dLayerOptions extends Omit<Conv2dLayerOptions, "stride" | "padding" | "dilation"> {
  /** Step between filter positions. Default 1. */
  stride?: number;
  /** Zeros added on each side. Default 0. */
  padding?: number;
  /** Distance between neighbouring filter taps. Default 1. */
  dilation?: number;
}

/**
 * y = w ⋆ x + b: `[N, C, L]` to `[N, O, Lo]`. Parameters, with initial values as `Conv2d`'s: weight `[O, C/groups, K]`,
 * bias `[O]`.
 *
 * @example
 * const conv = new Conv1d(3, 16, 5, { padding: 2, rng: new Rng(0) });
 * conv.forward(zeros([8, 3, 100])).shape; // [8, 16, 100]
 *
 * @throws ValueError or UsageError for an invalid size, an option that does not exist or is out of range, or without an
 * rng; ShapeError if the channels do not divide into the groups, or in `forward` if x does not fit.
 */
export class Conv1d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, kernelSize: number, options: Conv1dLayerOptions) {
    super();
    const who = "Conv1d";
    checkOptions(who, options, OPTIONS);
    checkWhole(who, "kernelSize", kernelSize);
    const { stride = 1, padding = 0, dilation = 1 } = options ?? {};
    checkWhole(who, "stride", stride);
    checkWhole(who, "padding", padding, 0);
    checkWhole(who, "dilation", dilation);
    const { groups } = convSettings(who, inChannels, outChannels, kernelSize, options);
    const { weight, bias } = convParameters(this, [outChannels, inChannels / groups, kernelSize], outChannels, options);
    this.weight = weight;
    this.bias = bias;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups } = this;
    return conv1d(x, weight, bias, { stride, padding, dilation, groups });
  }

  override describe(): string {
    const [O, Cg, K] = this.weight.shape;
    const [stride, padding, dilation] = [pairOf(this.stride), pairOf(this.padding), pairOf(this.dilation)];
    return describeConv(Cg * this.groups, O, [K], { stride, padding, dilation, groups: this.groups });
  }
}

/**
 * Sets the algorithm of every convolution in `model` that it covers, and "auto" for the others. Returns how many it covers.
 *
 * @example
 * const model = cifarResNet(20, { rng: new Rng(0) });
 * useConvAlgorithm(model, "winograd4"); // 17
 */
export function useConvAlgorithm(model: AnyModule, algorithm: ConvAlgorithm): number {
  checkModule("useConvAlgorithm", model);
  checkOneOf("useConvAlgorithm", "algorithm", algorithm, ALGORITHMS);
  let covered = 0;
  for (const [, module] of model.namedModules()) {
    if (!(module instanceof Conv2d)) continue;
    module.algorithm = module.covers(algorithm) ? algorithm : "auto";
    if (module.algorithm === algorithm) covered++;
  }
  return covered;
}
