/**
 * What a block sends back when its weights are zero: an experiment that tells shortcuts apart without looking inside.
 *
 * With every weight matrix and filter at zero the branch is constant, and a gradient that goes in comes back along the
 * shortcut alone. The upstream gradient is 1, 2, 3, …, n, so that every number which arrives says where it started.
 */

import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import type { Module } from "../nn/module.ts";
import type { ResidualBlock } from "../resnet/index.ts";
import { allocateLasting, type Floats } from "../tensor/memory.ts";
import { Rng } from "../tensor/rng.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import { observeBlocks } from "./blocks.ts";
import type { Passage } from "./certificate.ts";
import { leafOf } from "./leaf.ts";
import { preservingValues } from "./preserve.ts";

/** What a product of many factors may have collected in float32, relative to it: 100 roundings are 6e-6. */
const ROUNDING = 1e-5;
/** Biases are small, so that the masks of many ReLUs in a row leave something open. */
const BIAS = 0.01;
/** A seed that nobody else is likely to have drawn their input from. */
const OTHER_INPUT = 0x57a7e;

/** What came back in three experiments on one way: with the input x, with x and other biases, with another input. */
export interface Returns {
  readonly results: readonly Floats[];
  /** How many numbers were sent: 1 … sent, times `unit`. */
  readonly sent: number;
  readonly unit: number;
}

/** Through one block. What the branch sends back after all (one without weights) is taken off. */
export function weightlessBlock(block: ResidualBlock, x: Tensor): Returns {
  return experiments([block], x, 1, (input) => {
    const whole = sentBack((t) => block.forward(t), input);
    if (block.collapsed) return whole;
    const branch = sentBack((t) => block.branch(t), input);
    return { gradient: whole.gradient.map((v, i) => v - branch.gradient[i]), sent: whole.sent };
  });
}

/**
 * Through all blocks of a model, from the last one's output to the first one's input.
 *
 * @param factor is expected of the way: what is sent is made so large that 1·factor is no denormal number.
 */
export function weightlessModel(
  model: Module,
  blocks: readonly ResidualBlock[],
  x: Tensor,
  factor: number | null,
): Returns {
  const unit = 2 ** Math.min(100, Math.max(0, -Math.round(Math.log2(Math.abs(factor ?? 1)))));
  return experiments(blocks, x, unit, (input) => {
    const { calls } = observeBlocks(model, () => model.forward(leafOf(input)));
    const [first, last] = [calls[0].x, calls[calls.length - 1].y];
    const grads = backward(last, { gradient: counting(last, unit), stopAt: [first] });
    return { gradient: grads.has(first) ? grads.get(first).data : allocateLasting(first.size), sent: last.size };
  });
}

function experiments(
  blocks: readonly ResidualBlock[],
  x: Tensor,
  unit: number,
  run: (input: Tensor) => { gradient: Floats; sent: number },
): Returns {
  const rng = new Rng(OTHER_INPUT);
  const other = owned(
    x.data.map(() => rng.normal()),
    x.shape,
  );
  const found = [
    { input: x, seed: 1 },
    { input: x, seed: 2 },
    { input: other, seed: 1 },
  ].map(({ input, seed }) => withoutWeights(blocks, seed, () => run(input)));
  return { results: found.map(({ gradient }) => gradient), sent: found[0].sent, unit };
}

/**
 * Undefined where what came back is what the passage claims, else what is wrong with it.
 *
 * @param masked whether a mask is on the way: several in a row may leave nothing, which says nothing.
 */
export function contradiction(
  { verdict, factor }: Passage,
  returns: Returns,
  { masked }: { masked: boolean },
): string | undefined {
  const { results } = returns;
  const [first] = results;
  const silent = results.every((r) => r.every((v) => v === 0));
  const same = results.every((r) => r.every((v, i) => v === first[i]));
  const isMultiple = (f: number): boolean => results.every((r) => startsOf(r, returns, f) !== null);
  switch (verdict) {
    case "identity": {
      const unchanged = results.every((r) => startsOf(r, returns, 1)?.every((start, i) => start === i + 1));
      return unchanged ? undefined : "with its weights at zero it does not return the gradient unchanged";
    }
    case "selection":
      if (silent || !isMultiple(1)) return "with its weights at zero it returns numbers that were not sent";
      return same ? undefined : "what it lets pass depends on the input or the biases";
    case "mask":
      if (factor !== null && !isMultiple(factor)) {
        return "with its weights at zero it returns numbers that were not sent";
      }
      return same && !silent ? "what it lets pass does not depend on the input" : undefined;
    case "scale":
      if (silent && !masked) return "with its weights at zero it returns nothing";
      if (factor === null || isMultiple(factor)) return undefined;
      return `with its weights at zero it does not return ${factor} times the gradient`;
    case "gate":
      return silent || !same ? undefined : "what it lets pass does not depend on its biases";
    case "transform":
      return silent || !isMultiple(1)
        ? undefined
        : "with its weights at zero it returns entries of the gradient unchanged";
    case "none":
      return silent ? undefined : "with its weights at zero a gradient still passes";
  }
}

/**
 * From which place (1 …) of what was sent each number came, 0 for a number that is zero. Null if some number is none that
 * was sent times `factor`, or one came twice.
 */
function startsOf(result: Floats, { sent, unit }: Returns, factor: number): Int32Array | null {
  const seen = new Uint8Array(sent + 1);
  const starts = new Int32Array(result.length);
  for (let i = 0; i < result.length; i++) {
    if (result[i] === 0) continue;
    const start = result[i] / (factor * unit);
    const place = Math.round(start);
    const exact = factor === 1 ? start === place : Math.abs(start - place) <= ROUNDING * place;
    if (!exact || place < 1 || place > sent || seen[place] === 1) return null;
    seen[place] = 1;
    starts[i] = place;
  }
  return starts;
}

/** Runs `fn` while the blocks' weights are zero and their biases, scales and other numbers random; then puts all back. */
function withoutWeights<T>(blocks: readonly Module[], seed: number, fn: () => T): T {
  const rng = new Rng(seed);
  const state = blocks.flatMap((block) => Object.values(block.stateDict()));
  return preservingValues(state, () => {
    for (const t of blocks.flatMap((block) => block.parameters())) {
      t.assign(t.data.map(() => (t.rank < 2 ? BIAS * rng.normal() : 0)));
    }
    return fn();
  });
}

function sentBack(f: (x: Tensor) => Tensor, x: Tensor): { gradient: Floats; sent: number } {
  const leaf = leafOf(x);
  const y = f(leaf);
  const grads = needsGrad(y) ? backward(y, { gradient: counting(y, 1) }) : null;
  return { gradient: grads?.has(leaf) ? grads.get(leaf).data : allocateLasting(x.size), sent: y.size };
}

/** 1, 2, 3, … times `unit`, in the shape of t. */
function counting(t: Tensor, unit: number): Tensor {
  return owned(
    t.data.map((_, i) => (i + 1) * unit),
    t.shape,
  );
}
