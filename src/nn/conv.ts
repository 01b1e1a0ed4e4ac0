/** The convolutional layers. */
import { conv1d, conv2d } from "../autograd/conv.ts";
import { checkBoolean, checkOneOf, checkPair, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { zeros } from "../tensor/create.ts";
import { ShapeError } from "../tensor/errors.ts";
import { algorithmCovers, type ConvAlgorithm, type Pair, pairOf } from "../tensor/geometry/conv.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fansOf, type Initializer, kaimingUniform, uniform } from "./init.ts";
import { checkInit } from "./initializer.ts";
import { parameterOf } from "./marks.ts";
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
    checkWhole("Conv2d", "inChannels", inChannels);
    checkWhole("Conv2d", "outChannels", outChannels);
    checkPair("Conv2d", "kernelSize", kernelSize);
    checkOptions("Conv2d", options, OPTIONS);
    checkRng(
      "Conv2d",
      options?.rng,
      `new Conv2d(${inChannels}, ${outChannels}, ${JSON.stringify(kernelSize)}, { rng: new Rng(seed) })`,
    );
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, rng } = options;
    checkPair("Conv2d", "stride", stride);
    checkPair("Conv2d", "padding", padding, 0);
    checkPair("Conv2d", "dilation", dilation);
    checkWhole("Conv2d", "groups", groups);
    checkBoolean("Conv2d", "bias", bias);
    checkInit("Conv2d", options.init);
    const { init } = options;
    const filters = filtersOf("Conv2d", this, [outChannels, inChannels, ...pairOf(kernelSize)], {
      groups,
      bias,
      rng,
      init,
    });
    this.weight = filters.weight;
    this.bias = filters.bias;
    this.stride = pairOf(stride);
    this.padding = pairOf(padding);
    this.dilation = pairOf(dilation);
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
    const [, , kh, kw] = this.weight.shape;
    return described(this, `${kh}×${kw}`);
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
    checkWhole("Conv1d", "inChannels", inChannels);
    checkWhole("Conv1d", "outChannels", outChannels);
    checkWhole("Conv1d", "kernelSize", kernelSize);
    checkOptions("Conv1d", options, OPTIONS);
    const example = `new Conv1d(${inChannels}, ${outChannels}, ${kernelSize}, { rng: new Rng(seed) })`;
    checkRng("Conv1d", options?.rng, example);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, rng, init } = options;
    checkWhole("Conv1d", "stride", stride);
    checkWhole("Conv1d", "padding", padding, 0);
    checkWhole("Conv1d", "dilation", dilation);
    checkWhole("Conv1d", "groups", groups);
    checkBoolean("Conv1d", "bias", bias);
    checkInit("Conv1d", init);
    const filters = filtersOf("Conv1d", this, [outChannels, inChannels, kernelSize], { groups, bias, rng, init });
    this.weight = filters.weight;
    this.bias = filters.bias;
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
    const [, , K] = this.weight.shape;
    return described(this, `${K}`);
  }
}

/** `3 → 16, 3×3, stride 1`, and what is unlike the default. */
function described({ weight, stride, padding, dilation, groups }: Conv1d | Conv2d, kernel: string): string {
  const [O, Cg] = weight.shape;
  const show = (value: Pair): string => [...new Set(pairOf(value))].join("×");
  const parts = [`${Cg * groups} → ${O}`, kernel, `stride ${show(stride)}`];
  if (show(padding) !== "0") parts.push(`padding ${show(padding)}`);
  if (show(dilation) !== "1") parts.push(`dilation ${show(dilation)}`);
  if (groups !== 1) parts.push(`groups ${groups}`);
  return parts.join(", ");
}

/** The parameters of a convolution: filters `[O, C/groups, …]`, and a bias uniform in ±1/√(fan in). */
function filtersOf(
  who: string,
  layer: Module,
  [outChannels, inChannels, ...kernel]: Shape,
  { groups, bias, rng, init }: { groups: number; bias: boolean; rng: Rng; init: Initializer | undefined },
): { weight: Tensor; bias: Tensor | null } {
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ShapeError(
      `${who}: ${inChannels} input and ${outChannels} output channels do not both divide into ${groups} groups`,
    );
  }
  const weight = parameterOf(layer, zeros([outChannels, inChannels / groups, ...kernel]));
  if (init) init(weight, rng);
  else kaimingUniform(weight, rng, { gain: Math.sqrt(1 / 3) });
  const bound = 1 / Math.sqrt(fansOf(weight.shape).fanIn);
  return {
    weight,
    bias: bias ? parameterOf(layer, uniform(zeros([outChannels]), rng, { low: -bound, high: bound })) : null,
  };
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
