/**
 * Shortcuts: what is added to a residual branch.
 *
 *   identity   x                                         no parameter; needs input and output of one shape
 *   pad        x subsampled, zero channels added         no parameter ("option A" of He et al. 2015)
 *   project    bn(conv1×1(x))                            parameters ("option B"); before pre-activation blocks no bn
 *   none       nothing: the block is plain               the twin that a residual network is compared with
 */
import { pad, slice } from "../autograd/shaping.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type ShortcutKind = "identity" | "pad" | "project" | "none";

/** Where option A puts the zero channels: after the others (fb.resnet.torch), or half before and half after. */
export type PadChannels = "back" | "both";

const KINDS: readonly ShortcutKind[] = ["identity", "pad", "project", "none"];

/** Throws unless `kind` is a shortcut. */
export function checkShortcut(who: string, kind: ShortcutKind): void {
  if (!KINDS.includes(kind)) throw new ValueError(`${who}: shortcut must be one of ${KINDS.join(", ")}, got "${kind}"`);
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
