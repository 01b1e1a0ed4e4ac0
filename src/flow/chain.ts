/**
 * The residual blocks of a network as a chain, x₀ → block 1 → … → block n → loss, and a gradient's way back through it.
 * At every block it can be sent along the shortcut, along the branch, or along both.
 *
 * Anything between two blocks (nothing, in a ResNet) belongs to every way. Next: path-lengths.ts and shares.ts.
 */
import { backward } from "../autograd/backward.ts";
import type { Module } from "../nn/module.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { callNow } from "../tensor/sync.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkLoss, checkRun } from "./arguments.ts";
import { type BlockCall, blockPath, enteringBlocks } from "./blocks.ts";
import { gradientAlong, gradientOffPath, type PathStep, productFrom } from "./path.ts";
import { undisturbed } from "./undisturbed.ts";

export interface Link extends BlockCall {
  /** From y to x; null if the block has no shortcut. */
  readonly path: readonly PathStep[] | null;
}

export interface Chain {
  /** In order of the forward pass; at least one. */
  readonly links: readonly Link[];
  readonly loss: Tensor;
  /** ∂L/∂y of the last block. */
  readonly upstream: Floats;
}

/** Runs `loss` once and records the chain. The graph stays in memory as long as the result does. */
export function recordChain(who: string, model: Module, loss: () => Tensor): Chain {
  checkRun(who, model, "loss", loss);
  const { value, calls } = undisturbed(model, () => enteringBlocks(model, () => callNow(who, "loss", loss)));
  checkLoss(who, value);
  if (calls.length === 0) throw new ValueError(`${who}: ${model.constructor.name} has no residual blocks`);
  const last = calls.at(-1)!.y;
  return {
    links: calls.map((call) => ({ ...call, path: blockPath(call) })),
    loss: value,
    upstream: backward(value, { stopAt: [last] }).get(last).data,
  };
}

/**
 * Sends the last block's upstream gradient back to the first block's input: at block l along the branch if
 * `takesBranch(l)`, else along the shortcut.
 */
export function gradientThrough({ links, upstream }: Chain, takesBranch: (l: number) => boolean): Floats {
  let g = upstream;
  for (let l = links.length - 1; l >= 0; l--) {
    const { x, path, block } = links[l];
    if (!path) throw new ValueError(`gradientThrough: ${block} has no shortcut`);
    g = takesBranch(l) ? gradientOffPath(path, x, g) : gradientAlong(path, g);
    if (l > 0) g = betweenBlocks(links[l - 1], links[l], g);
  }
  return g;
}

function betweenBlocks(before: Link, after: Link, g: Floats): Floats {
  const sent = productFrom(after.x, before.y, g);
  if (!sent) throw new ValueError(`${after.block} was not computed from ${before.block}: the blocks are not a chain`);
  return sent;
}
