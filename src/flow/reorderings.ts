/**
 * Reorderings: what a network still can when its blocks change places.
 *
 * Veit, Wilber & Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", Fig. 5(b): the error
 * of a residual network grows smoothly with the disorder. Blocks that keep the shape of the same image can change places.
 */
import { type AnyModule, checkModule, type Module } from "../nn/module.ts";
import { type Forward, replaceForward } from "../nn/observe.ts";
import { residualBlocks } from "../resnet/index.ts";
import { checkFunction, checkInteger, checkList, checkObject, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { checkRun, type Measure, measured } from "./arguments.ts";
import { moduleAt, watchingShapes } from "./lesions.ts";
import { preservingBuffers, puttingBack } from "./preserve.ts";

/** What a network does with its blocks in another order: a row of `reorderings`. */
export interface ReorderingRow {
  /** How many random pairs of blocks changed places, one pair after the other. */
  readonly swaps: number;
  readonly trial: number;
  /** Kendall's τ between the old order and the new: 1 for the same, −1 for the reverse. */
  readonly kendallTau: number;
  readonly value: number;
}

/** Options of `reorderings`. */
export interface ReorderingOptions {
  /** Numbers of pairs that change places. */
  swaps: readonly number[];
  /** How many random choices of each number. Default 10. */
  trials?: number;
  seed?: number;
}

const REORDERING_OPTIONS: OptionNames<ReorderingOptions> = { swaps: true, trials: true, seed: true };

/**
 * Lets random pairs of residual blocks of one shape change places (Veit et al. 2016, Fig. 5(b)): one row per count and
 * trial.
 *
 * @example
 * const deep = cifarResNet(20, { width: 4, rng });
 * const lossNow = async () => (await evaluate(deep, data())).loss;
 * const rows = await reorderings(deep, lossNow, { swaps: [0, 2], trials: 1 });
 * rows[0].kendallTau; // 1
 *
 * @throws ValueError if no two blocks keep the shape of the same image.
 */
export async function reorderings(
  model: Module,
  measure: Measure,
  options: ReorderingOptions,
): Promise<ReorderingRow[]> {
  checkRun("reorderings", model, "measure", measure);
  checkOptions("reorderings", options ?? {}, REORDERING_OPTIONS);
  const { swaps, trials = 10, seed = 0 } = (options ?? {}) as ReorderingOptions;
  checkList("reorderings", "swaps", swaps);
  for (const count of swaps) checkWhole("reorderings", "swaps", count, 0);
  checkWhole("reorderings", "trials", trials, 1);
  checkInteger("reorderings", "seed", seed);
  const rng = new Rng(seed);
  const blocks = residualBlocks(model).map(([path]) => path);
  const pairs = await swappablePairs(model, measure);
  if (pairs.length === 0) throw new ValueError("reorderings: no two blocks keep the shape of the same image");
  const rows: ReorderingRow[] = [];
  for (const count of swaps) {
    for (let trial = 0; trial < trials; trial++) {
      const order = blocks.map((_, i) => i);
      for (let swap = 0; swap < count; swap++) {
        const [i, j] = pairs[rng.integer(pairs.length)];
        [order[i], order[j]] = [order[j], order[i]];
      }
      const moves = Object.fromEntries(order.map((from, to) => [blocks[to], blocks[from]]));
      const value = await measured("reorderings", withOrder(model, moves, measure));
      rows.push({ swaps: count, trial, kendallTau: kendallTau(order), value });
    }
  }
  return rows;
}

/**
 * Runs `fn` while, at each place named by a key, the module at the path that is its value computes; where it is async, until
 * it has answered. Running statistics are put back.
 *
 * @example
 * const deep = cifarResNet(20, { width: 4, rng });
 * await withOrder(deep, { "layer1.1": "layer1.2", "layer1.2": "layer1.1" }, () => evaluate(deep, data()));
 *
 * @throws ValueError if a path names no module.
 */
export function withOrder<T>(model: Module, moves: Readonly<Record<string, string>>, fn: () => T): T {
  checkModule("withOrder", model);
  checkObject("withOrder", "moves", moves);
  checkFunction("withOrder", "fn", fn);
  const replacements = new Map<AnyModule, Forward>();
  for (const [to, from] of Object.entries(moves)) {
    const source = moduleAt("withOrder", model, from);
    // Bound now: while `fn` runs, source.forward may itself be replaced.
    replacements.set(moduleAt("withOrder", model, to), source.forward.bind(source));
  }
  return puttingBack(() => preservingBuffers(model, fn), replaceForward(replacements));
}

/** Pairs of blocks (by number) that keep the shape, and of the same image. */
async function swappablePairs(model: Module, measure: Measure): Promise<[number, number][]> {
  const shapes = new Map<AnyModule, string>();
  await watchingShapes("reorderings", model, measure, (module, from, to) => {
    if (sameShape(from, to)) shapes.set(module, formatShape(from.slice(1)));
  });
  const kept = residualBlocks(model).map(([, block]) => shapes.get(block));
  return kept.flatMap((shape, i) =>
    kept.flatMap((other, j): [number, number][] => (i < j && shape !== undefined && shape === other ? [[i, j]] : [])),
  );
}

/** Kendall's rank correlation between 0 … n−1 and `order`: (concordant − discordant pairs) / all pairs. */
function kendallTau(order: readonly number[]): number {
  let sum = 0;
  let pairs = 0;
  for (let i = 0; i < order.length; i++) {
    for (let j = i + 1; j < order.length; j++) {
      sum += order[i] < order[j] ? 1 : -1;
      pairs++;
    }
  }
  return pairs === 0 ? 1 : sum / pairs;
}
