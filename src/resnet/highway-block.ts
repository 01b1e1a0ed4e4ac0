/**
 * Highway layers: Srivastava, Greff & Schmidhuber 2015, "Highway Networks" (arXiv:1505.00387), eq. 3:
 *
 *   y = H(x)·T(x) + x·(1 − T(x)),   T(x) = σ(W_T x + b_T)
 *
 * A shortcut with learned skip weights: where the transform gate T is 0 the input passes unchanged, where it is 1 the layer
 * is an ordinary one. Each unit (or pixel) of each input has a gate of its own. The bias b_T starts negative, so that a
 * fresh layer carries most of its input, and gradients pass through 1 − T (§2.2).
 *
 * Residual learning is the same with the gates left out: both open, nothing to learn. In the words of src/flow a highway
 * layer is a residual block with the branch T·H and the shortcut (1 − T)·x. Next: highway.ts, whole networks.
 */
import { add, mul, relu, sigmoid, sub, tanh } from "../autograd/elementwise.ts";
import { Conv2d } from "../nn/conv.ts";
import { constant, gainOf, type Initializer, kaimingNormal } from "../nn/init.ts";
import { checkInit } from "../nn/initializer.ts";
import { Linear } from "../nn/linear.ts";
import type { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { checkBoolean, checkFinite, checkOneOf, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ResidualBlock } from "./block.ts";
import { type Cut, CuttableBlock } from "./cut.ts";

/** What a highway layer's branch ends in. */
export type HighwayActivation = "relu" | "tanh";

/** Options of a fully connected highway layer. */
export interface HighwayLayerOptions {
  /** "none" leaves the gate out: the plain twin y = H(x). Default "gate". */
  shortcut?: "gate" | "none";
  /** Where b_T starts: T starts near σ(gateBias), 0.12 for −2. Default −2. */
  gateBias?: number;
  /** The nonlinearity of H. Default "relu". */
  activation?: HighwayActivation;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the weights. Default: Kaiming normal, with the gain of the activation for H and 1 for T. */
  init?: Initializer;
}

const LAYER_OPTIONS: OptionNames<HighwayLayerOptions> = {
  shortcut: true,
  gateBias: true,
  activation: true,
  rng: true,
  init: true,
};

/** Options of `HighwayBlock`. */
export interface HighwayBlockOptions extends HighwayLayerOptions {
  /** Side of the square filters of H and T, an odd number. Default 3. */
  kernelSize?: number;
  /** Whether a batch norm comes between the convolution and the activation of H. Default false. */
  batchNorm?: boolean;
}

const BLOCK_OPTIONS: OptionNames<HighwayBlockOptions> = { ...LAYER_OPTIONS, kernelSize: true, batchNorm: true };

/** What both highway layers are made of. */
interface Highway {
  readonly uncutShortcut: "gate" | "none";
  readonly cut: Cut;
  /** H(x). */
  transform(x: Tensor): Tensor;
  /** T(x). */
  gate(x: Tensor): Tensor;
}

/**
 * y = T·H + (1 − T)·x with fully connected H and T: `[N, units]` to the same shape.
 *
 * Parameters: linearH and linearT, each weight `[units, units]` and bias `[units]`; the plain twin has no linearT.
 *
 * @example
 * const layer = new HighwayLinear(50, { gateBias: -2, rng: new Rng(0) });
 * layer.forward(randn([8, 50], new Rng(1))).shape; // [8, 50]
 */
export class HighwayLinear extends CuttableBlock<"gate" | "none"> implements ResidualBlock {
  readonly uncutShortcut: "gate" | "none";
  /** Nothing follows the addition. */
  readonly order = "pre";
  readonly linearH: Linear;
  readonly linearT: Linear | null;
  readonly activation: HighwayActivation;

  constructor(units: number, options: HighwayLayerOptions) {
    super();
    checkWhole("HighwayLinear", "units", units);
    checkLayer("HighwayLinear", units, options, LAYER_OPTIONS);
    const { shortcut = "gate", activation = "relu", rng } = options;
    this.uncutShortcut = shortcut;
    this.activation = activation;
    this.linearH = new Linear(units, units, { rng, init: transformInit(options) });
    constant(this.linearH.bias!, 0);
    this.linearT = shortcut === "none" ? null : new Linear(units, units, { rng, init: linearInit(options) });
    if (this.linearT) constant(this.linearT.bias!, options.gateBias ?? DEFAULT_GATE_BIAS);
  }

  forward(x: Tensor): Tensor {
    return forward(this, x);
  }

  transform(x: Tensor): Tensor {
    return activate(this.activation, this.linearH.forward(x));
  }

  /**
   * T(x), `[N, units]`.
   *
   * @throws ValueError for the plain twin, which has no gate.
   */
  gate(x: Tensor): Tensor {
    return sigmoid(present("HighwayLinear", this.linearT).forward(x));
  }

  branch(x: Tensor): Tensor {
    return branch(this, x);
  }

  skip(x: Tensor): Tensor | null {
    return skip(this, x);
  }

  zeroInitLast(): void {
    refuseZeroBranch("HighwayLinear");
  }

  override describe(): string {
    return this.describeCut(`${this.linearH.describe()}, shortcut ${this.uncutShortcut}`);
  }
}

/**
 * y = T·H + (1 − T)·x with convolutional H and T: `[N, C, H, W]` to the same shape. Filters are padded to keep the size.
 *
 * Parameters: convH and convT, each weight `[C, C, k, k]` and bias `[C]`, and bnH; the plain twin has no convT.
 *
 * @example
 * const block = new HighwayBlock(16, { gateBias: -2, rng: new Rng(0) });
 * block.forward(randn([8, 16, 9, 9], new Rng(1))).shape; // [8, 16, 9, 9]
 */
export class HighwayBlock extends CuttableBlock<"gate" | "none"> implements ResidualBlock {
  readonly uncutShortcut: "gate" | "none";
  /** Nothing follows the addition. */
  readonly order = "pre";
  readonly convH: Conv2d;
  readonly bnH: BatchNorm2d | null;
  readonly convT: Conv2d | null;
  readonly activation: HighwayActivation;

  constructor(channels: number, options: HighwayBlockOptions) {
    super();
    checkWhole("HighwayBlock", "channels", channels);
    checkLayer("HighwayBlock", channels, options, BLOCK_OPTIONS);
    const { shortcut = "gate", activation = "relu", kernelSize = 3, batchNorm = false, rng } = options;
    checkBoolean("HighwayBlock", "batchNorm", batchNorm);
    checkWhole("HighwayBlock", "kernelSize", kernelSize);
    if (kernelSize % 2 !== 1) throw new ValueError(`HighwayBlock: kernelSize must be odd, got ${kernelSize}`);
    this.uncutShortcut = shortcut;
    this.activation = activation;
    const padding = (kernelSize - 1) / 2;
    this.convH = new Conv2d(channels, channels, kernelSize, { padding, rng, init: transformInit(options) });
    constant(this.convH.bias!, 0);
    this.bnH = batchNorm ? new BatchNorm2d(channels) : null;
    this.convT =
      shortcut === "none"
        ? null
        : new Conv2d(channels, channels, kernelSize, { padding, rng, init: linearInit(options) });
    if (this.convT) constant(this.convT.bias!, options.gateBias ?? DEFAULT_GATE_BIAS);
  }

  forward(x: Tensor): Tensor {
    return forward(this, x);
  }

  transform(x: Tensor): Tensor {
    const y = this.convH.forward(x);
    return activate(this.activation, this.bnH ? this.bnH.forward(y) : y);
  }

  /**
   * T(x), `[N, C, H, W]`.
   *
   * @throws ValueError for the plain twin, which has no gate.
   */
  gate(x: Tensor): Tensor {
    return sigmoid(present("HighwayBlock", this.convT).forward(x));
  }

  branch(x: Tensor): Tensor {
    return branch(this, x);
  }

  skip(x: Tensor): Tensor | null {
    return skip(this, x);
  }

  zeroInitLast(): void {
    refuseZeroBranch("HighwayBlock");
  }

  override describe(): string {
    return this.describeCut(`${this.convH.describe()}, shortcut ${this.uncutShortcut}`);
  }
}

const DEFAULT_GATE_BIAS = -2;

function forward(layer: Highway, x: Tensor): Tensor {
  // Its gate held shut, so that y is x itself: the lesion of "Training Very Deep Networks" (2015), §4.2.
  if (layer.cut === "branch") return x;
  const h = layer.transform(x);
  if (layer.uncutShortcut === "none") return h;
  const t = layer.gate(x);
  const branch = mul(t, h);
  return layer.cut === "shortcut" ? branch : add(branch, carry(t, x));
}

function branch(layer: Highway, x: Tensor): Tensor {
  const h = layer.transform(x);
  return layer.uncutShortcut === "none" ? h : mul(layer.gate(x), h);
}

function skip(layer: Highway, x: Tensor): Tensor | null {
  if (layer.uncutShortcut === "none" || layer.cut === "shortcut") return null;
  return layer.cut === "branch" ? x : carry(layer.gate(x), x);
}

/** (1 − T)·x. */
function carry(t: Tensor, x: Tensor): Tensor {
  return mul(sub(1, t), x);
}

/** The nonlinearity called `activation`. */
export function activate(activation: HighwayActivation, x: Tensor): Tensor {
  return activation === "relu" ? relu(x) : tanh(x);
}

function present<T extends Module>(who: string, gate: T | null): T {
  if (!gate) throw new ValueError(`${who}: a layer with shortcut "none" has no gate`);
  return gate;
}

/** A zero branch would need H = 0, from which ReLU does not come back, or T = 0, from which σ does not. */
function refuseZeroBranch(who: string): never {
  throw new ValueError(
    `${who}: a highway layer cannot start with a zero branch, which would never learn: it starts near the identity by a low gateBias`,
  );
}

/** What H and plain layers start from. */
export function transformInit({
  activation = "relu",
  init,
}: Pick<HighwayLayerOptions, "activation" | "init">): Initializer {
  return init ?? ((t, rng) => kaimingNormal(t, rng, { gain: gainOf(activation) }));
}

/** What T and classifiers start from. */
export function linearInit({ init }: Pick<HighwayLayerOptions, "init">): Initializer {
  return init ?? ((t, rng) => kaimingNormal(t, rng, { gain: gainOf("linear") }));
}

function checkLayer<Options extends HighwayLayerOptions>(
  who: string,
  size: number,
  options: Options,
  names: OptionNames<Options>,
): void {
  checkOptions(who, options, names);
  checkRng(who, options?.rng, `new ${who}(${size}, { rng: new Rng(seed) })`);
  const { shortcut = "gate", activation = "relu", gateBias = 0, init } = options;
  checkOneOf(who, "shortcut", shortcut, ["gate", "none"]);
  checkOneOf(who, "activation", activation, ["relu", "tanh"]);
  checkFinite(who, "gateBias", gateBias);
  checkInit(who, init);
}
