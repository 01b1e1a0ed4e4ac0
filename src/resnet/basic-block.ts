/**
 * The basic block in the original order: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition",
 * Fig. 2 and §3.3. Parts are named as in torchvision's `BasicBlock`.
 */
import { add, relu } from "../autograd/elementwise.ts";
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import { constant } from "../nn/init.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BlockOptions, describeBlock, kaimingFanOut, type ResidualBlock, resolveShortcut } from "./block.ts";
import { type PadChannels, padShortcut, type ShortcutKind } from "./shortcut.ts";

/**
 * y = relu(s(x) + F(x)), F = bn2 ∘ conv2 ∘ relu ∘ bn1 ∘ conv1, two 3×3 convolutions.
 *
 * `[N, inChannels, H, W]` to `[N, outChannels, ⌈H/stride⌉, ⌈W/stride⌉]`. The ReLU after the addition masks the shortcut's
 * gradient too: ∂L/∂(s + F) is zero where y is.
 *
 * @example
 * const block = new BasicBlock(16, 32, { stride: 2, shortcut: "pad", rng: new Rng(0) });
 *
 * @throws ValueError if the identity is asked of a block that changes the shape.
 */
export class BasicBlock extends Module implements ResidualBlock {
  readonly shortcut: ShortcutKind;
  readonly order = "post";
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d | null;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d | null;
  /** The projection: a 1×1 convolution and a batch norm, named downsample.0 and downsample.1. */
  readonly downsample: Sequential | null;
  readonly #inChannels: number;
  readonly #outChannels: number;
  readonly #stride: number;
  readonly #padChannels: PadChannels;

  constructor(inChannels: number, outChannels: number, options: BlockOptions) {
    super();
    const { stride = 1, padChannels = "back", batchNorm = true, rng, init = kaimingFanOut } = options;
    this.shortcut = resolveShortcut("BasicBlock", inChannels, outChannels, options);
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { stride, padding: 1, bias: false, rng, init });
    this.bn1 = batchNorm ? new BatchNorm2d(outChannels) : null;
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false, rng, init });
    this.bn2 = batchNorm ? new BatchNorm2d(outChannels) : null;
    this.downsample = null;
    if (this.shortcut === "project") {
      const conv = new Conv2d(inChannels, outChannels, 1, { stride, bias: false, rng, init });
      this.downsample = batchNorm ? new Sequential(conv, new BatchNorm2d(outChannels)) : new Sequential(conv);
    }
    this.#inChannels = inChannels;
    this.#outChannels = outChannels;
    this.#stride = stride;
    this.#padChannels = padChannels;
  }

  forward(x: Tensor): Tensor {
    const branch = this.branch(x);
    const skip = this.skip(x);
    return relu(skip ? add(skip, branch) : branch);
  }

  branch(x: Tensor): Tensor {
    let y = this.conv1.forward(x);
    if (this.bn1) y = this.bn1.forward(y);
    y = this.conv2.forward(relu(y));
    return this.bn2 ? this.bn2.forward(y) : y;
  }

  skip(x: Tensor): Tensor | null {
    switch (this.shortcut) {
      case "none":
        return null;
      case "identity":
        return x;
      case "pad":
        return padShortcut(x, this.#outChannels, this.#stride, this.#padChannels);
      case "project":
        return this.downsample!.forward(x);
    }
  }

  /** Zeroes bn2's scale, or conv2's weight where there is no batch norm. The first gradients of conv1 and bn1 are then 0. */
  zeroInitLast(): void {
    constant(this.bn2?.weight ?? this.conv2.weight, 0);
  }

  override describe(): string {
    return describeBlock(this.#inChannels, this.#outChannels, this.#stride, this.shortcut);
  }
}
