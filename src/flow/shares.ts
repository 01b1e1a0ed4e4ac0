/**
 * How much of each block's gradient came through the shortcut, and how much through the residual branch.
 *
 * For y = x + F(x): ∂L/∂x = ∂L/∂y (shortcut) + J_Fᵀ ∂L/∂y (branch), He et al. 2016, eq. 5. The identity share is
 * ‖shortcut part‖ / (‖shortcut part‖ + ‖branch part‖): 1 for a block that is exactly the identity, 0 for a plain one.
 *
 * Through the whole network the same equation reads ∂L/∂x₁ = ∂L/∂y_L + (everything that passed a branch somewhere).
 */
import { backward } from "../autograd/backward.ts";
import type { Module } from "../nn/module.ts";
import type { Floats } from "../tensor/memory.ts";
import { callNow } from "../tensor/sync.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import { checkLoss, checkRun } from "./arguments.ts";
import { blockPath, enteringBlocks } from "./blocks.ts";
import { gradientThrough, recordChain } from "./chain.ts";
import { cosine, norm } from "./measure.ts";
import { EFFECTS, type Effect, gradientAlong, worstEffect } from "./path.ts";
import { undisturbed } from "./undisturbed.ts";

/** How the gradient behind a block (or a whole network) is made up. */
export interface Share {
  /** The most harmful effect on the shortcut, or "none" if there is no shortcut. */
  readonly shortcut: Effect | "none";
  /** ‖shortcut part‖ / (‖shortcut part‖ + ‖branch part‖), 0 … 1. */
  readonly identityShare: number;
  /** 1 − identityShare (0 if no gradient arrived at all). */
  readonly residualShare: number;
  /** Cosine of the angle between the two parts; 0 if either is zero. */
  readonly cosine: number;
  /** ‖∂L/∂x‖ at the input. */
  readonly gradientNorm: number;
  /** ‖∂L/∂y‖ at the output. */
  readonly upstreamNorm: number;
}

/** How much of a block's gradient came along its shortcut: a row of `identityShares`. */
export interface BlockShare extends Share {
  /** Path of the block: `layer1.0`. */
  readonly block: string;
}

/** From the first block's input to the last block's output. The shortcut part took every block's shortcut. */
export interface NetworkShare extends Share {
  /** The number of blocks between the two. */
  readonly blocks: number;
}

/**
 * One row per residual block (or plain twin of one), first block first.
 *
 * `loss` runs the model and returns the scalar loss; running statistics and random generators are restored afterwards.
 *
 * @example
 * const rows = identityShares(model, () => crossEntropy(model.forward(images), labels));
 */
export function identityShares(model: Module, loss: () => Tensor): BlockShare[] {
  checkRun("identityShares", model, "loss", loss);
  const { value, calls } = undisturbed(model, () =>
    enteringBlocks(model, () => callNow("identityShares", "loss", loss)),
  );
  checkLoss("identityShares", value);
  const grads = backward(value, { keep: calls.flatMap(({ x, y }) => [x, y]) });
  return calls
    .filter(({ x, y }) => grads.has(x) && grads.has(y))
    .map((call) => {
      const { block, x, y } = call;
      const path = blockPath(call);
      const gx = grads.get(x).data;
      const gy = grads.get(y).data;
      const throughShortcut = path ? gradientAlong(path, gy) : gx.map(() => 0);
      return { block, shortcut: path ? worstEffect(path) : "none", ...sharesOf(throughShortcut, gx, gy) };
    });
}

/**
 * The same for the whole network: the gradient at the first block's input, divided into the part that came along the
 * shortcut of every block, and the rest.
 *
 * @example
 * const share = networkShare(model, () => crossEntropy(model.forward(images), labels)).identityShare;
 *
 * @throws ValueError if there are no residual blocks, or they do not form a chain.
 */
export function networkShare(model: Module, loss: () => Tensor): NetworkShare {
  const chain = recordChain("networkShare", model, loss);
  const { links, upstream } = chain;
  const last = links.at(-1)!;
  const [{ x }] = links;
  const gradient = owned(upstream, last.y.shape);
  const gx = backward(last.y, { gradient, stopAt: [x] }).get(x).data;
  const effects = links.map(({ path }) => path && worstEffect(path));
  const broken = effects.includes(null);
  const throughShortcuts = broken ? gx.map(() => 0) : gradientThrough(chain, () => false);
  return {
    blocks: links.length,
    shortcut: broken ? "none" : EFFECTS[Math.max(...effects.map((effect) => EFFECTS.indexOf(effect!)))],
    ...sharesOf(throughShortcuts, gx, upstream),
  };
}

/** The branch part is gx without the shortcut part. */
export function sharesOf(throughShortcut: Floats, gx: Floats, gy: Floats): Omit<Share, "shortcut"> {
  const throughBranch = gx.map((g, i) => g - throughShortcut[i]);
  const a = norm(throughShortcut);
  const b = norm(throughBranch);
  return {
    identityShare: a + b === 0 ? 0 : a / (a + b),
    residualShare: a + b === 0 ? 0 : b / (a + b),
    cosine: cosine(throughShortcut, throughBranch),
    gradientNorm: norm(gx),
    upstreamNorm: norm(gy),
  };
}
