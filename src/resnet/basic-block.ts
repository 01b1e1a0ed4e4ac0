/**
 * The basic block: two 3×3 convolutions (He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition", Fig. 2
 * and §3.3; He et al. 2016, "Identity Mappings in Deep Residual Networks", Fig. 4 for its orders). Parts are named as in
 * torchvision's `BasicBlock`. Next: paths.ts.
 */
import type { Sequential } from "../nn/container.ts";
import type { Conv2d } from "../nn/conv.ts";
import { Module } from "../nn/module.ts";
import type { BatchNorm2d } from "../nn/norm.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BLOCK_OPTIONS, type BlockOptions, type BlockPlan, describeBlock, planBlock } from "./block.ts";
import type { Order } from "./order.ts";
import { assemble, type Block, zeroLast } from "./parts.ts";
import { afterSum, branchOf, forwardBlock, gateOf, skipOf } from "./paths.ts";
import type { ShortcutKind } from "./shortcut.ts";
import type { FixupBiases } from "./start.ts";

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
export class BasicBlock extends Module implements Block {
  readonly plan: BlockPlan;
  collapsed = false;
  // `declare`: the parts are made in the order in which they are applied, which differs.
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm2d | null;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm2d | null;
  declare readonly downsample: Sequential | Conv2d | null;
  declare readonly convGate: Conv2d | null;
  declare readonly scale: Tensor | null;
  declare readonly biases: readonly FixupBiases[];
  declare readonly noise: Rng | null;

  constructor(inChannels: number, outChannels: number, options: BlockOptions) {
    super();
    this.plan = planBlock("BasicBlock", inChannels, outChannels, options, BLOCK_OPTIONS);
    const shapes = [
      { channels: outChannels, kernel: 3, padding: 1, stride: this.plan.stride },
      { channels: outChannels, kernel: 3, padding: 1 },
    ];
    assemble(this, shapes, options);
  }

  get shortcut(): ShortcutKind {
    return this.plan.shortcut;
  }

  get order(): Order {
    return this.plan.order;
  }

  convolutions(): readonly Conv2d[] {
    return [this.conv1, this.conv2];
  }

  norms(): readonly (Module | null)[] {
    return [this.bn1, this.bn2];
  }

  forward(x: Tensor): Tensor {
    return forwardBlock(this, x);
  }

  branch(x: Tensor): Tensor {
    return branchOf(this, x);
  }

  skip(x: Tensor): Tensor | null {
    return skipOf(this, x);
  }

  after(y: Tensor): Tensor {
    return afterSum(this, y);
  }

  /**
   * g(x) of a gated shortcut, of the output's shape.
   *
   * @throws ValueError if the block has none.
   */
  gate(x: Tensor): Tensor {
    return gateOf(this, x);
  }

  zeroInitLast(): void {
    zeroLast(this);
  }

  override describe(): string {
    return describeBlock(this.plan);
  }
}
