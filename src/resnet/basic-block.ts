/**
 * The basic block: two 3×3 convolutions (He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition", Fig. 2
 * and §3.3; He et al. 2016, "Identity Mappings in Deep Residual Networks", Fig. 4 for its orders). Parts are named as in
 * torchvision's `BasicBlock`. Next: conv-block.ts.
 */
import type { Conv2d } from "../nn/conv.ts";
import type { Module } from "../nn/module.ts";
import type { BatchNorm2d } from "../nn/norm.ts";
import { BLOCK_OPTIONS, type BlockOptions, planBlock } from "./block.ts";
import { ConvBlock } from "./conv-block.ts";
import { assemble } from "./parts.ts";

/**
 * y = relu(s(x) + F(x)), F = bn2 ∘ conv2 ∘ relu ∘ bn1 ∘ conv1; in the order "pre" y = s(x) + F(x),
 * F = conv2 ∘ relu ∘ bn2 ∘ conv1 ∘ relu ∘ bn1. The other orders are in order.ts.
 *
 * `[N, inChannels, H, W]` to `[N, outChannels, ⌈H/stride⌉, ⌈W/stride⌉]`. In the original order the ReLU after the addition
 * masks the shortcut's gradient too: ∂L/∂(s + F) is zero where y is.
 *
 * @example
 * const rng = new Rng(0);
 * const original = new BasicBlock(16, 32, { stride: 2, shortcut: "pad", rng });
 * const preActivation = new BasicBlock(16, 16, { order: "pre", rng }); // y = x + F(x): an identity path from y to x
 *
 * @throws ValueError if an option is wrong, or the identity is asked of a block that changes the shape.
 */
export class BasicBlock extends ConvBlock {
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm2d | null;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm2d | null;

  constructor(inChannels: number, outChannels: number, options: BlockOptions) {
    super(planBlock("BasicBlock", inChannels, outChannels, options, BLOCK_OPTIONS));
    const shapes = [
      { channels: outChannels, kernel: 3, padding: 1, stride: this.plan.stride },
      { channels: outChannels, kernel: 3, padding: 1 },
    ];
    assemble(this, shapes, options);
  }

  convolutions(): readonly Conv2d[] {
    return [this.conv1, this.conv2];
  }

  norms(): readonly (Module | null)[] {
    return [this.bn1, this.bn2];
  }
}
