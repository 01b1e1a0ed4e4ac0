/**
 * Shares (shares.ts) over a whole training, taken from the steps' own passes: the model is not run again, and the training goes
 * as it would without a recorder.
 */
import { tap } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import { type AnyModule, checkModule, type Module } from "../nn/module.ts";
import { type Forward, replaceForward } from "../nn/observe.ts";
import { type ResidualBlock, residualBlocks } from "../resnet/index.ts";
import { checkFunction, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";
import { blockPath } from "./blocks.ts";
import { gradientAlong, worstEffect } from "./path.ts";
import { checkStepInfo, type FlowRecorder } from "./recorder.ts";
import { type BlockShare, sharesOf } from "./shares.ts";

/** A block at a step. */
export interface ShareRow extends BlockShare {
  readonly step: number;
}

/** What `shareRecorder` returns: used like `flowRecorder`'s. */
export interface ShareRecorder extends Pick<FlowRecorder, "onStep" | "during"> {
  /** The rows recorded so far: step by step, first block first. */
  readonly rows: readonly ShareRow[];
}

/** Options of `shareRecorder`. */
export interface ShareRecorderOptions {
  /** Records the steps 0, every, 2·every, … Default 1. */
  every?: number;
  /** Decides at the beginning of each of these steps whether it is recorded. Default: all are. */
  when?: (step: number) => boolean;
  /** How many rows are kept: the newest. Default: all. */
  keep?: number;
}

const OPTIONS: OptionNames<ShareRecorderOptions> = { every: true, when: true, keep: true };

/**
 * The rows of `identityShares` at chosen steps of a training of `model` by `fit`. A step that is not recorded costs nothing
 * more. A block that no gradient passes has no row: one right behind the images, or a frozen stem.
 *
 * @example
 * const recorder = shareRecorder(model, { every: 10 });
 * await recorder.during(() => fit(model, { data, optimizer, steps: 30, onStep: recorder.onStep }));
 * recorder.rows.length; // 9: three blocks at the steps 0, 10 and 20
 *
 * @throws ValueError unless `every` and `keep` are whole numbers of 1 or more; UsageError if `model` is not a model.
 */
export function shareRecorder(model: Module, options: ShareRecorderOptions = {}): ShareRecorder {
  checkModule("shareRecorder", model);
  checkOptions("shareRecorder", options, OPTIONS);
  const { every = 1, when, keep } = options;
  checkWhole("shareRecorder", "every", every, 1);
  if (when !== undefined) checkFunction("shareRecorder", "when", when);
  if (keep !== undefined) checkWhole("shareRecorder", "keep", keep, 1);
  const rows: ShareRow[] = [];
  let calls: Call[] = [];
  let step = 0;
  let recording = false;

  const begin = (number: number): void => {
    step = number;
    recording = step % every === 0 && (when === undefined || when(step));
  };
  const watching = (block: string, module: ResidualBlock): Forward => {
    const forward = module.forward as (...args: unknown[]) => unknown;
    return (x: unknown, ...more: unknown[]) => {
      if (!recording || !isTensor(x) || !needsGrad(x)) return forward.call(module, x, ...more);
      const call: Call = { block, share: null };
      calls.push(call);
      return watched(call, module, x, (entered) => forward.call(module, entered, ...more));
    };
  };
  const flush = (): void => {
    for (const { block, share } of calls) if (share) rows.push({ step, block, ...share });
    calls = [];
    if (keep !== undefined && rows.length > keep) rows.splice(0, rows.length - keep);
  };

  return {
    rows,
    onStep: (info) => {
      checkStepInfo("shareRecorder", info);
      flush();
      begin(info.step + 1);
    },
    during: async (fn) => {
      checkFunction("shareRecorder.during", "the training", fn);
      begin(0);
      const replacements = new Map<AnyModule, Forward>();
      for (const [path, block] of residualBlocks(model)) {
        if (!replacements.has(block)) replacements.set(block, watching(path || block.constructor.name, block));
      }
      const putBack = replaceForward(replacements);
      try {
        return await fn();
      } finally {
        putBack();
        flush();
      }
    },
  };
}

/** One call of one block in the current step. */
interface Call {
  readonly block: string;
  /** Null until the gradient has passed the block. */
  share: Omit<BlockShare, "block"> | null;
}

/** Runs a block, and notes its share when the gradient has passed it. */
function watched(call: Call, module: ResidualBlock, x: Tensor, run: (entered: Tensor) => unknown): unknown {
  // Behind this tap arrives what comes from this block alone, not from x's other uses.
  let finish: ((gx: Tensor) => void) | null = null;
  const entered = tap(x, (gx) => finish?.(gx));
  const y = run(entered);
  if (!isTensor(y)) return y;
  const path = blockPath({ module, x: entered, y });
  return tap(y, (g) => {
    const gy = peek(g).slice();
    const throughShortcut = path && gradientAlong(path, gy).slice();
    finish = (gx) => {
      const parts = sharesOf(throughShortcut ?? peek(gx).map(() => 0), peek(gx), gy);
      call.share = { shortcut: path ? worstEffect(path) : "none", ...parts };
    };
  });
}
