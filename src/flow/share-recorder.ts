/**
 * Shares (shares.ts) over a whole training, taken from the steps' own passes: the model is not run again, and the training goes
 * as it would without a recorder.
 */
import { tap } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import { checkModule, type Module } from "../nn/module.ts";
import { type ResidualBlock, residualBlocks } from "../resnet/index.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";
import { blockPath } from "./blocks.ts";
import { gradientAlong, worstEffect } from "./path.ts";
import type { FlowRecorder } from "./recorder.ts";
import { type RecordingOptions, recordingSteps } from "./recording.ts";
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
export interface ShareRecorderOptions extends RecordingOptions {}

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
  const blocks = residualBlocks(model).map(([path, block]) => [path || block.constructor.name, block] as const);
  return recordingSteps<Call, ShareRow>("shareRecorder", options, blocks, {
    watch: ({ path, module, args: [x, ...more], run }, note) => {
      if (!isTensor(x) || !needsGrad(x)) return run(x, ...more);
      const call: Call = { path, share: null };
      note(call);
      return watched(call, module as ResidualBlock, x, (entered) => run(entered, ...more));
    },
    rowsOf: (calls, step) => calls.flatMap(({ path, share }) => (share ? [{ step, block: path, ...share }] : [])),
  });
}

/** One call of one block in the current step. */
interface Call {
  readonly path: string;
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
