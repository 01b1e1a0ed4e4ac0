/**
 * Compress, then expand: training a deep network as a shallow one first.
 *
 * Most blocks start *collapsed*: they pass their input on, exactly, cost nothing and learn nothing. At given steps more of
 * them are expanded, in stages, until the network has its full depth. (The idea is that of Net2Net, Chen, Goodfellow &
 * Shlens 2016, and of progressive stacking: grow a network without changing the function it computes.)
 *
 * The guarantee: an expansion changes no output. At that moment the branch of each new block is made exactly zero
 * (`zeroInitLast`), so that y = x + F(x) = x is what the collapsed block computed, bit for bit, in training and in
 * evaluation. Its last scale then gets gradients at once, and the layers before it as soon as that scale is not zero.
 */
import { type AnyModule, checkModule } from "../nn/module.ts";
import { checkOneOf, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { type ResidualBlock, residualBlocks } from "./block.ts";

/**
 * Which blocks come first. Counting the blocks that can collapse from 0:
 *
 * - `"everyOther"`: of S stages, every 2^S-th block is there from the start, and each stage halves the distance: it puts a
 *   new block between every two;
 * - `"front"`, `"back"`: S + 1 equal shares, from the input on or from the output back; the first is there from the start;
 * - a function of a block's number and the number of blocks: the stage in which it is expanded, 0 for the start.
 */
export type ExpansionOrder = "everyOther" | "front" | "back" | ((block: number, blocks: number) => number);

/** Options of `Expansion`. */
export interface ExpansionOptions {
  /** The steps before which a stage is expanded, in rising order, as `[200, 400, 800]`. */
  at: readonly number[];
  /** Default "everyOther". */
  order?: ExpansionOrder;
  /**
   * The step at which a training is taken up again: the blocks of earlier stages are there already, as they are, and are
   * not made zero. Default 0.
   */
  resumeAt?: number;
}

const OPTIONS: OptionNames<ExpansionOptions> = { at: true, order: true, resumeAt: true };

/**
 * A schedule that expands the collapsed blocks of a network. Making one collapses them.
 *
 * Only blocks with an identity shortcut collapse; those that change the shape are there from the start. The optimizer is
 * given every parameter from the start: parameters that no gradient reaches are left alone, with their momentum.
 *
 * @example
 * const deep = cifarResNet(20, { width: 4, rng: new Rng(0) });
 * const expansion = new Expansion(deep, { at: [2, 4] });
 * expansion.collapsed.length; // 5
 * await fit(deep, {
 *   data,
 *   optimizer: new SGD(deep.parameters(), { lr: 0.1, momentum: 0.9 }),
 *   steps: 6,
 *   onStep: ({ step }) => void expansion.before(step + 1),
 * });
 * expansion.collapsed.length; // 0
 *
 * @throws ValueError if no block of the model can collapse, the steps do not rise, a stage stays empty, or the order names
 * a stage that does not exist. The model is as it was then.
 */
export class Expansion {
  readonly #stages: readonly { readonly at: number; readonly blocks: readonly (readonly [string, ResidualBlock])[] }[];
  /** Those that it has still to expand. A block that somebody else cuts later on is not its own. */
  readonly #waiting = new Set<ResidualBlock>();

  constructor(model: AnyModule, options: ExpansionOptions) {
    checkModule("Expansion", model);
    checkOptions("Expansion", options, OPTIONS);
    const { at, order = "everyOther", resumeAt = 0 } = options ?? {};
    if (!Array.isArray(at)) {
      throw new ValueError(`Expansion: at must be a list of steps, as { at: [200, 400] }, got ${describe(at)}`);
    }
    at.forEach((step, i) => {
      checkWhole("Expansion", `at[${i}]`, step);
      if (i > 0 && step <= at[i - 1]) throw new ValueError(`Expansion: at must rise, got [${at}]`);
    });
    if (resumeAt !== 0) checkWhole("Expansion", "resumeAt", resumeAt);
    const blocks = residualBlocks(model).filter(([, block]) => collapses(block));
    if (blocks.length === 0) {
      throw new ValueError(
        `Expansion: ${model.constructor.name} has no block that can collapse: one with an identity shortcut and a branch that can start at zero`,
      );
    }
    const stages = blocks.map((_, i) => stageOf(order, i, blocks.length, at.length));
    this.#stages = at.map((step, i) => ({ at: step, blocks: blocks.filter((_, block) => stages[block] === i + 1) }));
    for (const { at: step, blocks } of this.#stages) {
      if (blocks.length === 0) {
        throw new ValueError(`Expansion: no block is left to expand at step ${step}: give fewer stages (at: [${at}])`);
      }
    }
    for (const { at: step, blocks } of this.#stages) {
      for (const [, block] of blocks) {
        // A block that cannot be zero says so now, and not in the middle of a training.
        if (step >= resumeAt) block.zeroInitLast();
        block.collapsed = step >= resumeAt;
        if (block.collapsed) this.#waiting.add(block);
      }
    }
  }

  /** Paths of the blocks that are still collapsed, in the order of the stages. */
  get collapsed(): string[] {
    return this.#collapsedBefore(Number.POSITIVE_INFINITY).map(([path]) => path);
  }

  /**
   * Expands what is due before step number `step` runs, and returns the paths of these blocks. A block that was rejoined
   * by hand, or is cut by hand once it is expanded, is left as it is.
   *
   * Call it before each step; with `fit`, after the step before: `onStep: ({ step }) => void expansion.before(step + 1)`.
   */
  before(step: number): string[] {
    const due = this.#collapsedBefore(step);
    for (const [, block] of due) {
      block.zeroInitLast();
      block.collapsed = false;
    }
    for (const { at, blocks } of this.#stages)
      if (at <= step) for (const [, block] of blocks) this.#waiting.delete(block);
    return due.map(([path]) => path);
  }

  #collapsedBefore(step: number): (readonly [string, ResidualBlock])[] {
    return this.#stages
      .filter(({ at }) => at <= step)
      .flatMap(({ blocks }) => blocks.filter(([, block]) => this.#waiting.has(block) && block.collapsed));
  }
}

/** Whether a block can be exactly the identity. */
function collapses(block: ResidualBlock): boolean {
  return block.shortcut === "identity" && block.collapsed !== undefined;
}

/** The stage, from 0 (the start) to `stages`, in which block number `block` is expanded. */
function stageOf(order: ExpansionOrder, block: number, blocks: number, stages: number): number {
  if (typeof order === "function") {
    const stage = order(block, blocks);
    if (Number.isInteger(stage) && stage >= 0 && stage <= stages) return stage;
    throw new ValueError(`Expansion: order must give stages from 0 to ${stages}, gave ${stage} for block ${block}`);
  }
  checkOneOf("Expansion", "order", order, ["everyOther", "front", "back"]);
  if (order === "everyOther") {
    let stage = 0;
    while (block % 2 ** (stages - stage) !== 0) stage++;
    return stage;
  }
  return Math.floor(((order === "front" ? block : blocks - 1 - block) * (stages + 1)) / blocks);
}
