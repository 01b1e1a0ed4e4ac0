/**
 * Statistics per layer over a whole training: one row per layer and recorded step, of the very pass that the step was made
 * of. Nothing is computed twice, no random number is drawn: the training goes as it would without a recorder.
 */
import { tap } from "../autograd/backward.ts";
import type { StepInfo } from "../nn/fit.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { replaceForward } from "../nn/observe.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { Tensor } from "../tensor/tensor.ts";
import { norm } from "./measure.ts";
import {
  type BackwardStatistics,
  backwardStatistics,
  type ForwardStatistics,
  forwardStatistics,
  type LayerStatistics,
  weightOf,
} from "./statistics.ts";

/** A layer at a step. `weightNorm` is before the update. */
export interface FlowRow extends LayerStatistics {
  readonly step: number;
  /** ‖Δw‖/‖w‖: how far the step moved the weight. About 1e-3 is usual; null where there is no weight, or it was zero. */
  readonly updateRatio: number | null;
}

export interface FlowRecorder {
  /** To be given to `fit`, or called from its onStep. */
  readonly onStep: (info: Pick<StepInfo, "step" | "grads">) => void;
  /** Records while `fn` trains the model. */
  during<T>(fn: () => Promise<T>): Promise<T>;
  /** What was recorded so far. */
  readonly rows: readonly FlowRow[];
}

/**
 * A recorder for a training of `model` by `fit`.
 *
 * Where a step fails (a NaN, say) its rows are kept as far as the step came: gradients that it did not compute are NaN.
 *
 * @param every records the steps 0, every, 2·every, … Default 1.
 *
 * @example
 * const recorder = flowRecorder(model, { every: 10 });
 * await recorder.during(() => fit(model, { data, optimizer, steps: 30, onStep: recorder.onStep }));
 * console.log(toCsv(recorder.rows));
 *
 * @throws ValueError unless `every` is a whole number of 1 or more.
 */
export function flowRecorder(model: Module, { every = 1 }: { every?: number } = {}): FlowRecorder {
  if (!Number.isInteger(every) || every < 1) {
    throw new ValueError(`flowRecorder: every must be a whole number of 1 or more, got ${every}`);
  }
  const rows: FlowRow[] = [];
  let calls: Call[] = [];
  let step = 0;

  const watching = (path: string, module: AnyModule): ((...args: unknown[]) => unknown) => {
    const forward = module.forward as (...args: unknown[]) => unknown;
    return (...args) => {
      const y = forward.apply(module, args);
      // What is not recorded for backward is no training step: an evaluation between two of them.
      if (step % every !== 0 || !(y instanceof Tensor && y.node)) return y;
      const weight = weightOf(module)?.data.slice() ?? null;
      const call: Call = { path, module, forward: forwardStatistics(y), backward: null, weight };
      calls.push(call);
      return tap(y, (gy) => {
        call.backward = backwardStatistics(gy.data, gy.shape);
      });
    };
  };
  const flush = (grads?: StepInfo["grads"]): void => {
    rows.push(...calls.map((call) => rowOf(step, call, grads)));
    calls = [];
  };

  return {
    rows,
    onStep: (info) => {
      flush(info.grads);
      step = info.step + 1;
    },
    during: async (fn) => {
      step = 0;
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

/** One call of one layer in the step that is going on. */
interface Call {
  readonly path: string;
  readonly module: AnyModule;
  readonly forward: ForwardStatistics;
  /** Null until a gradient arrives. */
  backward: BackwardStatistics | null;
  /** As it was before the update. */
  readonly weight: Floats | null;
}

/** No gradient arrived in a step that was finished: the loss does not depend on the layer. */
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
  { path, module, forward, backward, weight: before }: Call,
  grads?: StepInfo["grads"],
): FlowRow {
  const weight = weightOf(module);
  const weightNorm = before ? norm(before) : 0;
  const moved = weight && before ? norm(weight.data.map((v, i) => v - before[i])) : 0;
  return {
    step,
    layer: path,
    kind: module.constructor.name,
    parameters: module.parameterCount(),
    ...forward,
    ...(backward ?? (grads ? noGradient(forward.units) : UNKNOWN)),
    weightNorm,
    weightGradientNorm: weight && grads?.has(weight) ? norm(grads.get(weight).data) : 0,
    updateRatio: weightNorm > 0 ? moved / weightNorm : null,
  };
}
