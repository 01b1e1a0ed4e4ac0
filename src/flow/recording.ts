/** What recorders of a training have in common: which steps are recorded, of which calls, and how many rows are kept. */
import { isCollecting } from "../autograd/graph.ts";
import type { StepInfo } from "../nn/fit.ts";
import type { AnyModule } from "../nn/module.ts";
import { type Forward, replaceForward } from "../nn/observe.ts";
import { checkFunction, checkWhole } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { callNow, checkNow } from "../tensor/sync.ts";
import { isMeasured } from "./preserve.ts";

/** Which steps a recorder records, and how many of its rows it keeps. */
export interface RecordingOptions {
  /** Records the steps 0, every, 2·every, … Default 1. */
  every?: number;
  /** Decides at the beginning of each of these steps whether it is recorded. Default: all are. */
  when?: (step: number) => boolean;
  /** How many rows are kept: the newest. Default: all. */
  keep?: number;
}

/** A recorder of rows: the part of `FlowRecorder` and `ShareRecorder` that a program sees. */
export interface Recording<Row> {
  readonly rows: readonly Row[];
  readonly onStep: (info: Pick<StepInfo, "step" | "grads">) => void;
  during<T>(fn: () => Promise<T>): Promise<T>;
}

/** What a recorder does with the calls of a recorded step. */
export interface Watcher<Call, Row> {
  /** Runs one call, by `run`, and notes it, by `note`. */
  readonly watch: (call: WatchedCall, note: (call: Call) => void) => unknown;
  /** The rows of a step's calls; of a step that failed there are no gradients. */
  readonly rowsOf: (calls: readonly Call[], step: number, grads?: StepInfo["grads"]) => readonly Row[];
}

/** One call of one part of the model. */
export interface WatchedCall {
  readonly path: string;
  readonly module: AnyModule;
  readonly step: number;
  readonly args: readonly unknown[];
  /** Computes it, from these or from other arguments. */
  readonly run: (...args: readonly unknown[]) => unknown;
}

/**
 * @param parts those of the model whose calls are watched, by path. A part with several names goes by the first.
 * @throws ValueError unless `every` and `keep` are whole numbers of 1 or more; UsageError for an async `when`.
 */
export function recordingSteps<Call extends { readonly path: string }, Row>(
  who: string,
  { every = 1, when, keep }: RecordingOptions,
  parts: readonly (readonly [string, AnyModule])[],
  { watch, rowsOf }: Watcher<Call, Row>,
): Recording<Row> {
  checkWhole(who, "every", every, 1);
  if (when !== undefined) checkNow(who, "when", when);
  if (keep !== undefined) checkWhole(who, "keep", keep, 1);
  const rows: Row[] = [];
  let calls: Call[] = [];
  let step = 0;
  let recording = false;
  let again = false;

  const begin = (number: number): void => {
    step = number;
    recording = false;
    recording = step % every === 0 && (when === undefined || callNow(who, "when", when, step));
  };
  const note = (call: Call): void => void calls.push(call);
  const watching = (path: string, module: AnyModule): Forward => {
    const forward = module.forward as (...args: unknown[]) => unknown;
    const run = (...args: readonly unknown[]): unknown => forward.apply(module, [...args]);
    return (...args: unknown[]) => {
      // An instrument that looks at the model between two steps is no part of the training.
      if (!recording || isMeasured(module)) return run(...args);
      again ||= isCollecting();
      return watch({ path, module, step, args, run }, note);
    };
  };
  const flush = (grads?: StepInfo["grads"]): void => {
    // Checkpoints compute their parts again, the last first.
    const order = new Map(parts.map(([path], i) => [path, i]));
    if (again) calls.sort((a, b) => order.get(a.path)! - order.get(b.path)!);
    rows.push(...rowsOf(calls, step, grads));
    calls = [];
    again = false;
    if (keep !== undefined && rows.length > keep) rows.splice(0, rows.length - keep);
  };

  return {
    rows,
    onStep: (info) => {
      checkStepInfo(who, info);
      flush(info.grads);
      begin(info.step + 1);
    },
    during: async (fn) => {
      checkFunction(`${who}.during`, "the training", fn);
      begin(0);
      const replacements = new Map<AnyModule, Forward>();
      for (const [path, module] of parts) {
        if (!replacements.has(module)) replacements.set(module, watching(path, module));
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

/** @throws UsageError for anything but what `fit` passes to onStep. */
function checkStepInfo(who: string, info: Pick<StepInfo, "step" | "grads">): void {
  const { step, grads } = (info ?? {}) as Partial<StepInfo>;
  if (Number.isInteger(step) && typeof grads?.has === "function") return;
  throw new UsageError(`${who}.onStep: needs the argument of fit's onStep, { step, grads }, got ${describe(info)}`);
}
