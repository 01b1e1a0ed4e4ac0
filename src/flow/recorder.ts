/**
 * Statistics per layer over a whole training: one row per layer and recorded step, taken from the step's own pass.
 * Nothing is computed twice and no random number is drawn: the training goes as it would without a recorder.
 */
import { tap } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import type { StepInfo } from "../nn/fit.ts";
import { type AnyModule, checkModule, type Module } from "../nn/module.ts";
import { checkList, checkOneOf, checkTexts } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";
import { glimpse } from "./glimpse.ts";
import { distance, norm, quickNorm } from "./measure.ts";
import { isRecording } from "./preserve.ts";
import { type RecordingOptions, recordingSteps, type WatchedCall } from "./recording.ts";
import {
  type BackwardStatistics,
  backwardStatistics,
  bypassedParts,
  type ForwardStatistics,
  forwardStatistics,
  type LayerStatistics,
  standing,
  unitsOf,
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
export interface FlowRecorderOptions<K extends FlowMeasure = FlowMeasure> extends RecordingOptions {
  /** What is measured, beside the step and the layer: nothing else is computed. Default: everything. */
  only?: readonly K[];
  /** Paths of the layers that are measured. Default: all. */
  layers?: readonly string[];
}

const OPTIONS: OptionNames<FlowRecorderOptions> = { every: true, when: true, only: true, layers: true, keep: true };

/** Everything that can be measured, in the order of a row. */
const MEASURES: readonly FlowMeasure[] = [
  "kind",
  "parameters",
  "activationNorm",
  "activationRms",
  "activationMeanAbs",
  "activationZeros",
  "activationNonFinite",
  "units",
  "deadUnits",
  "gradientNorm",
  "gradientRms",
  "gradientMeanAbs",
  "gradientZeros",
  "gradientNonFinite",
  "unreachedUnits",
  "weightNorm",
  "weightGradientNorm",
  "frozen",
  "unused",
  "bypassed",
  "updateRatio",
];

/**
 * A recorder for a training of `model` by `fit`.
 *
 * If a step fails (with a NaN, say), its rows are kept as far as it came: gradients it did not compute are NaN. With `only`
 * nothing else is computed, and norms alone cost a few per cent of a step.
 *
 * @example
 * const recorder = flowRecorder(model, { every: 10 });
 * await recorder.during(() => fit(model, { data, optimizer, steps: 30, onStep: recorder.onStep }));
 * console.log(toCsv(recorder.rows));
 *
 * @example
 * const lean = flowRecorder(model, { only: ["gradientNorm", "updateRatio"], keep: 1000, when: (step) => step > 10 });
 * await lean.during(() => fit(model, { data, optimizer, steps: 30, onStep: lean.onStep }));
 * lean.rows.at(-1); // such as { step: 29, layer: "fc", gradientNorm: 0.07, updateRatio: 0.002 }
 *
 * @throws ValueError unless `every` and `keep` are whole numbers of 1 or more, for a measure or a layer that does not exist;
 * UsageError if `model` is not a model.
 */
export function flowRecorder<K extends FlowMeasure = FlowMeasure>(
  model: Module,
  options: FlowRecorderOptions<K> = {},
): FlowRecorder<K> {
  checkModule("flowRecorder", model);
  checkOptions("flowRecorder", options, OPTIONS as OptionNames<FlowRecorderOptions<K>>);
  const { only, layers: paths, ...steps } = options;
  const wants = wantsOf(only);
  const before = new Map<AnyModule, Before>();
  let bypassed: ReadonlySet<AnyModule> = new Set();
  let bypassedAt = -1;

  const watch = ({ path, module, step, args, run }: WatchedCall, note: (call: Call) => void): unknown => {
    const y = run(...args);
    if (!isTensor(y)) return y;
    const recorded = needsGrad(y);
    // If nothing is recorded at all, this is no training step but an evaluation between two of them.
    if (!recorded && !isRecording()) return y;
    // Blocks may be cut, and rejoined, from step to step.
    if (wants.has("bypassed") && bypassedAt !== step) bypassed = bypassedParts(model);
    bypassedAt = step;
    const call: Call = {
      path,
      module,
      recorded,
      units: unitsOf(y.shape),
      bypassed: bypassed.has(module),
      forward: forwardOf(y, wants),
      backward: null,
    };
    note(call);
    const trained = wants.before ? weightOf(module) : null;
    if (trained) noteBefore(before, module, step, peek(trained));
    if (!recorded || wants.backward === "nothing") return y;
    const look = (gy: Floats): void => {
      call.backward = wants.backward === "norm" ? { gradientNorm: quickNorm(gy) } : backwardStatistics(gy, y.shape);
    };
    // What a layer only passes on has other uses too, whose gradients are not this layer's; a checkpoint has no rule.
    if (!y.node || y.node.again || args.includes(y)) return tap(y, (gy) => look(peek(gy)));
    glimpse(y.node, look);
    return y;
  };
  const rowsOf = (calls: readonly Call[], step: number, grads?: StepInfo["grads"]): FlowRow[] =>
    calls.map((call) => {
      const noted = before.get(call.module);
      return chosen(rowOf(step, call, noted?.step === step ? noted : null, wants, grads), only);
    });
  return recordingSteps("flowRecorder", steps, layersOf(model, paths), { watch, rowsOf });
}

/** What has to be computed for the measures asked for. */
interface Wants {
  readonly forward: "nothing" | "norm" | "everything";
  readonly backward: "nothing" | "norm" | "everything";
  /** The weight before the update. */
  readonly before: boolean;
  readonly has: (measure: FlowMeasure) => boolean;
}

function wantsOf(only: readonly FlowMeasure[] | undefined): Wants {
  if (only === undefined) return { forward: "everything", backward: "everything", before: true, has: () => true };
  checkList("flowRecorder", "only", only);
  for (const measure of only) checkOneOf("flowRecorder", "only", measure, MEASURES);
  const has = (measure: FlowMeasure): boolean => only.includes(measure);
  const some = (from: FlowMeasure, to: FlowMeasure): Wants["forward"] => {
    const asked = MEASURES.slice(MEASURES.indexOf(from), MEASURES.indexOf(to) + 1).filter(has);
    if (asked.length === 0) return has("unused") && from === "gradientNorm" ? "norm" : "nothing";
    return asked.length === 1 && asked[0] === from ? "norm" : "everything";
  };
  return {
    forward: some("activationNorm", "deadUnits"),
    backward: some("gradientNorm", "unreachedUnits"),
    before: has("weightNorm") || has("updateRatio"),
    has,
  };
}

/** The layers that are measured: those named, or every module without parts. */
function layersOf(model: Module, paths: readonly string[] | undefined): [string, AnyModule][] {
  const layers = model.namedModules().filter(([, module]) => module.namedChildren().length === 0);
  if (paths === undefined) return layers;
  checkTexts("flowRecorder", "layers", paths);
  const unknown = paths.find((path) => !layers.some(([name]) => name === path));
  if (unknown !== undefined) throw new ValueError(`flowRecorder: the model has no layer called "${unknown}"`);
  return layers.filter(([path]) => paths.includes(path));
}

/** One call of one layer in the current step. */
interface Call {
  readonly path: string;
  readonly module: AnyModule;
  /** Whether the output was recorded, so that a gradient can arrive. */
  readonly recorded: boolean;
  readonly units: number;
  /** Whether it was part of a residual block that had its shortcut. */
  readonly bypassed: boolean;
  readonly forward: Partial<ForwardStatistics>;
  /** Null until a gradient arrives. */
  backward: Partial<BackwardStatistics> | null;
}

/** A layer's weight as it was before the update of a step; the array is used again in the next one. */
interface Before {
  step: number;
  weight: Floats;
}

function noteBefore(before: Map<AnyModule, Before>, module: AnyModule, step: number, weight: Floats): void {
  const noted = before.get(module);
  if (noted?.weight.length === weight.length) {
    noted.weight.set(weight);
    noted.step = step;
  } else before.set(module, { step, weight: weight.slice() });
}

function forwardOf(y: Tensor, { forward }: Wants): Partial<ForwardStatistics> {
  if (forward === "nothing") return {};
  return forward === "norm" ? { activationNorm: quickNorm(peek(y)) } : forwardStatistics(y);
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

/** Measures that are not asked for are not computed: what stands there is left out of the row. */
function rowOf(
  step: number,
  { path, module, recorded, units, bypassed, forward, backward }: Call,
  before: Before | null,
  wants: Wants,
  grads?: StepInfo["grads"],
): Partial<FlowRow> & Pick<FlowRow, "step" | "layer"> {
  const weight = weightOf(module);
  const weightNorm = before ? norm(before.weight) : 0;
  const moved = wants.has("updateRatio") && weight && before ? distance(peek(weight), before.weight) : 0;
  const gradient = wants.has("weightGradientNorm") && weight && grads?.has(weight) ? grads.get(weight) : null;
  return {
    step,
    layer: path,
    kind: module.constructor.name,
    ...(wants.has("parameters") && { parameters: module.parameterCount() }),
    ...forward,
    ...(backward ?? (grads || !recorded ? noGradient(units) : UNKNOWN)),
    weightNorm,
    weightGradientNorm: gradient ? norm(peek(gradient)) : 0,
    // After a failed step nobody knows whether a gradient would have arrived.
    ...((wants.has("frozen") || wants.has("unused")) &&
      standing(module, recorded, backward !== null || grads === undefined)),
    bypassed,
    updateRatio: weightNorm > 0 ? moved / weightNorm : null,
  };
}

/** The row with what was asked for alone. */
function chosen(row: Partial<FlowRow>, only: readonly FlowMeasure[] | undefined): FlowRow {
  if (only === undefined) return row as FlowRow;
  const { step, layer } = row;
  const asked: Record<string, unknown> = { step, layer };
  for (const measure of only) asked[measure] = row[measure];
  return asked as unknown as FlowRow;
}
