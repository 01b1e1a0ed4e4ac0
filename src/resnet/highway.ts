/**
 * Highway networks, fully connected and convolutional, and their plain twins: Srivastava, Greff & Schmidhuber 2015,
 * "Highway Networks", §3.1, and "Training Very Deep Networks", §3.3.
 *
 * The experiment that shows what the gates are for: a plain network trains worse with every layer beyond ten or twenty, a
 * highway network of a hundred layers trains as fast as one of ten. Next: highway-block.ts, one layer; ../flow/gates.ts,
 * which inputs open which gates.
 */
import { globalAvgPool2d } from "../autograd/pool.ts";
import { flatten } from "../autograd/shape.ts";
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import type { Initializer } from "../nn/init.ts";
import { checkInit } from "../nn/initializer.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { checkBoolean, checkFinite, checkOneOf, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { log } from "../tensor/math/index.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  activate,
  type HighwayActivation,
  HighwayBlock,
  type HighwayLayerOptions,
  HighwayLinear,
  linearInit,
  transformInit,
} from "./highway-block.ts";

/** Options of both kinds of highway network. */
export interface HighwayOptions {
  /** Default 10. */
  classes?: number;
  /** "none" leaves the gates out: the plain twin. Default "gate". */
  shortcut?: "gate" | "none";
  /**
   * Where the bias of the gates starts. Default −ln depth, so that T starts near 1/(1 + depth) and 1/e of the input is
   * carried through all layers: −2.3, −3.0, −3.9, −4.6 for 10, 20, 50, 100. (The paper searches from −1 to −10. On MNIST,
   * 50 layers of 50 units, 300 steps, lr 0.01: with −1 and −2 nothing is learnt, with −3.9 the loss falls to 0.26.)
   */
  gateBias?: number;
  /** The nonlinearity of H and of the plain layers. Default "relu". */
  activation?: HighwayActivation;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the weights. Default: Kaiming normal, with the gain of the activation, and 1 for gates and the last layer. */
  init?: Initializer;
}

const COMMON_OPTIONS: OptionNames<HighwayOptions> = {
  classes: true,
  shortcut: true,
  gateBias: true,
  activation: true,
  rng: true,
  init: true,
};

/** Options of `highwayNet`. */
export interface HighwayNetOptions extends HighwayOptions {
  /** Numbers per example. Default 784, the pixels of an MNIST digit. */
  inFeatures?: number;
  /** Units of each layer. Default 50, and 71 without gates: about as many parameters (§3.1). */
  units?: number;
}

const NET_OPTIONS: OptionNames<HighwayNetOptions> = { ...COMMON_OPTIONS, inFeatures: true, units: true };

/**
 * A fully connected highway network: a plain layer that brings the input to `units` numbers, depth − 1 highway layers, and
 * the classifier. Examples `[N, …]` of `inFeatures` numbers to logits `[N, classes]`. The paper has depths 10, 20, 50, 100.
 *
 * @example
 * const model = highwayNet(10, { rng: new Rng(0) });
 * model.forward(zeros([1, 1, 28, 28])).shape; // [1, 10]
 * model.parameterCount(); // 85660
 *
 * @throws ValueError for a depth below 2 or an option that does not exist.
 */
export function highwayNet(depth: number, options: HighwayNetOptions): HighwayNet {
  return new HighwayNet(depth, options);
}

/**
 * What `highwayNet` makes.
 *
 * @example
 * const network: HighwayNet = highwayNet(10, { units: 20, rng });
 * network.depth; // 10
 * network.layers.layers.length; // 9
 */
export class HighwayNet extends Module {
  readonly depth: number;
  readonly input: Linear;
  readonly layers: Sequential;
  /** The classifier; another may be put in its place. */
  output: Linear;
  readonly activation: HighwayActivation;

  constructor(depth: number, options: HighwayNetOptions) {
    super();
    checkCommon("highwayNet", depth, 2, options, NET_OPTIONS);
    const { classes = 10, shortcut = "gate", activation = "relu", inFeatures = 784, rng } = options;
    const { units = shortcut === "none" ? 71 : 50 } = options;
    for (const [name, count] of Object.entries({ classes, inFeatures, units })) checkWhole("highwayNet", name, count);
    this.depth = depth;
    this.activation = activation;
    this.input = new Linear(inFeatures, units, { rng: rng.fork("input"), init: transformInit(options) });
    const layer = (i: number): HighwayLinear =>
      new HighwayLinear(units, { ...layerOptions(depth, options), rng: rng.fork(`layers.${i}`) });
    this.layers = new Sequential(...Array.from({ length: depth - 1 }, (_, i) => layer(i)));
    this.output = new Linear(units, classes, { rng: rng.fork("output"), init: linearInit(options) });
  }

  forward(x: Tensor): Tensor {
    const h = activate(this.activation, this.input.forward(flatten(x, 1)));
    return this.output.forward(this.layers.forward(h));
  }

  override describe(): string {
    return `depth ${this.depth}`;
  }
}

/** Options of `highwayConvNet`. */
export interface HighwayConvNetOptions extends HighwayOptions {
  /** Channels of the images: 3 for colour, 1 for grey. Default 3. */
  inChannels?: number;
  /** Channels of the first stage; the others have two and four times as many. Default 16. */
  width?: number;
  /** Whether a batch norm follows every convolution but those of the gates. Default false, as in the paper. */
  batchNorm?: boolean;
}

