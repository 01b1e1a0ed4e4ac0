/**
 * VGG: Simonyan & Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition", Table 1. Depth by
 * stacking 3×3 convolutions, without shortcuts: how deep networks went before residual learning.
 *
 * Five stages of 3×3 convolutions and ReLUs, each halved by a max-pooling, then three fully connected layers. Convolutions
 * per stage, and parameters for 1000 classes:
 *
 *   depth  configuration    stages           parameters     with batch norm
 *   11     A                1, 1, 2, 2, 2    132,863,336    132,868,840
 *   13     B                2, 2, 2, 2, 2    133,047,848    133,053,736
 *   16     D                2, 2, 3, 3, 3    138,357,544    138,365,992
 *   19     E                2, 2, 4, 4, 4    143,667,240    143,678,248
 *
 * Parts are named as in torchvision: features.0, …, classifier.0, classifier.3, classifier.6.
 */
import { flatten } from "../autograd/shape.ts";
import { ReLU } from "../nn/activation.ts";
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { constant, type Initializer, normal } from "../nn/init.ts";
import { checkInit } from "../nn/initializer.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { AdaptiveAvgPool2d, MaxPool2d } from "../nn/pool.ts";
import { checkBetween, checkBoolean, checkPair, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { Pair } from "../tensor/geometry/conv.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { kaimingFanOut } from "./block.ts";

/** How many layers with weights a VGG has. */
export type VggDepth = 11 | 13 | 16 | 19;

/** Options of `vgg`. */
export interface VggOptions {
  /** Default 1000. */
  classes?: number;
  /** Channels of the images: 3 for colour, 1 for grey. Default 3. */
  inChannels?: number;
  /** Whether a batch norm follows each convolution. Default false, as in the paper. */
  batchNorm?: boolean;
  /** The grid that the features are averaged to, whatever the size of the image: its side, or height and width. Default 7. */
  gridSize?: Pair;
  /** Units of the fully connected layers before the last. Default [4096, 4096]. */
  hidden?: readonly number[];
  /** Probability that a unit of these layers is dropped in training. Default 0.5. */
  dropout?: number;
  /** Where the initial values and the dropout masks come from. */
  rng: Rng;
  /** Fills every weight. Default, as torchvision: Kaiming normal, fan out, for convolutions, and N(0, 0.01²) else. */
  init?: Initializer;
}

const OPTIONS: OptionNames<VggOptions> = {
  classes: true,
  inChannels: true,
  batchNorm: true,
  gridSize: true,
  hidden: true,
  dropout: true,
  rng: true,
  init: true,
};

/** Convolutions per stage. */
const STAGES: Readonly<Record<VggDepth, readonly number[]>> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
};

/** Channels of each stage. */
const CHANNELS = [64, 128, 256, 512, 512] as const;

/**
 * A VGG network: images `[N, inChannels, H, W]`, H and W at least 32, to logits `[N, classes]`.
 *
 * @example
 * const model = vgg(11, { classes: 10, hidden: [64], gridSize: 1, rng: new Rng(0) });
 * model.eval().forward(zeros([1, 3, 32, 32])).shape; // [1, 10]
 *
 * @throws ValueError for a depth that is none of the paper's or an option out of range.
 */
export function vgg(depth: VggDepth, options: VggOptions): Vgg {
  return new Vgg(depth, options);
}

/**
 * What `vgg` makes.
 *
 * @example
 * const network: Vgg = vgg(11, { classes: 10, hidden: [64], gridSize: 1, rng });
 * network.depth; // 11
 */
export class Vgg extends Module {
  readonly depth: VggDepth;
  readonly features: Sequential;
  readonly avgpool: AdaptiveAvgPool2d;
  /** May be replaced, for other classes: its last layer is the one that tells them apart. */
  classifier: Sequential;

  constructor(depth: VggDepth, options: VggOptions) {
    super();
    checkNetwork(depth, options);
    const { classes = 1000, inChannels = 3, batchNorm = false, gridSize = 7, hidden = [4096, 4096] } = options;
    const { dropout = 0.5, rng, init } = options;
    this.depth = depth;

    const features: Module[] = [];
    let channels = inChannels;
    STAGES[depth].forEach((convolutions, stage) => {
      for (let i = 0; i < convolutions; i++) {
        const conv = new Conv2d(channels, CHANNELS[stage], 3, {
          padding: 1,
          rng: rng.fork(`conv${stage}.${i}`),
          init: init ?? kaimingFanOut,
        });
        constant(conv.bias!, 0);
        channels = CHANNELS[stage];
        features.push(conv, ...(batchNorm ? [new BatchNorm2d(channels)] : []), new ReLU());
      }
      features.push(new MaxPool2d(2));
    });
    this.features = new Sequential(...features);
    this.avgpool = new AdaptiveAvgPool2d(gridSize);

    const fullyConnected = (inputs: number, outputs: number): Linear => {
      const layer = new Linear(inputs, outputs, {
        rng: rng.fork("linear"),
        init: init ?? ((t, generator) => normal(t, generator, { std: 0.01 })),
      });
      constant(layer.bias!, 0);
      return layer;
    };
    const classifier: Module[] = [];
    let inputs = channels * this.avgpool.outputSize[0] * this.avgpool.outputSize[1];
    for (const units of hidden) {
      classifier.push(fullyConnected(inputs, units), new ReLU(), new Dropout(dropout, { rng: rng.fork("dropout") }));
      inputs = units;
    }
    this.classifier = new Sequential(...classifier, fullyConnected(inputs, classes));
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x)), 1));
  }

  override describe(): string {
    return `depth ${this.depth}`;
  }
}

function checkNetwork(depth: VggDepth, options: VggOptions): void {
  if (typeof depth !== "number" || !Object.hasOwn(STAGES, depth)) {
    const Wrong = typeof depth === "number" ? ValueError : UsageError;
    throw new Wrong(`vgg: depth must be 11, 13, 16 or 19, got ${describe(depth)}`);
  }
  checkOptions("vgg", options, OPTIONS);
  checkRng("vgg", options?.rng, `vgg(${depth}, { rng: new Rng(seed) })`);
  const { classes = 1, inChannels = 1, gridSize = 1, hidden = [], dropout = 0, batchNorm = false, init } = options;
  for (const [name, count] of Object.entries({ classes, inChannels })) checkWhole("vgg", name, count);
  checkPair("vgg", "gridSize", gridSize);
  if (!Array.isArray(hidden)) throw new ValueError(`vgg: hidden must be a list of numbers, got ${describe(hidden)}`);
  for (const units of hidden) checkWhole("vgg", "a number of hidden units", units);
  checkBetween("vgg", "dropout", dropout, 0, 1);
  checkBoolean("vgg", "batchNorm", batchNorm);
  checkInit("vgg", init);
}
