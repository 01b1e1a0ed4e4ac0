/**
 * Lesions: what a network still can when blocks are deleted from it.
 *
 * Veit, Wilber & Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", "Lesion study"
 * (Figs. 3–5): a residual network hardly notices that a block is gone, because half of its paths do not lead through it; a
 * plain network has one path and breaks. Deleting a residual block leaves its shortcut; deleting a layer, or a plain block,
 * leaves the identity, and is possible only where that keeps the shape. Next: reorderings.ts, blocks that change places.
 */
import { type AnyModule, checkModule, type Module } from "../nn/module.ts";
import { type Forward, observing, replaceForward } from "../nn/observe.ts";
import { afterAddition } from "../resnet/block.ts";
import { isResidualBlock, type ResidualBlock, residualBlocks } from "../resnet/index.ts";
import { checkFunction, checkInteger, checkList, checkText, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkRun, type Measure, measured } from "./arguments.ts";
import { preservingBuffers, puttingBack } from "./preserve.ts";

/** Paths of modules that are deleted together, such as a convolution and its batch norm; or a single path. */
export type Target = string | readonly string[];

/** What is left without one part: a row of `lesions`. */
export interface LesionRow {
  /** What was deleted: module paths, separated by spaces; "none" in the first row. */
  readonly lesion: string;
  /** What `measure` returned then; null where the deletion is impossible. */
  readonly value: number | null;
  /** The value less that of the intact model. */
  readonly change: number | null;
  /** Why the deletion is impossible, or "". */
  readonly reason: string;
}

/** Options of `lesions`. */
export interface LesionOptions {
  /**
   * Default: every residual block or plain twin of one; in a model without any, every convolution and linear layer but the
   * last, with the batch norm behind it.
   */
  targets?: readonly Target[];
}

const LESION_OPTIONS: OptionNames<LesionOptions> = { targets: true };

/**
 * Deletes each target alone and measures what is left (Veit et al. 2016, Fig. 3). The first row is the intact model.
 *
 * @param measure runs the model and returns a number: an error, a loss.
 *
 * @example
 * const error = async () => 1 - (await evaluate(model, data(), { metrics: { accuracy } })).metrics.accuracy;
 * const rows = await lesions(model, error);
 * rows.map((row) => row.lesion); // ["none", "layer1.0", "layer2.0", "layer3.0"]
 *
 * @throws ValueError if a path names no module.
 */
export async function lesions(model: Module, measure: Measure, options: LesionOptions = {}): Promise<LesionRow[]> {
  checkRun("lesions", model, "measure", measure);
  checkOptions("lesions", options, LESION_OPTIONS);
  const { targets = defaultTargets(model) } = options;
  checkTargets(targets);
  const groups = targets.map((target) => (typeof target === "string" ? [target] : [...target]));
  for (const path of groups.flat()) moduleAt("lesions", model, path);
  const shapes = new Map<AnyModule, Change>();
  const intact = await watchingShapes("lesions", model, measure, (module, from, to) =>
    shapes.set(module, { from, to }),
  );
  const rows: LesionRow[] = [{ lesion: "none", value: intact, change: 0, reason: "" }];
  for (const paths of groups) {
    const lesion = paths.join(" ");
    const reason =
      paths.map((path) => whyImpossible(path, moduleAt("lesions", model, path), shapes)).find(Boolean) ?? "";
    const value = reason ? null : await measured("lesions", withLesion(model, paths, measure));
    rows.push({ lesion, value, change: value === null ? null : value - intact, reason });
  }
  return rows;
}

/** What is left without several parts: a row of `manyLesions`. */
export interface ManyLesionsRow {
  /** How many blocks were deleted at once. */
  readonly removed: number;
  readonly trial: number;
  /** Which, separated by spaces. */
  readonly blocks: string;
  readonly value: number;
}

/** Options of `manyLesions`. */
export interface ManyLesionsOptions {
  /** Numbers of blocks to delete. */
  counts: readonly number[];
  /** How many random choices of each number. Default 10. */
  trials?: number;
  seed?: number;
}

const MANY_OPTIONS: OptionNames<ManyLesionsOptions> = { counts: true, trials: true, seed: true };

/**
 * Deletes several residual blocks at once, chosen at random (Veit et al. 2016, Fig. 5(a)): one row per count and trial.
 *
 * @example
 * const lossNow = async () => (await evaluate(model, data())).loss;
 * const rows = await manyLesions(model, lossNow, { counts: [1, 2], trials: 3 });
 * rows.length; // 6
 *
 * @throws ValueError if a count is more than there are blocks that can be deleted.
 */
