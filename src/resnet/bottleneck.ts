/**
 * The bottleneck block: a 1×1 convolution that reduces the channels, a 3×3, and a 1×1 that restores them (He, Zhang, Ren &
 * Sun 2015, "Deep Residual Learning for Image Recognition", Fig. 5 and §4.1), with the groups of ResNeXt (Xie et al. 2017)
 * and the width of Wide ResNets (Zagoruyko & Komodakis 2016). Parts are named as in torchvision's `Bottleneck`.
 * Next: conv-block.ts.
 */
import type { Conv2d } from "../nn/conv.ts";
import type { Module } from "../nn/module.ts";
import type { BatchNorm2d } from "../nn/norm.ts";
import { checkBetween, checkWhole } from "../tensor/arguments.ts";
import type { OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { BLOCK_OPTIONS, type BlockOptions, planBlock } from "./block.ts";
import { ConvBlock } from "./conv-block.ts";
import { assemble } from "./parts.ts";

/** Options of `Bottleneck`. */
export interface BottleneckOptions extends BlockOptions {
  /** Groups of the 3×3 convolution: 32 in ResNeXt-50 32×4d. Default 1. */
  groups?: number;
  /** The 3×3 convolution has ⌊outChannels/4 · baseWidth/64⌋ · groups channels: 4 in ResNeXt-50 32×4d. Default 64. */
  baseWidth?: number;
  /** Distance between neighbouring taps of the 3×3 convolution. Default 1. */
  dilation?: number;
  /** Which convolution has the stride: 1.5 the 3×3 (torchvision), 1 the first 1×1 (both papers of He et al.). Default 1.5. */
  version?: 1 | 1.5;
}

const OPTIONS: OptionNames<BottleneckOptions> = {
  ...BLOCK_OPTIONS,
  groups: true,
  baseWidth: true,
  dilation: true,
  version: true,
};

/**
 * y = relu(s(x) + F(x)), F = bn3 ∘ conv3 ∘ relu ∘ bn2 ∘ conv2 ∘ relu ∘ bn1 ∘ conv1; in the order "pre" y = s(x) + F(x),
 * F = conv3 ∘ relu ∘ bn3 ∘ conv2 ∘ relu ∘ bn2 ∘ conv1 ∘ relu ∘ bn1. The other orders are in order.ts.
 *
 * `[N, inChannels, H, W]` to `[N, outChannels, ⌈H/stride⌉, ⌈W/stride⌉]`.
 *
 * @example
 * const block = new Bottleneck(64, 256, { shortcut: "project", rng: new Rng(0) }); // layer1.0 of ResNet-50
 *
 * @throws ValueError if an option is wrong, the channels between are no whole number of 1 or more, or the identity is asked
 * of a block that changes the shape.
 */
export class Bottleneck extends ConvBlock {
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm2d | null;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm2d | null;
  declare readonly conv3: Conv2d;
  declare readonly bn3: BatchNorm2d | null;

  constructor(inChannels: number, outChannels: number, options: BottleneckOptions) {
    super(planBlock("Bottleneck", inChannels, outChannels, options, OPTIONS));
    const { groups = 1, baseWidth = 64, dilation = 1, version = 1.5 } = options;
    const { stride } = this.plan;
    checkWhole("Bottleneck", "groups", groups);
    checkBetween("Bottleneck", "baseWidth", baseWidth, 0);
    checkWhole("Bottleneck", "dilation", dilation);
    const width = Math.floor((outChannels / 4) * (baseWidth / 64)) * groups;
    if (outChannels % 4 !== 0 || !(width >= 1)) {
      throw new ValueError(
        `Bottleneck: outChannels must be a multiple of 4 and the width 1 or more, got outChannels ${outChannels}, groups ${groups}, baseWidth ${baseWidth}: width ${width}`,
      );
    }
    if (version !== 1 && version !== 1.5) {
      throw new ValueError(
        `Bottleneck: version must be 1 (stride on conv1) or 1.5 (on conv2), got ${version as number}`,
      );
    }
    const shapes = [
      { channels: width, kernel: 1, stride: version === 1 ? stride : 1 },
      { channels: width, kernel: 3, stride: version === 1 ? 1 : stride, padding: dilation, dilation, groups },
      { channels: outChannels, kernel: 1 },
    ];
    assemble(this, shapes, options);
  }

  convolutions(): readonly Conv2d[] {
    return [this.conv1, this.conv2, this.conv3];
  }

  norms(): readonly (Module | null)[] {
    return [this.bn1, this.bn2, this.bn3];
  }
}
