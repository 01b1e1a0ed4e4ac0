/**
 * How much of each block's gradient came through the shortcut, and how much through the residual branch.
 *
 * For y = x + F(x): ∂L/∂x = ∂L/∂y (shortcut) + J_Fᵀ ∂L/∂y (branch), He et al. 2016, eq. 5. The identity share is
 * ‖shortcut part‖ / (‖shortcut part‖ + ‖branch part‖): 1 for a block that is exactly the identity, 0 for a plain one.
 */
import { backward } from "../autograd/backward.ts";
import type { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { observeBlocks, preservingBuffers } from "./blocks.ts";
import { cosine, norm } from "./measure.ts";
import { type Effect, gradientAlong, shortcutPath, worstEffect } from "./path.ts";

export interface BlockShare {
  /** Path of the block: `layer1.0`. */
  readonly block: string;
  /** The most harmful thing on the shortcut, or "none" where there is no shortcut. */
  readonly shortcut: Effect | "none";
  /** ‖shortcut part‖ / (‖shortcut part‖ + ‖branch part‖), 0 … 1. */
  readonly identityShare: number;
  /** 1 − identityShare (0 where no gradient arrived at all). */
  readonly residualShare: number;
  /** Cosine of the angle between the two parts; 0 where either is zero. */
  readonly cosine: number;
  /** ‖∂L/∂x‖ at the block's input. */
  readonly gradientNorm: number;
  /** ‖∂L/∂y‖ at the block's output. */
  readonly upstreamNorm: number;
}

/**
 * One row per residual block (or plain twin of one), first block first.
 *
 * `loss` runs the model and returns the scalar loss; running statistics are put back afterwards.
 */
export function identityShares(model: Module, loss: () => Tensor): BlockShare[] {
  const { value, calls } = preservingBuffers(model, () => observeBlocks(model, loss));
  const grads = backward(value, { keep: calls.flatMap(({ x, y }) => [x, y]) });
  return calls
    .filter(({ x, y }) => grads.has(x) && grads.has(y))
    .map(({ block, x, y }) => {
      const gx = grads.get(x).data;
      const gy = grads.get(y).data;
      const path = shortcutPath(y, x);
      const throughShortcut = path ? gradientAlong(path, gy) : gx.map(() => 0);
      const throughBranch = gx.map((g, i) => g - throughShortcut[i]);
      const a = norm(throughShortcut);
      const b = norm(throughBranch);
      return {
        block,
        shortcut: path ? worstEffect(path) : "none",
        identityShare: a + b === 0 ? 0 : a / (a + b),
        residualShare: a + b === 0 ? 0 : b / (a + b),
        cosine: cosine(throughShortcut, throughBranch),
        gradientNorm: norm(gx),
        upstreamNorm: norm(gy),
      };
    });
}
