/**
 * What a residual block is: y = after(s(x) + F(x)), a shortcut s, a residual branch F, and what follows the addition: a
 * ReLU in the original order (He et al. 2015), nothing in the pre-activation order (He et al. 2016).
 *
 * Next: basic-block.ts and bottleneck.ts, the two kinds of branch; paths.ts, which computes both paths of either; order.ts,
 * shortcut.ts, start.ts and stochastic-depth.ts, in which blocks differ.
 */
import type { Initializer } from "../nn/init.ts";
import { kaimingNormal } from "../nn/init.ts";
import { checkInit } from "../nn/initializer.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { checkBetween, checkBoolean, checkOneOf, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Cut } from "./cut.ts";
import { applySteps, ORDERS, type Order } from "./order.ts";
import {
  checkShortcut,
  NUMBER_OPTIONS,
  type PadChannels,
  resolveShortcut,
  SHORTCUTS,
  type ShortcutKind,
  type ShortcutNumbers,
  shortcutNumbers,
} from "./shortcut.ts";
import { checkStart, hasNorm, plainZero, type Start } from "./start.ts";

/**
 * A block y = after(s(x) + F(x)), or its plain twin y = after(F(x)): what the instruments look for in a model. A module of
 * your own with these members is one, and a network of them is certified and measured in a line each; docs/how-to.md has more.
 *
 * @example
 * class Mine extends Module {
 *   readonly shortcut = "identity";
 *   readonly order = "pre";
 *   readonly conv = new Conv2d(4, 4, 3, { padding: 1, rng });
 *   skip(x: Tensor): Tensor {
 *     return x;
 *   }
 *   branch(x: Tensor): Tensor {
 *     return this.conv.forward(relu(x));
 *   }
 *   zeroInitLast(): void {
 *     init.constant(this.conv.weight, 0);
 *   }
 *   forward(x: Tensor): Tensor {
 *     return add(this.skip(x), this.branch(x));
 *   }
 * }
 * const mine = new Sequential(new Conv2d(3, 4, 3, { rng }), new Mine(), new Mine());
 * certify(mine, images).holds; // true
 * identityShares(mine, () => mean(mine.forward(images))).length; // 2
 */
export interface ResidualBlock extends Module {
  /** What this very block does: "identity" where its input and output have one shape, unless another was asked for. */
  readonly shortcut: ShortcutKind;
  readonly order: Order;
  /** Whether the block computes its shortcut alone, as if F were zero, at the shortcut's cost. Blocks start with false. */
  collapsed?: boolean;
  /** Which of its paths is left out; "branch" is `collapsed`. The blocks of this library have it, and one of your own may. */
  cut?: Cut;
  /**
   * F(x), from the block's input up to the addition, with its scale and its gate if it has one. In training mode this moves
   * the running statistics of its norms.
   */
  branch(x: Tensor): Tensor;
  /** s(x), what is added to the branch; null for a plain block. An identity shortcut returns x itself. */
  skip(x: Tensor): Tensor | null;
  /** What follows the addition. A block without this method has what its order has there (order.ts), but for a norm. */
  after?(y: Tensor): Tensor;
  /** Makes F zero by zeroing what comes last in it, so that the block starts as its shortcut alone. */
  zeroInitLast(): void;
}

/**
 * Whether `module` is a residual block or the plain twin of one: whether it has `shortcut`, `order`, `skip` and `branch`, as
 * `ResidualBlock` describes them. Every instrument takes a block of your own for one by these; docs/how-to.md shows it.
 *
 * @example
 * const network = cifarResNet(8, { width: 4, rng });
 * isResidualBlock(network); // false
 * const blocks = network.namedModules().filter(([, module]) => isResidualBlock(module));
 * blocks.map(([path]) => path); // ["layer1.0", "layer2.0", "layer3.0"]
 */
