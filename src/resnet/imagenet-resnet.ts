/**
 * Residual networks for large images: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition", Table 1;
 * Zagoruyko & Komodakis 2016, "Wide Residual Networks"; Xie et al. 2017, "Aggregated Residual Transformations" (ResNeXt).
 *
 * A 7×7 convolution and a max-pooling, which leave a sixteenth of the pixels, then four stages of blocks with 64, 128, 256
 * and 512 channels (four times as many in bottlenecks) on 56, 28, 14 and 7 pixels, the mean of each channel, one linear
 * layer. Blocks per stage, parameters for 1000 classes, and multiply-adds for an image of 224×224 (a test counts them):
 *
 *   resnet18            basic        2, 2,  2, 2    11,689,512     1.81 G
 *   resnet34            basic        3, 4,  6, 3    21,797,672     3.66 G
 *   resnet50            bottleneck   3, 4,  6, 3    25,557,032     4.09 G    (version 1: 3.86 G, the paper's 3.8)
 *   resnet101           bottleneck   3, 4, 23, 3    44,549,160     7.80 G
 *   resnet152           bottleneck   3, 8, 36, 3    60,192,808    11.51 G
 *   resnext50_32x4d     bottleneck   3, 4,  6, 3    25,028,904     4.23 G    3×3 in 32 groups of 4 channels
 *   resnext101_32x8d    bottleneck   3, 4, 23, 3    88,791,336    16.41 G    3×3 in 32 groups of 8 channels
 *   wideResnet50_2      bottleneck   3, 4,  6, 3    68,883,240    11.40 G    3×3 of twice the width
 *   wideResnet101_2     bottleneck   3, 4, 23, 3   126,886,696    22.75 G    3×3 of twice the width
 *
 * Parts are named as in torchvision: conv1, bn1, layer1.0.conv1, …, fc. Next: basic-block.ts and bottleneck.ts.
 */
import { relu } from "../autograd/elementwise.ts";
import { flatten } from "../autograd/shape.ts";
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import type { Initializer } from "../nn/init.ts";
import { checkInit } from "../nn/initializer.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { AdaptiveAvgPool2d, MaxPool2d } from "../nn/pool.ts";
import { checkBetween, checkBoolean, checkOneOf, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { giveBackUsed } from "../tensor/given-back.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicBlock } from "./basic-block.ts";
import { kaimingFanOut, type ResidualBlock, residualBlocks } from "./block.ts";
import { BlurPool2d } from "./blur-pool.ts";
import { Bottleneck } from "./bottleneck.ts";
import { plainZero } from "./start.ts";

/** What tells the networks of the family apart. */
export interface ImageNetResNetDesign {
  readonly block: "basic" | "bottleneck";
  /** Blocks of each stage. */
  readonly stages: readonly [number, number, number, number];
  /** Groups of a bottleneck's 3×3 convolution. Default 1. */
  readonly groups?: number;
  /** Channels of each group in the first stage. Default 64. */
  readonly baseWidth?: number;
}

const DESIGN: OptionNames<ImageNetResNetDesign> = { block: true, stages: true, groups: true, baseWidth: true };

/** Options of `resnet18` to `resnet152` and their relatives. */
export interface ImageNetResNetOptions {
  /** Default 1000. */
  classes?: number;
  /** Channels of the images: 3 for colour, 1 for grey. Default 3. */
  inChannels?: number;
  /**
   * What is added where a block changes the shape: "project" (option B, a 1×1 convolution) or "pad" (option A, nothing to
   * learn). Other blocks have the identity. "none" leaves every shortcut out: the plain twin. Default "project".
   */
  shortcut?: "project" | "pad" | "none";
  /** Which convolution of a bottleneck has the stride: 1.5 the 3×3, as torchvision, 1 the first 1×1. Default 1.5. */
  version?: 1 | 1.5;
  /** "cifar": a 3×3 convolution with stride 1 and no pooling instead of the stem, for small images. Default: none. */
  replaceStem?: "cifar";
  /**
   * Of the last three stages, which do not halve the image: their convolutions are dilated instead, for dense predictions
   * (Chen et al. 2017; for bottlenecks alone, as in torchvision). Default [false, false, false].
   */
  replaceStrideWithDilation?: readonly [boolean, boolean, boolean];
  /** Squeeze-and-excitation in each branch (Hu et al. 2018): 16 in the paper. See `BlockOptions`. Default false: none. */
  squeezeExcitation?: number | false;
  /** Whether the pooling and the blocks blur before they subsample (Zhang 2019). See `BlockOptions`. Default false. */
  antialias?: boolean;
  /** Whether every residual branch starts as zero. Default false. */
  zeroInitLast?: boolean;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the convolutions' weights. Default: Kaiming normal, fan out. */
  init?: Initializer;
}

const OPTIONS: OptionNames<ImageNetResNetOptions> = {
  classes: true,
  inChannels: true,
  shortcut: true,
  version: true,
  replaceStem: true,
  replaceStrideWithDilation: true,
  squeezeExcitation: true,
  antialias: true,
  zeroInitLast: true,
  rng: true,
  init: true,
};

/**
 * ResNet-18. See the head of the file for its numbers.
 *
 * @example
 * const network = resnet18({ classes: 1000, rng });
 * network.parameterCount(); // 11689512
 * network.eval().forward(zeros([1, 3, 224, 224])).shape; // [1, 1000]
 */
export function resnet18(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "basic", stages: [2, 2, 2, 2] }, options);
}