const CONV_NET_OPTIONS: OptionNames<HighwayConvNetOptions> = {
  ...COMMON_OPTIONS,
  inChannels: true,
  width: true,
  batchNorm: true,
};

/**
 * A convolutional highway network: three stages of highway blocks with 3×3 filters, on images of 32, 16 and 8 pixels. A
 * gate needs input and output of one shape, so a plain convolution changes it before each stage ("Training Very Deep
 * Networks", §2.1). Images `[N, inChannels, H, W]` to logits `[N, classes]`.
 *
 * The depth counts the three plain convolutions, the blocks (as many in each stage as in the others, or one more) and the
 * classifier. The paper has depths 19 and 32.
 *
 * @example
 * const model = highwayConvNet(19, { rng: new Rng(0) });
 * model.forward(zeros([1, 3, 32, 32])).shape; // [1, 10]
 *
 * @throws ValueError for a depth below 7 or an option that does not exist.
 */
export function highwayConvNet(depth: number, options: HighwayConvNetOptions): HighwayConvNet {
  return new HighwayConvNet(depth, options);
}

/**
 * What `highwayConvNet` makes.
 *
 * @example
 * const network: HighwayConvNet = highwayConvNet(10, { rng });
 * network instanceof HighwayConvNet; // true
 */
export class HighwayConvNet extends Module {
  readonly depth: number;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d | null;
  readonly layer1: Sequential;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d | null;
  readonly layer2: Sequential;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d | null;
  readonly layer3: Sequential;
  /** The classifier. Another for other classes: `model.fc = new Linear(model.fc.inFeatures, classes, { rng })`. */
  fc: Linear;
  readonly activation: HighwayActivation;

  constructor(depth: number, options: HighwayConvNetOptions) {
    super();
    checkCommon("highwayConvNet", depth, 7, options, CONV_NET_OPTIONS);
    const { classes = 10, inChannels = 3, width = 16, activation = "relu", batchNorm = false, rng } = options;
    checkBoolean("highwayConvNet", "batchNorm", batchNorm);
    for (const [name, count] of Object.entries({ classes, inChannels, width })) {
      checkWhole("highwayConvNet", name, count);
    }
    const conv = (from: number, to: number, stride: number): Conv2d =>
      new Conv2d(from, to, 3, { stride, padding: 1, rng: rng.fork("conv"), init: transformInit(options) });
    const norm = (channels: number): BatchNorm2d | null => (batchNorm ? new BatchNorm2d(channels) : null);
    const stage = (number: number, channels: number): Sequential => {
      // The blocks that do not divide by three go to the earlier stages.
      const blocks = Math.ceil((depth - 4 - (number - 1)) / 3);
      const block = (i: number): HighwayBlock =>
        new HighwayBlock(channels, {
          ...layerOptions(depth, options),
          batchNorm,
          rng: rng.fork(`layer${number}.${i}`),
        });
      return new Sequential(...Array.from({ length: blocks }, (_, i) => block(i)));
    };
    this.depth = depth;
    this.activation = activation;
    this.conv1 = conv(inChannels, width, 1);
    this.bn1 = norm(width);
    this.layer1 = stage(1, width);
    this.conv2 = conv(width, 2 * width, 2);
    this.bn2 = norm(2 * width);
    this.layer2 = stage(2, 2 * width);
    this.conv3 = conv(2 * width, 4 * width, 2);
    this.bn3 = norm(4 * width);
    this.layer3 = stage(3, 4 * width);
    this.fc = new Linear(4 * width, classes, { rng: rng.fork("fc"), init: linearInit(options) });
  }

  forward(x: Tensor): Tensor {
    x = this.layer1.forward(this.#plain(this.conv1, this.bn1, x));
    x = this.layer2.forward(this.#plain(this.conv2, this.bn2, x));
    x = this.layer3.forward(this.#plain(this.conv3, this.bn3, x));
    return this.fc.forward(globalAvgPool2d(x));
  }

  override describe(): string {
    return `depth ${this.depth}`;
  }

  #plain(conv: Conv2d, norm: BatchNorm2d | null, x: Tensor): Tensor {
    const y = conv.forward(x);
    return activate(this.activation, norm ? norm.forward(y) : y);
  }
}

/** The options of one layer, but for its rng. */
function layerOptions(
  depth: number,
  { shortcut = "gate", gateBias = -log(depth), activation = "relu", init }: HighwayOptions,
): Omit<HighwayLayerOptions, "rng"> {
  return { shortcut, gateBias, activation, ...(init ? { init } : {}) };
}

function checkCommon<Options extends HighwayOptions>(
  who: string,
  depth: number,
  least: number,
  options: Options,
  names: OptionNames<Options>,
): void {
  checkWhole(who, "depth", depth, least);
  checkOptions(who, options, names);
  checkRng(who, options?.rng, `${who}(${depth}, { rng: new Rng(seed) })`);
  const { shortcut = "gate", gateBias = 0, activation = "relu", init } = options;
  checkOneOf(who, "shortcut", shortcut, ["gate", "none"]);
  checkOneOf(who, "activation", activation, ["relu", "tanh"]);
  checkFinite(who, "gateBias", gateBias);
  checkInit(who, init);
}