export async function manyLesions(
  model: Module,
  measure: Measure,
  options: ManyLesionsOptions,
): Promise<ManyLesionsRow[]> {
  checkRun("manyLesions", model, "measure", measure);
  checkOptions("manyLesions", options ?? {}, MANY_OPTIONS);
  const { counts, trials = 10, seed = 0 } = (options ?? {}) as ManyLesionsOptions;
  checkList("manyLesions", "counts", counts);
  checkWhole("manyLesions", "trials", trials, 1);
  checkInteger("manyLesions", "seed", seed);
  const rng = new Rng(seed);
  const blocks = residualBlocks(model).filter(([, block]) => block.shortcut !== "none");
  for (const count of counts) {
    checkWhole("manyLesions", "a count of blocks with a shortcut", count, 0, blocks.length);
  }
  const rows: ManyLesionsRow[] = [];
  for (const removed of counts) {
    for (let trial = 0; trial < trials; trial++) {
      const chosen = [...rng.permutation(blocks.length).slice(0, removed).sort()].map((i) => blocks[i][0]);
      const value = await measured("manyLesions", withLesion(model, chosen, measure));
      rows.push({ removed, trial, blocks: chosen.join(" "), value });
    }
  }
  return rows;
}

/**
 * Runs `fn` while these modules are deleted; where it is async, until it has answered. A residual block becomes its shortcut
 * (what follows the addition stays); any other module becomes the identity. Running statistics are put back.
 *
 * @example
 * const { loss } = await withLesion(model, ["layer2.0", "layer3.0"], () => evaluate(model, data()));
 *
 * @throws ValueError if a path names no module.
 */
export function withLesion<T>(model: Module, paths: readonly string[], fn: () => T): T {
  checkModule("withLesion", model);
  checkList("withLesion", "paths", paths);
  checkFunction("withLesion", "fn", fn);
  const replacements = new Map<AnyModule, Forward>();
  const collapsed: ResidualBlock[] = [];
  for (const path of paths) {
    const module = moduleAt("withLesion", model, path);
    if (!isResidualBlock(module) || module.shortcut === "none") replacements.set(module, (x: Tensor) => x);
    else if (module.collapsed === undefined) replacements.set(module, shortcutAlone(module));
    else if (!module.collapsed) collapsed.push(module);
  }
  for (const block of collapsed) block.collapsed = true;
  const restoreForward = replaceForward(replacements);
  return puttingBack(
    () => preservingBuffers(model, fn),
    () => {
      restoreForward();
      for (const block of collapsed) block.collapsed = false;
    },
  );
}

interface Change {
  readonly from: Shape;
  readonly to: Shape;
}

function checkTargets(targets: unknown): asserts targets is readonly Target[] {
  checkList("lesions", "targets", targets);
  for (const target of targets) {
    // "" is the model itself, of which nothing would be left.
    const paths: readonly unknown[] = Array.isArray(target) ? target : [target];
    if (paths.every((path) => typeof path === "string" && path !== "")) continue;
    throw new UsageError(
      `lesions: a target must be a path, as "layer1.0", or several in an array, got ${describe(target)}`,
    );
  }
}

/** @throws ValueError if the model has no part of this path. */
export function moduleAt(who: string, model: Module, path: string): AnyModule {
  checkText(who, "a path", path);
  const found = model.namedModules().find(([name]) => name === path);
  if (!found) throw new ValueError(`${who}: the model has no part called "${path}"`);
  return found[1];
}

/** For a block that cannot collapse by itself. */
function shortcutAlone(block: ResidualBlock): (x: Tensor) => Tensor {
  return (x) => afterAddition(block, block.skip(x)!);
}

function whyImpossible(path: string, module: AnyModule, shapes: ReadonlyMap<AnyModule, Change>): string {
  const change = shapes.get(module);
  if (!change) return `${path} did not run`;
  if ((isResidualBlock(module) && module.shortcut !== "none") || sameShape(change.from, change.to)) return "";
  return `${path} goes from ${formatShape(change.from)} to ${formatShape(change.to)}: the identity does not`;
}

/** Blocks, or else each layer with a weight matrix but the last, together with the batch norm that comes next. */
function defaultTargets(model: Module): Target[] {
  const blocks = residualBlocks(model);
  if (blocks.length > 0) return blocks.map(([path]) => path);
  const leaves = model.namedModules().filter(([, module]) => module.namedChildren().length === 0);
  return leaves
    .flatMap(([path, module], i): Target[] => {
      const weight = module.stateDict().weight;
      if (!weight || weight.rank < 2) return [];
      const next = leaves[i + 1];
      return [next && next[1].namedBuffers().length > 0 ? [path, next[0]] : path];
    })
    .slice(0, -1);
}

/** Measures the intact model, and shows which shapes go in and out of each of its parts. */
export async function watchingShapes(
  who: string,
  model: Module,
  measure: Measure,
  look: (module: AnyModule, from: Shape, to: Shape) => void,
): Promise<number> {
  const watched = observing(model, (_, module, x, y) => look(module, x.shape, y.shape));
  return measured(
    who,
    puttingBack(() => preservingBuffers(model, measure), replaceForward(watched)),
  );
}