/**
 * ResNet-34.
 *
 * @example
 * const network = resnet34({ classes: 1000, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 21797672
 */
export function resnet34(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "basic", stages: [3, 4, 6, 3] }, options);
}

/**
 * ResNet-50.
 *
 * @example
 * const network = resnet50({ classes: 1000, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 25557032
 */
export function resnet50(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 4, 6, 3] }, options);
}

/**
 * ResNet-101.
 *
 * @example
 * const network = resnet101({ classes: 10, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 42520650
 */
export function resnet101(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 4, 23, 3] }, options);
}

/**
 * ResNet-152.
 *
 * @example
 * const network = resnet152({ classes: 10, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 58164298
 */
export function resnet152(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 8, 36, 3] }, options);
}

/**
 * ResNeXt-50 32×4d.
 *
 * @example
 * const network = resnext50_32x4d({ classes: 1000, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 25028904
 */
export function resnext50_32x4d(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 4, 6, 3], groups: 32, baseWidth: 4 }, options);
}

/**
 * ResNeXt-101 32×8d.
 *
 * @example
 * const network = resnext101_32x8d({ classes: 10, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 86762826
 */
export function resnext101_32x8d(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 4, 23, 3], groups: 32, baseWidth: 8 }, options);
}

/**
 * Wide ResNet-50-2.
 *
 * @example
 * const network = wideResnet50_2({ classes: 1000, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 68883240
 */
export function wideResnet50_2(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 4, 6, 3], baseWidth: 128 }, options);
}

/**
 * Wide ResNet-101-2.
 *
 * @example
 * const network = wideResnet101_2({ classes: 10, rng, init: () => {} }); // zeros: a file brings the weights
 * network.parameterCount(); // 124858186
 */
export function wideResnet101_2(options: ImageNetResNetOptions): ImageNetResNet {
  return new ImageNetResNet({ block: "bottleneck", stages: [3, 4, 23, 3], baseWidth: 128 }, options);
}

/**
 * Any network of the family: images `[N, inChannels, H, W]` of any size to logits `[N, classes]`.
 *
 * Twins made with the same seed have bit-identical weights wherever they have the same parameters: each block draws from a
 * fork of its own, and projections draw last.
 *
 * @example
 * const rng = new Rng(0);
 * const resnet14 = new ImageNetResNet({ block: "bottleneck", stages: [1, 1, 1, 1] }, { classes: 10, rng });
 * resnet14.eval().forward(zeros([1, 3, 32, 32])).shape; // [1, 10]
 *
 * @throws ValueError for an option that does not exist or is out of range, or a plain network that should start with zero
 * branches.
 */
export class ImageNetResNet extends Module {
  readonly shortcut: "project" | "pad" | "none";
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  /** Null where the stem is replaced. */
  readonly maxpool: MaxPool2d | null;
  /** What subsamples instead of the pooling; null unless anti-aliased. */
  readonly blurpool: BlurPool2d | null;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly avgpool: AdaptiveAvgPool2d;
  /** The classifier. Another for other classes: `model.fc = new Linear(model.fc.inFeatures, classes, { rng })`. */
  fc: Linear;

