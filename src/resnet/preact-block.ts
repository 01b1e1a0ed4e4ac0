/**
 * The basic block in the pre-activation order: He, Zhang, Ren & Sun 2016, "Identity Mappings in Deep Residual Networks",
 * Fig. 4(e), as in the authors' code (KaimingHe/resnet-1k-layers, resnet-pre-act.lua).
 *
 * The detail that most re-implementations get wrong is where x splits. In most blocks it splits before the first
 * activation, so that the shortcut is x itself. But in the authors' networks a block that projects, and the first block
 * (the appendix: "we adopt the first activation right after conv1 and before splitting into two paths"), split after it:
 * shortcut and branch both start from relu(bn1(x)). A parameter-free shortcut is there to leave the gradient alone, so
 * here it starts from x wherever it is used, also where it pads.
 */
import { add, relu } from "../autograd/elementwise.ts";
import { Conv2d } from "../nn/conv.ts";
import { constant } from "../nn/init.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BlockOptions, describeBlock, kaimingFanOut, type ResidualBlock, resolveShortcut } from "./block.ts";
import { type PadChannels, padShortcut, type ShortcutKind } from "./shortcut.ts";

export interface PreActBlockOptions extends BlockOptions {
  /**
   * Where x splits: "before" the first activation, so that the shortcut starts from x, or "after" it, so that the shortcut
   * starts from relu(bn1(x)). Default: "after" where it projects, else "before".
   */
  split?: "before" | "after";
}

/**
 * y = s + F(x), F = conv2 ∘ relu ∘ bn2 ∘ conv1 ∘ relu ∘ bn1, two 3×3 convolutions; nothing follows the addition.
 *
 * `[N, inChannels, H, W]` to `[N, outChannels, ⌈H/stride⌉, ⌈W/stride⌉]`. The projection is a bare 1×1 convolution, named
 * downsample.
 *
 * @example
 * const block = new PreActBlock(16, 16, { rng: new Rng(0) }); // y = x + F(x): an identity path from y to x
 *
 * @throws ValueError if the identity is asked of a block that changes the shape.
 */
export class PreActBlock extends Module implements ResidualBlock {
  readonly shortcut: ShortcutKind;
  readonly order = "pre";
  /** Where x splits into shortcut and branch. */
  readonly split: "before" | "after";
  readonly bn1: BatchNorm2d | null;
  readonly conv1: Conv2d;
  readonly bn2: BatchNorm2d | null;
  readonly conv2: Conv2d;
  readonly downsample: Conv2d | null;
  readonly #inChannels: number;
  readonly #outChannels: number;
  readonly #stride: number;
  readonly #padChannels: PadChannels;

  constructor(inChannels: number, outChannels: number, options: PreActBlockOptions) {
    super();
    const { stride = 1, padChannels = "back", batchNorm = true, rng, init = kaimingFanOut } = options;
    this.shortcut = resolveShortcut("PreActBlock", inChannels, outChannels, options);
    this.split = options.split ?? (this.shortcut === "project" ? "after" : "before");
    this.bn1 = batchNorm ? new BatchNorm2d(inChannels) : null;
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { stride, padding: 1, bias: false, rng, init });
    this.bn2 = batchNorm ? new BatchNorm2d(outChannels) : null;
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false, rng, init });
    this.downsample =
      this.shortcut === "project" ? new Conv2d(inChannels, outChannels, 1, { stride, bias: false, rng, init }) : null;
    this.#inChannels = inChannels;
    this.#outChannels = outChannels;
    this.#stride = stride;
    this.#padChannels = padChannels;
  }

  forward(x: Tensor): Tensor {
    const activated = this.#activate(x);
    const branch = this.#residual(activated);
    const skip = this.#skipFrom(this.split === "after" ? activated : x);
    return skip ? add(skip, branch) : branch;
  }

  branch(x: Tensor): Tensor {
    return this.#residual(this.#activate(x));
  }

  skip(x: Tensor): Tensor | null {
    return this.#skipFrom(this.split === "after" && this.shortcut !== "none" ? this.#activate(x) : x);
  }

  /** Zeroes conv2's weight, the last scale of the branch. The first gradients of everything before it are then 0. */
  zeroInitLast(): void {
    constant(this.conv2.weight, 0);
  }

  override describe(): string {
    const text = describeBlock(this.#inChannels, this.#outChannels, this.#stride, this.shortcut);
    return this.split === "after" && this.shortcut !== "none" ? `${text} of the activation` : text;
  }

  #activate(x: Tensor): Tensor {
    return relu(this.bn1 ? this.bn1.forward(x) : x);
  }

  #residual(activated: Tensor): Tensor {
    const y = this.conv1.forward(activated);
    return this.conv2.forward(relu(this.bn2 ? this.bn2.forward(y) : y));
  }

  #skipFrom(start: Tensor): Tensor | null {
    switch (this.shortcut) {
      case "none":
        return null;
      case "identity":
        return start;
      case "pad":
        return padShortcut(start, this.#outChannels, this.#stride, this.#padChannels);
      case "project":
        return this.downsample!.forward(start);
    }
  }
}
