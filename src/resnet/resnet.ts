/**
 * Residual networks for small images: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition", §4.2.
 *
 * A 3×3 convolution, then three stages of n blocks of two 3×3 convolutions, with 16, 32 and 64 channels on images of 32,
 * 16 and 8 pixels, then the mean of each channel and one linear layer: 6n + 2 layers with weights. The paper's networks,
 * with their parameters (option A shortcuts; a test counts them):
 *
 *   depth       20        32        44        56          110
 *   n            3         5         7         9           18
 *   parameters   269,722   464,154   658,586   853,018     1,727,962
 *
 * Parts are named as torchvision and akamaster/pytorch_resnet_cifar10 name them: conv1, bn1, layer1.0.conv1, …, fc.
 * Next: basic-block.ts and preact-block.ts.
 */
import { relu } from "../autograd/elementwise.ts";
import { globalAvgPool2d } from "../autograd/pooling.ts";
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import type { Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicBlock } from "./basic-block.ts";
import { isResidualBlock, kaimingFanOut, type Order, type ResidualBlock } from "./block.ts";
import { PreActBlock } from "./preact-block.ts";
import { checkShortcut, type PadChannels, type ShortcutKind } from "./shortcut.ts";

export interface CifarResNetOptions {
  /** Channels of the first stage; the others have two and four times as many. Default 16. */
  width?: number;
  /** Channels of the images: 3 for colour, 1 for grey. Default 3. */
  inChannels?: number;
  /** Default 10. */
  classes?: number;
  /**
   * What is added to each branch. Blocks that keep the shape have the identity; the first blocks of the second and third
   * stage, which do not, have: "pad" option A, "project" option B. "identity" means that no shortcut has parameters,
   * which is "pad". "none" leaves every shortcut out: the plain twin, with the same parameters as "pad". Default "pad".
   */
  shortcut?: ShortcutKind;
  /** Where option A puts the zero channels: after the others, or half before and half after. Default "back". */
  padChannels?: PadChannels;
  /** Activations after the convolutions (2015) or before them (2016). Default "post". */
  order?: Order;
  /** False leaves every batch norm out; the convolutions stay without bias. Default true. */
  batchNorm?: boolean;
  /** Whether every residual branch starts as zero. Default false. */
  zeroInitLast?: boolean;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the convolutions' weights. Default: Kaiming normal, fan out. */
  init?: Initializer;
}

/**
 * A residual network of 6n + 2 layers, or the plain twin of one.
 *
 * Networks made with the same seed have bit-identical weights wherever they have the same parameters, whatever their
 * shortcuts: each block draws from a fork of its own, and projections draw last.
 *
 * @example
 * const rng = new Rng(0);
 * const model = cifarResNet(20, { rng });
 * model.forward(zeros([1, 3, 32, 32])).shape; // [1, 10]
 * model.parameterCount(); // 269722
 *
 * @throws ValueError if the depth is not 6n + 2 (the message names the nearest that are), an option is none that exists,
 * or a plain network is asked to start with zero branches.
 */
export function cifarResNet(depth: number, options: CifarResNetOptions): ResNet {
  return new ResNet(depth, options);
}

/** What `cifarResNet` makes: images `[N, inChannels, H, W]` to logits `[N, classes]`. */
export class ResNet extends Module {
  readonly depth: number;
  readonly shortcut: ShortcutKind;
  readonly order: Order;
  readonly conv1: Conv2d;
  /** After conv1 in the original order; pre-activation blocks bring their own. */
  readonly bn1: BatchNorm2d | null;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  /** After the last block in the pre-activation order, where nothing else would activate the last sum. */
  readonly bnLast: BatchNorm2d | null;
  readonly fc: Linear;