  constructor(design: ImageNetResNetDesign, options: ImageNetResNetOptions) {
    super();
    checkNetwork(design, options);
    const { classes = 1000, inChannels = 3, shortcut = "project", version = 1.5, replaceStem } = options;
    const { zeroInitLast = false, squeezeExcitation = false, antialias = false } = options;
    const { replaceStrideWithDilation = [false, false, false], rng, init = kaimingFanOut } = options;
    const { block, stages, groups = 1, baseWidth = 64 } = design;
    const expansion = block === "basic" ? 1 : 4;

    let dilation = 1;
    const stage = (number: number, from: number, to: number, stride: number): Sequential => {
      // The first block of a stage still sees what the stage before it saw (torchvision's previous_dilation).
      const first = dilation;
      if (number > 1 && replaceStrideWithDilation[number - 2]) {
        dilation *= stride;
        stride = 1;
      }
      const blocks: Module[] = [];
      for (let i = 0; i < stages[number - 1]; i++) {
        const changes = i === 0 && (stride !== 1 || from !== to);
        const common = {
          stride: i === 0 ? stride : 1,
          shortcut: shortcut === "none" || changes ? shortcut : "identity",
          squeezeExcitation,
          antialias,
          rng: rng.fork(`layer${number}.${i}`),
          init,
        } as const;
        const channels = i === 0 ? from : to;
        blocks.push(
          block === "basic"
            ? new BasicBlock(channels, to, common)
            : new Bottleneck(channels, to, {
                ...common,
                groups,
                baseWidth,
                version,
                dilation: i === 0 ? first : dilation,
              }),
        );
      }
      return new Sequential(...blocks);
    };

    this.shortcut = shortcut;
    const stem = replaceStem ? { size: 3, stride: 1, padding: 1 } : { size: 7, stride: 2, padding: 3 };
    const { stride, padding } = stem;
    this.conv1 = new Conv2d(inChannels, 64, stem.size, { stride, padding, bias: false, rng: rng.fork("conv1"), init });
    this.bn1 = new BatchNorm2d(64);
    this.maxpool = replaceStem ? null : new MaxPool2d(3, { stride: antialias ? 1 : 2, padding: 1 });
    this.blurpool = antialias && !replaceStem ? new BlurPool2d() : null;
    this.layer1 = stage(1, 64, 64 * expansion, 1);
    this.layer2 = stage(2, 64 * expansion, 128 * expansion, 2);
    this.layer3 = stage(3, 128 * expansion, 256 * expansion, 2);
    this.layer4 = stage(4, 256 * expansion, 512 * expansion, 2);
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.fc = new Linear(512 * expansion, classes, { rng: rng.fork("fc") });
    if (zeroInitLast) this.zeroInitLast();
  }

  forward(x: Tensor): Tensor {
    const convolved = this.conv1.forward(x);
    const activated = relu(this.bn1.forward(convolved));
    giveBackUsed(convolved, activated);
    x = this.maxpool ? this.maxpool.forward(activated) : activated;
    giveBackUsed(activated, x);
    if (this.blurpool) x = this.blurpool.forward(x);
    x = this.layer2.forward(this.layer1.forward(x));
    x = this.layer4.forward(this.layer3.forward(x));
    return this.fc.forward(flatten(this.avgpool.forward(x), 1));
  }

  /** The blocks by path (`layer1.0`), first to last. */
  blocks(): [string, ResidualBlock][] {
    return residualBlocks(this);
  }

  /**
   * Makes every residual branch start as zero, so that the network starts as its shortcuts alone.
   *
   * @throws ValueError for a plain network, which would be zero itself and could not learn.
   */
  zeroInitLast(): void {
    if (this.shortcut === "none") throw new ValueError(plainZero("ImageNetResNet", "zeroInitLast"));
    for (const [, block] of this.blocks()) block.zeroInitLast();
  }

  override describe(): string {
    return `shortcut ${this.shortcut}`;
  }
}

function checkNetwork(design: ImageNetResNetDesign, options: ImageNetResNetOptions): void {
  const who = "ImageNetResNet";
  checkOptions(`${who} (its design)`, design, DESIGN);
  checkOptions(who, options, OPTIONS);
  checkRng(who, options?.rng, "resnet18({ rng: new Rng(seed) })");
  const { block, stages, groups = 1, baseWidth = 64 } = design;
  const { classes = 1, inChannels = 1, shortcut = "none", version = 1, replaceStem, zeroInitLast = false } = options;
  checkOneOf(who, "block", block, ["basic", "bottleneck"]);
  if (!Array.isArray(stages) || stages.length !== 4) {
    throw new ValueError(
      `${who}: stages must be four numbers of blocks, got ${Array.isArray(stages) ? `[${stages}]` : describe(stages)}`,
    );
  }
  for (const blocks of stages) checkWhole(who, "a stage's number of blocks", blocks);
  checkWhole(who, "groups", groups);
  checkBetween(who, "baseWidth", baseWidth, 0);
  checkBoolean(who, "zeroInitLast", zeroInitLast);
  checkInit(who, options.init);
  checkWhole(who, "classes", classes);
  checkWhole(who, "inChannels", inChannels);
  checkOneOf(who, "shortcut", shortcut, ["project", "pad", "none"]);
  if (version !== 1 && version !== 1.5) throw new ValueError(`${who}: version must be one of 1, 1.5, got "${version}"`);
  const { replaceStrideWithDilation: replaced = [false, false, false] } = options;
  if (!Array.isArray(replaced) || replaced.length !== 3 || !replaced.every((one) => typeof one === "boolean")) {
    throw new ValueError(
      `${who}: replaceStrideWithDilation must be three of true and false, for layer2, layer3 and layer4, got ${describe(replaced)}`,
    );
  }
  if (block === "basic" && replaced.includes(true)) {
    throw new ValueError(`${who}: replaceStrideWithDilation needs bottlenecks: basic blocks have no dilation`);
  }
  if (replaceStem !== undefined) checkOneOf(who, "replaceStem", replaceStem, ["cifar"]);
}
