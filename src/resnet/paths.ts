/**
 * The two paths of a block, whatever its convolutions: y = after(s(x) + F(x)).
 *
 *            ┌── s: nothing, or a scale, a gate, a projection … ──┐
 *   x ── split                                                    + ── after ── y
 *            └── F: convolutions, norms, ReLUs, factors ──────────┘
 *
 * What stands where is order.ts; what s is, shortcut.ts; which numbers F has beside its convolutions, start.ts.
 *
 * Nobody but F uses what its convolutions and ReLUs compute, so without a graph that is given back as soon as it has been used:
 * its memory is the next one's.
 */
import { add, mul, sigmoid } from "../autograd/elementwise.ts";
import { ValueError } from "../tensor/errors.ts";
import { giveBackUsed } from "../tensor/given-back.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { applySteps, ORDERS } from "./order.ts";
import type { Block } from "./parts.ts";
import { applyShortcut, SHORTCUTS } from "./shortcut.ts";

/** y = after(s(x) + F(x)); after(s(x)) where the branch is cut, or skipped this time; after(F(x)) where the shortcut is cut. */
export function forwardBlock(block: Block, x: Tensor): Tensor {
  const splitsAfter = block.plan.split === "after";
  const alone = block.collapsed || skipsBranch(block);
  const activated = alone && !splitsAfter ? x : activate(block, x);
  const start = splitsAfter ? activated : x;
  const isCut = block.cut === "shortcut";
  const g = isCut ? branchGate(block, start) : gateFrom(block, start);
  const skip = isCut ? null : applyShortcut(block, start, g);
  // A plain block has no survival probability, so it can only have been collapsed.
  if (alone && !skip) throw new ValueError(`${block.plan.who}: a block without shortcut cannot be collapsed`);
  const convolved: Tensor[] = [];
  const branch = alone ? null : branchFrom(block, activated, g, convolved);
  const y = afterSum(block, skip && branch ? add(skip, branch) : (skip ?? branch)!);
  for (const t of convolved) giveBackUsed(t, y);
  return y;
}

export function branchOf(block: Block, x: Tensor): Tensor {
  const activated = activate(block, x);
  const start = block.plan.split === "after" ? activated : x;
  return branchFrom(block, activated, branchGate(block, start));
}

export function skipOf(block: Block, x: Tensor): Tensor | null {
  if (block.shortcut === "none") return null;
  const start = startOf(block, x);
  return applyShortcut(block, start, gateFrom(block, start));
}

/** @throws ValueError if the block has no gate. */
export function gateOf(block: Block, x: Tensor): Tensor {
  const g = gateFrom(block, startOf(block, x));
  if (!g) throw new ValueError(`${block.plan.who}: a block with shortcut "${block.plan.shortcut}" has no gate`);
  return g;
}

function activate(block: Block, x: Tensor): Tensor {
  return applySteps(ORDERS[block.order].first, x, block.norms()[0]);
}

function startOf(block: Block, x: Tensor): Tensor {
  return block.plan.split === "after" ? activate(block, x) : x;
}

/** What stands after the addition. */
export function afterSum(block: Block, y: Tensor): Tensor {
  return applySteps(ORDERS[block.order].sum, y, block.norms().at(-1));
}

function skipsBranch(block: Block): boolean {
  const survival = survivalOf(block);
  return block.training && survival < 1 && block.noise!.uniform() >= survival;
}

/** Without a shortcut there would be nothing left: the branch survives. */
function survivalOf({ cut, plan }: Block): number {
  return cut === "shortcut" ? 1 : plan.survival;
}

/** g = σ(w ⋆ x + b), of the block's output shape. */
function gateFrom({ convGate }: Block, start: Tensor): Tensor | null {
  return convGate && sigmoid(convGate.forward(start));
}

/** The gate, if the branch alone needs it. */
function branchGate(block: Block, start: Tensor): Tensor | null {
  return SHORTCUTS[block.plan.shortcut].branch ? gateFrom(block, start) : null;
}

/** @param convolved to which the last convolution's output is added, which what follows has still to read. */
function branchFrom(block: Block, activated: Tensor, g: Tensor | null, convolved: Tensor[] = []): Tensor {
  const { order, shortcut, branchScale } = block.plan;
  const { first, last } = ORDERS[order];
  const { branch } = SHORTCUTS[shortcut];
  const convolutions = block.convolutions();
  const norms = block.norms();
  // The norm after convolution i (from 0) is bn(i+1), unless bn1 was used before them.
  const used = first.includes("norm") ? 1 : 0;
  let y = activated;
  for (let i = 0; i < convolutions.length; i++) {
    if (i > 0) {
      const before = y;
      if (block.biases.length > 0) y = add(y, block.biases[i - 1].after);
      y = applySteps("norm relu", y, norms[i - 1 + used]);
      giveBackUsed(before, y);
      if (block.blur && block.blurAfter === i - 1) y = block.blur.forward(y);
    }
    const before = y;
    y = convolutions[i].forward(block.biases[i]?.forward(y) ?? y);
    if (i > 0) giveBackUsed(before, y);
  }
  convolved.push(y);
  y = applySteps(last, y, norms.at(-1));
  if (block.se) y = block.se.forward(y);
  if (block.scale) y = mul(y, block.scale);
  if (block.biases.length > 0) y = add(y, block.biases.at(-1)!.after);
  const factor = block.training ? branchScale : branchScale * survivalOf(block);
  if (factor !== 1) y = mul(y, factor);
  return branch ? branch(y, g!) : y;
}
