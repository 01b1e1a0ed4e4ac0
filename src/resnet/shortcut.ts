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
 */
import { pad, slice } from "../autograd/shape.ts";
import { checkBetween, checkFinite, checkOneOf } from "../tensor/arguments.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
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

const KINDS: Readonly<Record<ShortcutKind, readonly (keyof ShortcutNumbers)[]>> = {
  identity: [],
  pad: [],
  project: [],
  none: [],
  scale: ["shortcutScale", "branchScale"],
  gate: ["gateBias"],
  shortcutGate: ["gateBias"],
  conv1x1: [],
  dropout: ["dropoutRate"],
};

/**
 * @throws ValueError unless `kind` is a shortcut, `padChannels` a place, and the numbers are numbers that it has.
 */
export function checkShortcut(
  who: string,
  kind: ShortcutKind,
  padChannels: PadChannels | undefined,
  numbers: ShortcutNumbers,
): void {
  checkOneOf(who, "shortcut", kind, Object.keys(KINDS));
  if (padChannels !== undefined) checkOneOf(who, "padChannels", padChannels, ["back", "both"]);
  for (const name of ["shortcutScale", "branchScale", "gateBias", "dropoutRate"] as const) {
    const value = numbers[name];
    if (value === undefined) continue;
    if (!KINDS[kind].includes(name)) throw new ValueError(`${who}: shortcut "${kind}" has no ${name}`);
    if (name === "dropoutRate") checkBetween(who, name, value, 0, 1);
    else checkFinite(who, name, value);
  }
}

/**
 * The shortcut that a block has after all, from what was asked for: "identity" or "pad" where nothing was asked for, and
 * for either of them what the shape allows; "project" for "conv1x1".
 *
 * @throws ValueError if the identity is asked of a block that changes the shape, or padding would have to take channels
 * away.
 */
export function resolveShortcut(
  who: string,
  asked: ShortcutKind | undefined,
  inChannels: number,
  outChannels: number,
  stride: number,
): ShortcutKind {
  const changes = stride !== 1 || inChannels !== outChannels;
  if (asked === "none" || asked === "project") return asked;
  if (asked === "conv1x1") return "project";
  if (asked === "identity" && changes) {
    throw new ValueError(
      `${who}: an identity shortcut needs input and output of one shape, but this block goes from ${inChannels} to ${outChannels} channels with stride ${stride}: use "pad" or "project"`,
    );
  }
  if (outChannels < inChannels) {
    throw new ValueError(`${who}: padding cannot go from ${inChannels} to ${outChannels} channels: use "project"`);
  }
  if (asked === undefined || asked === "pad") return changes ? "pad" : "identity";
  return asked;
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
