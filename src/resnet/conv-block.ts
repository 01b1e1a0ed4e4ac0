/**
 * What basic blocks and bottlenecks have in common: all but their convolutions.
 * Next: basic-block.ts and bottleneck.ts, the two kinds; parts.ts and paths.ts, what a block is made of and what it computes.
 */
import type { Sequential } from "../nn/container.ts";
import type { Conv2d } from "../nn/conv.ts";
import type { Module } from "../nn/module.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BlockPlan, describeBlock } from "./block.ts";
import type { BlurPool2d } from "./blur-pool.ts";
import { CuttableBlock } from "./cut.ts";
import type { Order } from "./order.ts";
import { type Block, zeroLast } from "./parts.ts";
import { afterSum, branchOf, forwardBlock, gateOf, skipOf } from "./paths.ts";
import type { ShortcutKind } from "./shortcut.ts";
import type { SqueezeExcitation } from "./squeeze-excitation.ts";
import type { FixupBiases } from "./start.ts";

/** A residual block of convolutions. A kind of block declares them and their norms, and calls `assemble`. */
export abstract class ConvBlock extends CuttableBlock implements Block {
  readonly plan: BlockPlan;
  // `declare`, here and in the kinds: `assemble` makes the parts in the order in which they are applied, which differs.
  declare readonly downsample: Sequential | Conv2d | null;
  declare readonly convGate: Conv2d | null;
  declare readonly se: SqueezeExcitation | null;
  declare readonly blur: BlurPool2d | null;
  declare readonly blurAfter: number;
  declare readonly scale: Tensor | null;
  declare readonly biases: readonly FixupBiases[];
  declare readonly noise: Rng | null;

  constructor(plan: BlockPlan) {
    super();
    this.plan = plan;
  }

  abstract convolutions(): readonly Conv2d[];

  abstract norms(): readonly (Module | null)[];

  get uncutShortcut(): ShortcutKind {
    return this.plan.shortcut;
  }

  get order(): Order {
    return this.plan.order;
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
    return this.describeCut(describeBlock(this.plan));
  }
}
