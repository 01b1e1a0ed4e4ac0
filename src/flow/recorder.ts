/**
 * Statistics per layer over a whole training: one row per layer and recorded step, taken from the step's own pass.
 * Nothing is computed twice and no random number is drawn: the training goes as it would without a recorder.
 */
import { tap } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import type { StepInfo } from "../nn/fit.ts";
import { type AnyModule, checkModule, type Module } from "../nn/module.ts";
import { replaceForward } from "../nn/observe.ts";
import { checkFunction, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { isTensor, peek } from "../tensor/tensor.ts";
import { norm } from "./measure.ts";
import { isRecording } from "./preserve.ts";
import {
  type BackwardStatistics,
  backwardStatistics,
  bypassedParts,
  type ForwardStatistics,
  forwardStatistics,
  type LayerStatistics,
  standing,
  weightOf,
} from "./statistics.ts";

/** A layer at a step. `weightNorm` is before the update. */
export interface FlowRow extends LayerStatistics {
  readonly step: number;
  /** ‖Δw‖/‖w‖: how far the step moved the weight. About 1e-3 is usual; null if there is no weight, or it was zero. */
  readonly updateRatio: number | null;
}

/** What a row may have beside the step and the layer. */
export type FlowMeasure = Exclude<keyof FlowRow, "step" | "layer">;

/** Statistics of every layer at chosen steps of a training: what `flowRecorder` returns. */
export interface FlowRecorder<K extends FlowMeasure = FlowMeasure> {
  /** Pass it to `fit`, or call it from fit's onStep. */
  readonly onStep: (info: Pick<StepInfo, "step" | "grads">) => void;
  /** Records while `fn` trains the model. */
  during<T>(fn: () => Promise<T>): Promise<T>;
  /** The rows recorded so far. */
  readonly rows: readonly Pick<FlowRow, "step" | "layer" | K>[];
}

/** Options of `flowRecorder`. */
export interface FlowRecorderOptions<K extends FlowMeasure = FlowMeasure> {
  /** Records the steps 0, every, 2·every, … Default 1. */
  every?: number;
  /** Decides at the beginning of each of these steps whether it is recorded. Default: all are. */
  when?: (step: number) => boolean;
  /** What is measured, beside the step and the layer: nothing else is computed. Default: everything. */
  only?: readonly K[];
  /** Paths of the layers that are measured. Default: all. */
  layers?: readonly string[];
  /** How many rows are kept: the newest. Default: all. */
  keep?: number;
}

const OPTIONS: OptionNames<FlowRecorderOptions> = { every: true, when: true, only: true, layers: true, keep: true };

/**
 * A recorder for a training of `model` by `fit`.
 *
 * If a step fails (with a NaN, say), its rows are kept as far as it came: gradients it did not compute are NaN.
 *
 * @example
 * const recorder = flowRecorder(model, { every: 10 });
 * await recorder.during(() => fit(model, { data, optimizer, steps: 30, onStep: recorder.onStep }));
 * console.log(toCsv(recorder.rows));
 *
 * @throws ValueError unless `every` is a whole number of 1 or more; UsageError if `model` is not a model.
 */
export function flowRecorder(model: Module, options: FlowRecorderOptions = {}): FlowRecorder {
  checkModule("flowRecorder", model);
  checkOptions("flowRecorder", options, OPTIONS);
  const { every = 1 } = options;
  checkWhole("flowRecorder", "every", every, 1);
  const rows: FlowRow[] = [];
  let calls: Call[] = [];
  let step = 0;
  let bypassed: ReadonlySet<AnyModule> = new Set();

  const watching = (path: string, module: AnyModule): ((...args: unknown[]) => unknown) => {
    const compute = module.forward as (...args: unknown[]) => unknown;
    return (...args) => {
      const y = compute.apply(module, args);
      if (step % every !== 0 || !isTensor(y)) return y;
      const recorded = needsGrad(y);
      // If nothing is recorded at all, this is no training step but an evaluation between two of them.
      if (!recorded && !isRecording()) return y;
      const trained = weightOf(module);
      const weight = trained && peek(trained).slice();
      const forward = forwardStatistics(y);
      const call: Call = { path, module, recorded, forward, backward: null, weight };
      calls.push(call);
      if (!recorded) return y;
      return tap(y, (gy) => {
        call.backward = backwardStatistics(peek(gy), gy.shape);
      });
    };
  };
  const flush = (grads?: StepInfo["grads"]): void => {
    for (const call of calls) rows.push(rowOf(step, call, bypassed.has(call.module), grads));
    calls = [];
  };

  return {
    rows,
    onStep: (info) => {
      checkStepInfo(info);
      flush(info.grads);
      step = info.step + 1;
    },
    during: async (fn) => {
      checkFunction("flowRecorder.during", "the training", fn);
      step = 0;
      bypassed = bypassedParts(model);
      const layers = model.namedModules().filter(([, module]) => module.namedChildren().length === 0);
      const putBack = replaceForward(new Map(layers.map(([path, module]) => [module, watching(path, module)])));
      try {
        return await fn();
      } finally {
        putBack();
        flush();
      }
    },
  };
}

/** One call of one layer in the current step. */
interface Call {
  readonly path: string;
  readonly module: AnyModule;
  /** Whether the output was recorded, so that a gradient can arrive. */
  readonly recorded: boolean;
  readonly forward: ForwardStatistics;
  /** Null until a gradient arrives. */
  backward: BackwardStatistics | null;
  /** The weight before the update. */
  readonly weight: Floats | null;
}

function checkStepInfo(info: Pick<StepInfo, "step" | "grads">): void {
  const { step, grads } = (info ?? {}) as Partial<StepInfo>;
  if (Number.isInteger(step) && typeof grads?.has === "function") return;
  throw new UsageError(
    `flowRecorder.onStep: needs the argument of fit's onStep, { step, grads }, got ${describe(info)}`,
  );
}

/** No gradient arrived: the loss does not depend on the layer, or nobody asked for one. */
const noGradient = (units: number): BackwardStatistics => ({
  gradientNorm: 0,
  gradientRms: 0,
  gradientMeanAbs: 0,
  gradientZeros: 1,
  gradientNonFinite: 0,
  unreachedUnits: units,
});

/** The step ended before a gradient could arrive. */
const UNKNOWN: BackwardStatistics = {
  gradientNorm: Number.NaN,
  gradientRms: Number.NaN,
  gradientMeanAbs: Number.NaN,
  gradientZeros: Number.NaN,
  gradientNonFinite: Number.NaN,
  unreachedUnits: Number.NaN,
};

function rowOf(
  step: number,
  { path, module, recorded, forward, backward, weight: before }: Call,
  bypassed: boolean,
  grads?: StepInfo["grads"],
): FlowRow {
  const weight = weightOf(module);
  const weightNorm = before ? norm(before) : 0;
  const moved = weight && before ? norm(peek(weight).map((v, i) => v - before[i])) : 0;
  return {
    step,
    layer: path,
    kind: module.constructor.name,
    parameters: module.parameterCount(),
    ...forward,
    ...(backward ?? (grads || !recorded ? noGradient(forward.units) : UNKNOWN)),
    weightNorm,
    weightGradientNorm: weight && grads?.has(weight) ? norm(peek(grads.get(weight))) : 0,
    // After a failed step nobody knows whether a gradient would have arrived.
    ...standing(module, recorded, backward !== null || grads === undefined),
    bypassed,
    updateRatio: weightNorm > 0 ? moved / weightNorm : null,
  };
}