export function isResidualBlock(module: AnyModule): module is ResidualBlock {
  const candidate = (module ?? {}) as Partial<ResidualBlock>;
  return (
    typeof candidate.branch === "function" &&
    typeof candidate.skip === "function" &&
    typeof candidate.shortcut === "string" &&
    typeof candidate.order === "string"
  );
}

/**
 * The residual blocks of a model, or their plain twins, by path (`layer1.0`), first to last.
 *
 * @example
 * const network = cifarResNet(8, { width: 4, rng });
 * residualBlocks(network).map(([path]) => path); // ["layer1.0", "layer2.0", "layer3.0"]
 */
export function residualBlocks(model: AnyModule): [string, ResidualBlock][] {
  return model.namedModules().filter((entry): entry is [string, ResidualBlock] => isResidualBlock(entry[1]));
}

/** What the block makes of the sum y, or of its shortcut alone. */
export function afterAddition(block: ResidualBlock, y: Tensor): Tensor {
  if (block.after) return block.after(y);
  return applySteps(ORDERS[block.order]?.sum ?? "", y, null);
}

/** What blocks and whole networks have in common. */
export interface VariantOptions extends ShortcutNumbers {
  /** What is added to the branch. */
  shortcut?: ShortcutKind;
  /** Where padding puts the zero channels: after the others, or half before and half after. Default "back". */
  padChannels?: PadChannels;
  /** Where norms and ReLUs stand (order.ts). Default "post". */
  order?: Order;
  /** How the branch starts (start.ts). Default "default". */
  start?: Start;
  /**
   * Squeeze-and-excitation at the branch's end, before the addition (Hu et al. 2018): how many channels of the branch share one of
   * the squeeze, 16 in the paper. Its part is `se`, as in timm. Default false: none.
   */
  squeezeExcitation?: number | false;
  /**
   * Whether a block with a stride blurs before it subsamples (Zhang 2019): its branch before the convolution that follows the one
   * that has the stride elsewhere, its projection before the 1×1 convolution. "pad" keeps selecting pixels. Default false.
   */
  antialias?: boolean;
  /** Whether there is batch norm; the convolutions stay without bias either way. Default true, for SkipInit and Fixup false. */
  batchNorm?: boolean;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the convolutions' weights. Default: Kaiming normal, fan out. */
  init?: Initializer;
}

/** The names of these options, for the checks of all that have them. */
export const VARIANT_OPTIONS: OptionNames<VariantOptions> = {
  shortcut: true,
  padChannels: true,
  ...NUMBER_OPTIONS,
  order: true,
  start: true,
  squeezeExcitation: true,
  antialias: true,
  batchNorm: true,
  rng: true,
  init: true,
};

/** Options of `BasicBlock`. */
export interface BlockOptions extends VariantOptions {
  /** Step of the block: 2 halves the image. Default 1. */
  stride?: number;
  /**
   * What is added to the branch. Default "identity" where the shape stays, "pad" where it changes. "pad" is the identity
   * where the shape stays; "project" always projects.
   */
  shortcut?: ShortcutKind;
  /**
   * Where x splits: "before" the first activation, so that the shortcut starts from x, or "after" it, so that the shortcut
   * starts from relu(bn1(x)). Only the orders "pre" and "reluOnlyPre" have an activation there. Default: "after" where such
   * a block projects, else "before".
   */
  split?: "before" | "after";
  /** Number of blocks in the whole network, the L of Fixup. Default 1. */
  blocks?: number;
  /** Stochastic depth: the probability that the branch is not skipped, for a batch in training. Default 1. */
  survival?: number;
}

export const BLOCK_OPTIONS: OptionNames<BlockOptions> = {
  ...VARIANT_OPTIONS,
  stride: true,
  split: true,
  blocks: true,
  survival: true,
};

/** What a block is, once every default is filled in. */
export type BlockPlan = Readonly<
  Required<Omit<BlockOptions, "rng" | "init">> & { who: string; inChannels: number; outChannels: number }
>;

