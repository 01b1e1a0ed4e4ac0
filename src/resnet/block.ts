/**
 * What residual blocks have in common.
 *
 * A block computes y = s(x) + F(x): a shortcut s, a residual branch F. In the original order (He et al. 2015) a ReLU
 * follows the addition; in the pre-activation order (He et al. 2016) nothing does.
 * Next: basic-block.ts and preact-block.ts, the two orders.
 */
import type { Initializer } from "../nn/init.ts";
import { kaimingNormal } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkShortcut, type PadChannels, type ShortcutKind } from "./shortcut.ts";

/** Whether activations come after the convolutions (He et al. 2015) or before them (He et al. 2016). */
export type Order = "post" | "pre";

/** A block y = s(x) + F(x), or its plain twin y = F(x). What src/flow's instruments look for. */
export interface ResidualBlock extends Module {
  /** What this very block does: "identity" where its input and output have one shape, unless a projection was asked for. */
  readonly shortcut: ShortcutKind;
  readonly order: Order;
  /** F(x), from the block's input up to the addition. In training mode this moves the running statistics of its norms. */
  branch(x: Tensor): Tensor;
  /** s(x), what is added to the branch; null for a plain block. An identity shortcut returns x itself. */
  skip(x: Tensor): Tensor | null;
  /** Makes F zero by zeroing its last scale, so that the block starts as its shortcut alone (Goyal et al. 2017, §5.1). */
  zeroInitLast(): void;
}

/** Whether `module` is a residual block or the plain twin of one: anything with the members of `ResidualBlock`. */
export function isResidualBlock(module: Module): module is ResidualBlock {
  const candidate = module as Partial<ResidualBlock>;
  return (
    typeof candidate.branch === "function" &&
    typeof candidate.skip === "function" &&
    typeof candidate.shortcut === "string" &&
    (candidate.order === "post" || candidate.order === "pre")
  );
}

export interface BlockOptions {
  /** Step of the first convolution: 2 halves the image. Default 1. */
  stride?: number;
  /**
   * Default "identity" where the shape stays, "pad" where it changes. "pad" is the identity where the shape stays;
   * "project" always projects.
   */
  shortcut?: ShortcutKind;
  /** Where `pad` puts the zero channels. Default "back". */
  padChannels?: PadChannels;
  /** Whether convolutions are followed (or preceded) by batch norm. Default true. */
  batchNorm?: boolean;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the convolutions' weights. Default: Kaiming normal, fan out. */
  init?: Initializer;
}

/** Kaiming normal, fan out: what ResNets start from (He et al. 2015, "Delving Deep into Rectifiers"). */
export const kaimingFanOut: Initializer = (t, rng) => kaimingNormal(t, rng, { mode: "fanOut" });

/**
 * The shortcut that a block has after all, from what was asked for.
 *
 * @throws ValueError if the identity is asked of a block that changes the shape.
 */
export function resolveShortcut(
  who: string,
  inChannels: number,
  outChannels: number,
  { stride = 1, shortcut }: Pick<BlockOptions, "stride" | "shortcut">,
): ShortcutKind {
  const changes = stride !== 1 || inChannels !== outChannels;
  if (shortcut === undefined) return changes ? "pad" : "identity";
  checkShortcut(who, shortcut);
  if (shortcut === "identity" && changes) {
    throw new ValueError(
      `${who}: an identity shortcut needs input and output of one shape, but this block goes from ${inChannels} to ${outChannels} channels with stride ${stride}: use "pad" or "project"`,
    );
  }
  if (shortcut === "pad" && !changes) return "identity";
  if (shortcut === "pad" && outChannels < inChannels) {
    throw new ValueError(`${who}: padding cannot go from ${inChannels} to ${outChannels} channels: use "project"`);
  }
  return shortcut;
}

/** `16 → 32, stride 2, shortcut pad`. */
export function describeBlock(inChannels: number, outChannels: number, stride: number, shortcut: ShortcutKind): string {
  const step = stride === 1 ? "" : `, stride ${stride}`;
  return `${inChannels} → ${outChannels}${step}, shortcut ${shortcut}`;
}
