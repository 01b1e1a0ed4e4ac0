/**
 * Shortcuts: what is added to a residual branch F.
 *
 *   identity       x                                  no parameter; needs input and output of one shape
 *   pad            x subsampled, zero channels added  no parameter ("option A" of He et al. 2015)
 *   project        bn(conv1×1(x))                     parameters ("option B"); before pre-activation blocks no bn
 *   none           nothing: the block is plain        the twin that a residual network is compared with
 *
 * The others are what He et al. 2016, "Identity Mappings in Deep Residual Networks", tried instead of the identity (§3.1,
 * Fig. 2, Table 1), to show that it is best left alone. With x̃ the identity or, where the shape changes, the padded x:
 *
 *   scale          λ·x̃                                F may have a factor too: 0.5·x̃ + 0.5·F (Fig. 2b)
 *   gate           (1 − g)·x̃, and F is g·F            g = σ(conv1×1(x) + b): exclusive gating (Fig. 2c)
 *   shortcutGate   (1 − g)·x̃                          F is left alone (Fig. 2d)
 *   conv1x1        as project                         in a network: in every block, "option C" (Fig. 2e)
 *   dropout        dropout(x̃)                         (Fig. 2f)
 *
 * All that is known of a kind is its row in the table below. Next: paths.ts, which computes both paths.
 */
import { dropout } from "../autograd/dropout.ts";
import { mul, sub } from "../autograd/elementwise.ts";
import { pad, slice } from "../autograd/shape.ts";
import type { Module } from "../nn/module.ts";
import { checkBetween, checkFinite, checkOneOf } from "../tensor/arguments.ts";
import type { OptionNames } from "../tensor/check.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a block adds to its branch. */
export type ShortcutKind =
  | "identity"
  | "pad"
  | "project"
  | "none"
  | "scale"
  | "gate"
  | "shortcutGate"
  | "conv1x1"
  | "dropout";

/** Where option A puts the zero channels: after the others (fb.resnet.torch), or half before and half after. */
export type PadChannels = "back" | "both";

/** The numbers that some shortcuts have. Given to any other shortcut they are an error. */
export interface ShortcutNumbers {
  /** λ of `scale`. Default 0.5. */
  shortcutScale?: number;
  /** With `scale`, the factor of F. Default 1. */
  branchScale?: number;
  /** With `gate` and `shortcutGate`, b at the start: the more negative, the nearer to the identity. Default −6. */
  gateBias?: number;
  /** With `dropout`, the probability that an element of the shortcut is dropped. Default 0.5. */
  dropoutRate?: number;
}

/** The names of these numbers, for the checks of options. */
export const NUMBER_OPTIONS: OptionNames<ShortcutNumbers> = {
  shortcutScale: true,
  branchScale: true,
  gateBias: true,
  dropoutRate: true,
};

/** What a block has that its shortcut is computed with. */
export interface ShortcutParts {
  readonly plan: Readonly<Required<ShortcutNumbers>> & {
    readonly shortcut: ShortcutKind;
    readonly outChannels: number;
    readonly stride: number;
    readonly padChannels: PadChannels;
  };
  readonly training: boolean;
  /** The projection. */
  readonly downsample: Module | null;
  /** Decides what is dropped. */
  readonly noise: Rng | null;
}

/** The kind that a block has where it keeps the shape, and where it changes it. */
type Resolved = readonly [keeping: ShortcutKind, changing: ShortcutKind];

/** What there is to know of a kind of shortcut. */
export interface Shortcut {
  /** What x̃ is: x itself, which must keep the shape; x, padded where the shape changes; a projection; or there is none. */
  readonly from: "x" | "padded" | "projected" | "nothing";
  /** s(x), made of x̃. Default: x̃. */
  readonly skip?: (x: Tensor, block: ShortcutParts, g: Tensor | null) => Tensor;
  /** What becomes of F. Default: F. */
  readonly branch?: (branch: Tensor, g: Tensor) => Tensor;
  /** What the block is given for it. Default: nothing. */
  readonly needs?: "gate" | "noise";
  /** Its numbers. Default: none. */
  readonly numbers?: readonly (keyof ShortcutNumbers)[];
  /** What a block has after all that was asked for it. Default: this kind. */
  readonly inBlock?: Resolved;
  /** What the blocks of a network are asked for that was asked for it. Default: this kind. */
  readonly inNetwork?: Resolved;
}

/** Every kind of shortcut. */
// biome-ignore format: a table
export const SHORTCUTS: Readonly<Record<ShortcutKind, Shortcut>> = {
  identity:     { from: "x",         inNetwork: ["identity", "pad"] },
  pad:          { from: "padded",    inBlock: ["identity", "pad"] },
  project:      { from: "projected", inNetwork: ["identity", "project"] },
  none:         { from: "nothing" },
  scale:        { from: "padded",    skip: scaled,  numbers: ["shortcutScale", "branchScale"] },
  gate:         { from: "padded",    skip: carried, branch: mul, needs: "gate", numbers: ["gateBias"] },
  shortcutGate: { from: "padded",    skip: carried, needs: "gate", numbers: ["gateBias"] },
  conv1x1:      { from: "projected", inBlock: ["project", "project"] },
  dropout:      { from: "padded",    skip: dropped, needs: "noise", numbers: ["dropoutRate"] },
};