/** Kaiming normal, fan out: what ResNets start from (He et al. 2015, "Delving Deep into Rectifiers"). */
export const kaimingFanOut: Initializer = (t, rng) => kaimingNormal(t, rng, { mode: "fanOut" });

/** @throws ValueError if an option is none that exists, or two of them do not go together. */
export function checkVariant(who: string, options: VariantOptions): void {
  const { shortcut, padChannels, order = "post", start = "default" } = options;
  checkOneOf(who, "order", order, Object.keys(ORDERS));
  checkShortcut(who, shortcut ?? "identity", padChannels, options);
  if (options.batchNorm !== undefined) checkBoolean(who, "batchNorm", options.batchNorm);
  if (options.antialias !== undefined) checkBoolean(who, "antialias", options.antialias);
  const { squeezeExcitation = false } = options;
  if (squeezeExcitation !== false) checkWhole(who, "squeezeExcitation", squeezeExcitation);
  checkInit(who, options.init);
  checkStart(who, start, { shortcut, order, batchNorm: options.batchNorm ?? hasNorm(start) });
}

/**
 * @param names the options that a block of this kind has.
 * @throws UsageError for an option that does not exist, or without an rng; ValueError if one is wrong, or the block's shape
 * does not go with its shortcut.
 */
export function planBlock<Options extends BlockOptions>(
  who: string,
  inChannels: number,
  outChannels: number,
  options: Options,
  names: OptionNames<Options>,
): BlockPlan {
  checkWhole(who, "inChannels", inChannels);
  checkWhole(who, "outChannels", outChannels);
  checkOptions(who, options, names);
  checkRng(who, options?.rng, `new ${who}(${inChannels}, ${outChannels}, { rng: new Rng(seed) })`);
  checkVariant(who, options);
  const { stride = 1, order = "post", start = "default", blocks = 1, survival = 1 } = options;
  checkWhole(who, "stride", stride);
  if (options.split !== undefined) checkOneOf(who, "split", options.split, ["before", "after"]);
  const shortcut = resolveShortcut(who, options.shortcut ?? "pad", inChannels, outChannels, stride);
  checkWhole(who, "blocks", blocks);
  checkBetween(who, "survival", survival, 0, 1);
  if (survival < 1 && shortcut === "none") throw new ValueError(plainZero(who, "survival below 1"));
  if (options.split === "after" && ORDERS[order].first === "") {
    throw new ValueError(
      `${who}: split "after" needs an activation to split after, and order "${order}" starts with none`,
    );
  }
  const splitsAfter =
    options.split === "after" || (SHORTCUTS[shortcut].from === "projected" && ORDERS[order].first !== "");
  return {
    who,
    inChannels,
    outChannels,
    stride,
    shortcut,
    padChannels: options.padChannels ?? "back",
    ...shortcutNumbers(options),
    order,
    split: splitsAfter && options.split !== "before" ? "after" : "before",
    start,
    squeezeExcitation: options.squeezeExcitation ?? false,
    antialias: (options.antialias ?? false) && stride > 1,
    batchNorm: options.batchNorm ?? hasNorm(start),
    blocks,
    survival,
  };
}

/** `16 → 32, stride 2, shortcut pad`, and what else is not the default. */
export function describeBlock({
  inChannels,
  outChannels,
  stride,
  shortcut,
  split,
  order,
  start,
  squeezeExcitation,
  antialias,
  survival,
}: BlockPlan): string {
  const parts = [`${inChannels} → ${outChannels}`];
  if (stride !== 1) parts.push(`stride ${stride}`);
  parts.push(`shortcut ${shortcut}${split === "after" && shortcut !== "none" ? " of the activation" : ""}`);
  if (order !== "post") parts.push(`order ${order}`);
  if (start !== "default") parts.push(`start ${start}`);
  if (squeezeExcitation !== false) parts.push(`squeeze-and-excitation ${squeezeExcitation}`);
  if (antialias) parts.push("anti-aliased");
  if (survival !== 1) parts.push(`survival ${Number(survival.toFixed(3))}`);
  return parts.join(", ");
}