  constructor(depth: number, options: CifarResNetOptions) {
    super();
    const {
      width = 16,
      inChannels = 3,
      classes = 10,
      shortcut = "pad",
      padChannels = "back",
      order = "post",
    } = options;
    const { batchNorm = true, zeroInitLast = false, rng, init = kaimingFanOut } = options;
    checkOptions(depth, { width, inChannels, classes, shortcut, padChannels, order, zeroInitLast });
    const blocksPerStage = (depth - 2) / 6;

    const stage = (number: number, from: number, to: number, stride: number): Sequential => {
      const blocks: Module[] = [];
      for (let i = 0; i < blocksPerStage; i++) {
        const changes = i === 0 && (stride !== 1 || from !== to);
        const common = {
          stride: i === 0 ? stride : 1,
          shortcut: shortcut === "none" ? shortcut : changes ? (shortcut === "project" ? shortcut : "pad") : "identity",
          padChannels,
          batchNorm,
          rng: rng.fork(`layer${number}.${i}`),
          init,
        } as const;
        const channels = i === 0 ? from : to;
        // The authors' first block, which does not project, splits after the activation as the projecting ones do.
        const asAuthors = shortcut === "project" && i === 0;
        blocks.push(
          order === "post"
            ? new BasicBlock(channels, to, common)
            : new PreActBlock(channels, to, { ...common, split: asAuthors ? "after" : "before" }),
        );
      }
      return new Sequential(...blocks);
    };

    this.depth = depth;
    this.shortcut = shortcut;
    this.order = order;
    this.conv1 = new Conv2d(inChannels, width, 3, { padding: 1, bias: false, rng: rng.fork("conv1"), init });
    this.bn1 = batchNorm && order === "post" ? new BatchNorm2d(width) : null;
    this.layer1 = stage(1, width, width, 1);
    this.layer2 = stage(2, width, 2 * width, 2);
    this.layer3 = stage(3, 2 * width, 4 * width, 2);
    this.bnLast = batchNorm && order === "pre" ? new BatchNorm2d(4 * width) : null;
    this.fc = new Linear(4 * width, classes, { rng: rng.fork("fc") });
    if (zeroInitLast) this.zeroInitLast();
  }

  forward(x: Tensor): Tensor {
    x = this.conv1.forward(x);
    if (this.order === "post") x = relu(this.bn1 ? this.bn1.forward(x) : x);
    x = this.layer3.forward(this.layer2.forward(this.layer1.forward(x)));
    if (this.order === "pre") x = relu(this.bnLast ? this.bnLast.forward(x) : x);
    return this.fc.forward(globalAvgPool2d(x));
  }

  /** The blocks by path (`layer1.0`), first to last. */
  blocks(): [string, ResidualBlock][] {
    return this.namedModules().filter((entry): entry is [string, ResidualBlock] => isResidualBlock(entry[1]));
  }

  /**
   * Makes every residual branch start as zero, so that the network starts as its shortcuts alone.
   *
   * @throws ValueError for a plain network, which would be zero itself and could not learn.
   */
  zeroInitLast(): void {
    if (this.shortcut === "none") throw new ValueError(PLAIN_ZERO);
    for (const [, block] of this.blocks()) block.zeroInitLast();
  }

  override describe(): string {
    return `depth ${this.depth}, shortcut ${this.shortcut}, order ${this.order}`;
  }
}

const PLAIN_ZERO =
  'cifarResNet: zeroInitLast needs shortcuts: with shortcut "none" a zero branch makes the network zero, and it cannot learn';

function checkOptions(depth: number, options: Omit<Required<CifarResNetOptions>, "rng" | "init" | "batchNorm">): void {
  if (!isValidDepth(depth)) {
    const below = 6 * Math.max(1, Math.floor((depth - 2) / 6)) + 2;
    const nearest =
      depth < 8 || !Number.isFinite(depth) ? "the smallest is 8" : `the nearest are ${below} and ${below + 6}`;
    throw new ValueError(`cifarResNet: depth must be 6n + 2 (8, 14, 20, …), got ${depth}: ${nearest}`);
  }
  for (const name of ["width", "inChannels", "classes"] as const) {
    if (!Number.isInteger(options[name]) || options[name] < 1) {
      throw new ValueError(`cifarResNet: ${name} must be a whole number of 1 or more, got ${options[name]}`);
    }
  }
  checkShortcut("cifarResNet", options.shortcut);
  checkChoice("order", options.order, ["post", "pre"]);
  checkChoice("padChannels", options.padChannels, ["back", "both"]);
  if (options.zeroInitLast && options.shortcut === "none") throw new ValueError(PLAIN_ZERO);
}

function isValidDepth(depth: number): boolean {
  return Number.isInteger(depth) && depth >= 8 && (depth - 2) % 6 === 0;
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) {
    throw new ValueError(`cifarResNet: ${name} must be one of ${choices.join(", ")}, got "${value}"`);
  }
}
