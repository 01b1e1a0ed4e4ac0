/**
 * Residual networks for small images: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition", §4.2, and
 * 2016, "Identity Mappings in Deep Residual Networks", with every variant that the second paper compares.
 *
 * A 3×3 convolution, then three stages of n blocks on images of 32, 16 and 8 pixels, then the mean of each channel and one
 * linear layer. With basic blocks the stages have 16, 32 and 64 channels, 6n + 2 layers with weights; with bottlenecks 64,
 * 128 and 256, 9n + 2. The papers' networks, with their parameters (a test counts them):
 *
 *   basic, option A          20        32        44        56        110         1202
 *   n                         3         5         7         9         18          200
 *   parameters          269,722   464,154   658,586   853,018  1,727,962   19,421,274
 *
 *   bottleneck, "pre"       164       1001
 *   n                        18        111
 *   parameters        1,703,258  10,327,706
 *
 * Parts are named as torchvision names those of its ResNets: conv1, bn1, layer1.0.conv1, …, fc.
 * Next: block.ts.
 */
import { add } from "../autograd/elementwise.ts";
import { globalAvgPool2d } from "../autograd/pool.ts";
import { CheckpointedSequential } from "../nn/checkpointed.ts";
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import { constant } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { checkBetween, checkBoolean, checkOneOf, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicBlock } from "./basic-block.ts";
import {
  checkVariant,
  kaimingFanOut,
  type ResidualBlock,
  residualBlocks,
  VARIANT_OPTIONS,
  type VariantOptions,
} from "./block.ts";
import { Bottleneck } from "./bottleneck.ts";
import { applySteps, ORDERS, type Order } from "./order.ts";
import { SHORTCUTS, type ShortcutKind, shortcutInNetwork } from "./shortcut.ts";
import { checkZeroable, hasNorm, plainZero, type Start, scalar } from "./start.ts";
import { survivalProbability } from "./stochastic-depth.ts";

/** Options of `cifarResNet`. */
export interface CifarResNetOptions extends VariantOptions {
  /** Channels of the first convolution: the stages have 1, 2 and 4 times as many, or with bottlenecks 4, 8 and 16. Default 16. */
  width?: number;
  /** Channels of the images: 3 for colour, 1 for grey. Default 3. */
  inChannels?: number;
  /** Default 10. */
  classes?: number;
  /** Two 3×3 convolutions in each block, or 1×1, 3×3, 1×1. Default "basic". */
  block?: "basic" | "bottleneck";
  /**
   * What is added to each branch. "pad", "project": where the shape changes; the other blocks have the identity.
   * "identity": no shortcut has parameters, which is "pad". "none": no shortcut at all: the plain twin, with the same
   * parameters as "pad". The others are in every block. Default "pad", with bottlenecks "project" as the authors have it.
   */
  shortcut?: ShortcutKind;
  /** The same as `start: "zeroInitLast"`. Default false. */
  zeroInitLast?: boolean;
  /**
   * Stochastic depth: the probability p_L that the last branch is used in training, to which the others fall linearly
   * (Huang et al. 2016: 0.5). Default 1: all are used.
   */
  stochasticDepth?: number;
  /**
   * Whether training keeps only what is between segments of about √n blocks, and computes the rest again in the backward pass:
   * less memory, a third more time, the same gradients. Default false.
   */
  checkpoint?: boolean;
}

const OPTIONS: OptionNames<CifarResNetOptions> = {
  ...VARIANT_OPTIONS,
  width: true,
  inChannels: true,
  classes: true,
  block: true,
  zeroInitLast: true,
  stochasticDepth: true,
  checkpoint: true,
};

/**
 * A residual network of 6n + 2 layers (9n + 2 with bottlenecks), or the plain twin of one.
 *
 * Networks made with the same seed have bit-identical weights wherever they have the same parameters, whatever their
 * shortcuts: each block draws from a fork of its own, and projections and gates draw last.
 *
 * @example
 * const rng = new Rng(0);
 * const model = cifarResNet(20, { rng });
 * model.forward(zeros([1, 3, 32, 32])).shape; // [1, 10]
 * model.parameterCount(); // 269722
 * const deep = cifarResNet(164, { block: "bottleneck", order: "pre", rng });
 * deep.parameterCount(); // 1703258
 *
 * @throws ValueError if the depth is not 6n + 2 or 9n + 2 (the message names the nearest that are), an option is none that
 * exists, or options do not go together.
 */