function scaled(x: Tensor, { plan }: ShortcutParts): Tensor {
  return mul(x, plan.shortcutScale);
}

function carried(x: Tensor, _: ShortcutParts, g: Tensor | null): Tensor {
  return mul(x, sub(1, g!));
}

function dropped(x: Tensor, { plan, training, noise }: ShortcutParts): Tensor {
  return dropout(x, plan.dropoutRate, { training, rng: noise! });
}

/** s(x), with the gate g if the shortcut needs one; null where there is no shortcut. */
export function applyShortcut(block: ShortcutParts, x: Tensor, g: Tensor | null): Tensor | null {
  const { shortcut, outChannels, stride, padChannels } = block.plan;
  const { from, skip } = SHORTCUTS[shortcut];
  if (from === "nothing") return null;
  if (from === "padded") x = padShortcut(x, outChannels, stride, padChannels);
  if (from === "projected") x = block.downsample!.forward(x);
  return skip ? skip(x, block, g) : x;
}

/** The numbers of a shortcut, with every default filled in. */
export function shortcutNumbers(given: ShortcutNumbers): Required<ShortcutNumbers> {
  const { shortcutScale = 0.5, branchScale = 1, gateBias = -6, dropoutRate = 0.5 } = given;
  return { shortcutScale, branchScale, gateBias, dropoutRate };
}

/**
 * @throws ValueError unless `kind` is a shortcut, `padChannels` a place, and the numbers are numbers that it has.
 */
export function checkShortcut(
  who: string,
  kind: ShortcutKind,
  padChannels: PadChannels | undefined,
  numbers: ShortcutNumbers,
): void {
  checkOneOf(who, "shortcut", kind, Object.keys(SHORTCUTS));
  if (padChannels !== undefined) checkOneOf(who, "padChannels", padChannels, ["back", "both"]);
  for (const name of Object.keys(NUMBER_OPTIONS) as (keyof ShortcutNumbers)[]) {
    const value = numbers[name];
    if (value === undefined) continue;
    if (!SHORTCUTS[kind].numbers?.includes(name)) throw new ValueError(`${who}: shortcut "${kind}" has no ${name}`);
    if (name === "dropoutRate") checkBetween(who, name, value, 0, 1);
    else checkFinite(who, name, value);
  }
}

/**
 * The shortcut that a block has after all, from what was asked for.
 *
 * @throws ValueError if the identity is asked of a block that changes the shape, or padding would have to take channels
 * away.
 */
export function resolveShortcut(
  who: string,
  asked: ShortcutKind,
  inChannels: number,
  outChannels: number,
  stride: number,
): ShortcutKind {
  const changes = stride !== 1 || inChannels !== outChannels;
  const kind = SHORTCUTS[asked].inBlock?.[changes ? 1 : 0] ?? asked;
  const { from } = SHORTCUTS[kind];
  if (from === "x" && changes) {
    throw new ValueError(
      `${who}: an identity shortcut needs input and output of one shape, but this block goes from ${inChannels} to ${outChannels} channels with stride ${stride}: use "pad" or "project"`,
    );
  }
  if (from === "padded" && outChannels < inChannels) {
    throw new ValueError(`${who}: padding cannot go from ${inChannels} to ${outChannels} channels: use "project"`);
  }
  return kind;
}

/** What a block is asked for by a network that was asked for `asked`. */
export function shortcutInNetwork(asked: ShortcutKind, changes: boolean): ShortcutKind {
  return SHORTCUTS[asked].inNetwork?.[changes ? 1 : 0] ?? asked;
}

/**
 * Option A: every `stride`-th row and column of x `[N, C, H, W]`, with zero channels up to `channels`.
 *
 * `[N, channels, ⌈H/stride⌉, ⌈W/stride⌉]`. Every number of x either passes unchanged or is dropped, so its gradient does
 * too. x itself is returned where nothing changes.
 *
 * @throws ShapeError if x has more channels than `channels`.
 */
export function padShortcut(x: Tensor, channels: number, stride: number, padChannels: PadChannels = "back"): Tensor {
  const extra = channels - x.shape[1];
  if (extra < 0) {
    throw new ShapeError(
      `padShortcut: x ${formatShape(x.shape)} has more channels than the ${channels} it should be padded to`,
    );
  }
  const subsampled = stride === 1 ? x : slice(x, [null, null, [null, null, stride], [null, null, stride]]);
  if (extra === 0) return subsampled;
  const front = padChannels === "both" ? Math.floor(extra / 2) : 0;
  return pad(subsampled, [
    [0, 0],
    [front, extra - front],
    [0, 0],
    [0, 0],
  ]);
}
