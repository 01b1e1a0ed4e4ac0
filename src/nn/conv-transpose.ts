/** The transposed convolutional layer, which enlarges images. */
import { convTranspose2d } from "../autograd/conv-transpose.ts";
import { checkPair } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { type Pair, pairOf } from "../tensor/geometry/conv.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Conv2dLayerOptions } from "./conv.ts";
import { convParameters, convSettings, describeConv } from "./conv-settings.ts";
import { Module } from "./module.ts";

/** Options of `ConvTranspose2d`. `stride` and `padding` are those of the convolution that leads back. */
export interface ConvTranspose2dLayerOptions extends Conv2dLayerOptions {
  /** Rows and columns that the result gains at the bottom and on the right. Default 0. */
  outputPadding?: Pair;
}

const OPTIONS: OptionNames<ConvTranspose2dLayerOptions> = {
  stride: true,
  padding: true,
  outputPadding: true,
  dilation: true,
  groups: true,
  bias: true,
  rng: true,
  init: true,
};

/**
 * `convTranspose2d` with a weight `[I, O/groups, kh, kw]` and a bias `[O]`: `[N, I, H, W]` to `[N, O, Ho, Wo]`, where
 * Ho = (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1.
 *
 * Both start uniform in ±1/√(O/groups·kh·kw), as in PyTorch.
 *
 * @example
 * const twice = new ConvTranspose2d(16, 8, 2, { stride: 2, rng: new Rng(0) });
 * twice.forward(zeros([4, 16, 7, 7])).shape; // [4, 8, 14, 14]
 *
 * @throws ValueError or UsageError for an invalid size, an option that does not exist or is out of range, or without an
 * rng; ShapeError if the channels do not divide into the groups, or in `forward` if x does not fit.
 */
export class ConvTranspose2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly outputPadding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: ConvTranspose2dLayerOptions) {
    super();
    const who = "ConvTranspose2d";
    checkOptions(who, options, OPTIONS);
    const { stride, padding, dilation, groups } = convSettings(who, inChannels, outChannels, kernelSize, options);
    const { outputPadding = 0 } = options;
    checkPair(who, "outputPadding", outputPadding, 0);
    const shape = [inChannels, outChannels / groups, ...pairOf(kernelSize)];
    const { weight, bias } = convParameters(this, shape, outChannels, options);
    this.weight = weight;
    this.bias = bias;
    this.stride = stride;
    this.padding = padding;
    this.outputPadding = pairOf(outputPadding);
    this.dilation = dilation;
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, dilation, groups } = this;
    return convTranspose2d(x, weight, bias, { stride, padding, outputPadding, dilation, groups });
  }

  override describe(): string {
    const [I, perGroup, ...kernelSize] = this.weight.shape;
    const text = describeConv(I, perGroup * this.groups, kernelSize, this);
    const more = [...new Set(this.outputPadding)].join("×");
    return more === "0" ? text : `${text}, output padding ${more}`;
  }
}