export function cifarResNet(depth: number, options: CifarResNetOptions): ResNet {
  return new ResNet(depth, options);
}

/**
 * What `cifarResNet` makes: images `[N, inChannels, H, W]` to logits `[N, classes]`.
 *
 * @example
 * const network: ResNet = cifarResNet(20, { rng });
 * network.eval().forward(zeros([2, 3, 32, 32])).shape; // [2, 10]
 */
export class ResNet extends Module {
  readonly depth: number;
  readonly shortcut: ShortcutKind;
  readonly order: Order;
  readonly start: Start;
  readonly conv1: Conv2d;
  /** After conv1, unless the blocks bring their own. */
  readonly bn1: BatchNorm2d | null;
  /** Fixup's bias in its place. */
  readonly bias1: Tensor | null;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  /** After the last block in the pre-activation order, where nothing else would normalise the last sum. */
  readonly bnLast: BatchNorm2d | null;
  /** Fixup's bias before fc. */
  readonly bias2: Tensor | null;
  /** The classifier. Another for other classes: `model.fc = new Linear(model.fc.inFeatures, classes, { rng })`. */
  fc: Linear;

  constructor(depth: number, options: CifarResNetOptions) {
    super();
    checkOptions("cifarResNet", options, OPTIONS);
    checkRng("cifarResNet", options?.rng, `cifarResNet(${depth}, { rng: new Rng(seed) })`);
    const { width = 16, inChannels = 3, classes = 10, block = "basic", ...others } = options;
    // What is left is for each block.
    const { zeroInitLast = false, stochasticDepth = 1, checkpoint = false, ...blockOptions } = others;
    checkBoolean("cifarResNet", "checkpoint", checkpoint);
    const { order = "post", rng } = options;
    const shortcut = options.shortcut ?? (block === "basic" ? "pad" : "project");
    const { init = kaimingFanOut } = options;
    const { start = zeroInitLast ? "zeroInitLast" : "default" } = options;
    const { batchNorm = hasNorm(start) } = options;
    checkNetwork(depth, { ...options, block, shortcut, start, width, inChannels, classes, stochasticDepth });
    const blocksPerStage = (depth - 2) / layersPerLevel(block);
    const blocks = 3 * blocksPerStage;
    const expansion = block === "basic" ? 1 : 4;
    const projects = SHORTCUTS[shortcut].from === "projected";

    const stage = (number: number, from: number, to: number, stride: number): Sequential => {
      const modules: Module[] = [];
      for (let i = 0; i < blocksPerStage; i++) {
        const changes = i === 0 && (stride !== 1 || from !== to);
        const l = (number - 1) * blocksPerStage + i + 1;
        const own = {
          ...blockOptions,
          stride: i === 0 ? stride : 1,
          shortcut: shortcutInNetwork(shortcut, changes),
          // Where shapes are projected, the first block of each stage splits after the activation, as in the authors' code.
          split: i === 0 && projects && ORDERS[order].first !== "" ? "after" : "before",
          start,
          blocks,
          survival: survivalProbability(l, blocks, stochasticDepth),
          rng: rng.fork(`layer${number}.${i}`),
        } as const;
        const channels = i === 0 ? from : to;
        // The authors' bottlenecks have the stride on the first convolution (resnet-pre-act.lua).
        modules.push(
          block === "basic" ? new BasicBlock(channels, to, own) : new Bottleneck(channels, to, { ...own, version: 1 }),
        );
      }
      return checkpoint ? new CheckpointedSequential(modules) : new Sequential(...modules);
    };

    this.depth = depth;
    this.shortcut = shortcut;
    this.order = order;
    this.start = start;
    const { stem, end } = ORDERS[order];
    const wide = width * expansion;
    this.conv1 = new Conv2d(inChannels, width, 3, { padding: 1, bias: false, rng: rng.fork("conv1"), init });
    this.bn1 = batchNorm && stem.includes("norm") ? new BatchNorm2d(width) : null;
    this.bias1 = start === "fixup" ? scalar(0) : null;
    this.layer1 = stage(1, width, wide, 1);
    this.layer2 = stage(2, wide, 2 * wide, 2);
    this.layer3 = stage(3, 2 * wide, 4 * wide, 2);
    this.bnLast = batchNorm && end.includes("norm") ? new BatchNorm2d(4 * wide) : null;
    this.bias2 = start === "fixup" ? scalar(0) : null;
    this.fc = new Linear(4 * wide, classes, { rng: rng.fork("fc") });
    if (start === "fixup") for (const t of this.fc.parameters()) constant(t, 0);
  }

  forward(x: Tensor): Tensor {
    const { stem, end } = ORDERS[this.order];
    x = this.conv1.forward(x);
    if (this.bias1) x = add(x, this.bias1);
    x = applySteps(stem, x, this.bn1);
    x = this.layer3.forward(this.layer2.forward(this.layer1.forward(x)));
    x = globalAvgPool2d(applySteps(end, x, this.bnLast));
    return this.fc.forward(this.bias2 ? add(x, this.bias2) : x);
  }

  /** The blocks by path (`layer1.0`), first to last. */
  blocks(): [string, ResidualBlock][] {
    return residualBlocks(this);
  }

  /**
   * Makes every residual branch zero, so that the network is its shortcuts alone.
   *
   * @throws ValueError for a plain network, which would be zero itself and could not learn, and in the order
   * "reluBeforeAddition", whose branches could not.
   */
  zeroInitLast(): void {
    if (this.shortcut === "none") throw new ValueError(plainZero("cifarResNet", "zeroInitLast"));
    checkZeroable("cifarResNet", "zeroInitLast", this.order);
    for (const [, block] of this.blocks()) block.zeroInitLast();
  }

  override describe(): string {
    const start = this.start === "default" ? "" : `, start ${this.start}`;
    return `depth ${this.depth}, shortcut ${this.shortcut}, order ${this.order}${start}`;
  }
}

/** Convolutions in one block of each of the three stages. */
function layersPerLevel(block: "basic" | "bottleneck"): number {
  return block === "basic" ? 6 : 9;
}

type Checked = CifarResNetOptions &
  Required<Pick<CifarResNetOptions, "block" | "width" | "inChannels" | "classes" | "stochasticDepth" | "shortcut">>;

function checkNetwork(depth: number, options: Checked): void {
  const who = "cifarResNet";
  checkOneOf(who, "block", options.block, ["basic", "bottleneck"]);
  checkDepth(depth, layersPerLevel(options.block));
  for (const name of ["width", "inChannels", "classes"] as const) checkWhole(who, name, options[name]);
  checkVariant(who, options);
  if (options.zeroInitLast !== undefined) checkBoolean(who, "zeroInitLast", options.zeroInitLast);
  checkBetween(who, "stochasticDepth", options.stochasticDepth, 0, 1);
  if (options.zeroInitLast && options.start !== "zeroInitLast") {
    throw new ValueError(`${who}: zeroInitLast is one way to start, start "${options.start}" another: choose one`);
  }
  if (options.stochasticDepth < 1 && options.shortcut === "none") {
    throw new ValueError(plainZero(who, "stochasticDepth below 1"));
  }
}

function checkDepth(depth: number, k: number): void {
  const nearest = depthInstead(depth, k);
  if (nearest === null) return;
  const series = [k + 2, 2 * k + 2, 3 * k + 2].join(", ");
  const Wrong = typeof depth === "number" ? ValueError : UsageError;
  throw new Wrong(`cifarResNet: depth must be ${k}n + 2 (${series}, …), got ${describe(depth)}: ${nearest}`);
}

/** Null where `depth` is k·n + 2 layers; else, in words, which depths near it are. */
export function depthInstead(depth: number, k: number): string | null {
  if (Number.isInteger(depth) && depth >= k + 2 && (depth - 2) % k === 0) return null;
  if (depth < k + 2 || !Number.isFinite(depth)) return `the smallest is ${k + 2}`;
  const below = k * Math.max(1, Math.floor((depth - 2) / k)) + 2;
  return `the nearest are ${below} and ${below + k}`;
}
