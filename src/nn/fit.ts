/**
 * `fit`: the training loop.
 *
 * One step is: forward, loss, backward, update. `onStep` gets everything the loop knows, so a program that draws, logs,
 * measures gradients or stops needs no loop of its own. Errors are found before anything is changed: they leave
 * parameters, running statistics and the optimiser as they were before the step.
 * Next: training/step.ts, one step; optim/, the updates; evaluate.ts, measuring without training.
 */
import type { Gradients } from "../autograd/backward.ts";
import { checkAboveZero, checkFunction, checkObject, checkOneOf, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { checkCallback, checkNow } from "../tensor/sync.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { switchMode } from "./evaluation.ts";
import type { Metrics } from "./metrics.ts";
import { isResting } from "./mode.ts";
import { type AnyModule, checkModule, type Module } from "./module.ts";
import type { Optimizer } from "./optim/optimizer.ts";
import type { Schedule } from "./optim/schedules.ts";
import type { Batch, BatchSource, Labels, Uninferred } from "./training/batch.ts";
import type { Checkpoint } from "./training/checkpoint.ts";
import { claim } from "./training/claim.ts";
import type { Loss } from "./training/loss.ts";
import { byName, Meter } from "./training/means.ts";
import { Progress } from "./training/progress.ts";
import { type Schedules, schedulesOf, setRates } from "./training/rates.ts";
import { type SkippedBatch, Stepper, TrainingError } from "./training/step.ts";

/** What `fit` reports after a step. */
export interface StepRecord<K extends string = string> {
  /** Number of the step, from 0, across epochs. A step is one update. */
  readonly step: number;
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** Loss of the step's examples, before the update. */
  readonly loss: number;
  /** The requested metrics of the step's examples, before the update; NaN where nothing counts. */
  readonly metrics: Readonly<Record<K, number>>;
  /** Learning rate of the update. */
  readonly lr: number;
  /** Norm of the gradients of all the optimiser's parameters, before clipping. */
  readonly gradNorm: number;
  /** Seconds since the start of `fit`, callbacks included. */
  readonly seconds: number;
}

/** What `onStep` sees: the record, and the tensors of the step. */
export interface StepInfo<X = Tensor, Y = Tensor, L = Labels, K extends string = string> extends StepRecord<K> {
  /** The batches the step learned from: one, or several with `accumulate`. */
  readonly batches: readonly Batch<X, L>[];
  /** The model's output for each of them, before the update. */
  readonly outputs: readonly Y[];
  /** ∂loss/∂parameter, before clipping. The parameters themselves are already updated. */
  readonly grads: Gradients;
  /** The training after this step, to be saved: `resume` goes on from there. To be called before the callback ends. */
  checkpoint(): Checkpoint;
}

/** What `fit` reports at the end of an epoch. */
export interface EpochRecord<K extends string = string> {
  readonly epoch: number;
  /** Number of steps done so far. */
  readonly steps: number;
  /** Mean over the epoch's examples (or whatever the loss counts), each measured before its update. */
  readonly loss: number;
  /** Likewise, each a mean over whatever it counts; NaN if nothing did. */
  readonly metrics: Readonly<Record<K, number>>;
  /** Seconds since the start of `fit`, callbacks included. */
  readonly seconds: number;
}

/** What `onEpoch` sees. */
export interface EpochInfo<K extends string = string> extends EpochRecord<K> {
  /** The training after this epoch, to be saved: `resume` goes on with the next one. To be called before the callback ends. */
  checkpoint(): Checkpoint;
}

/** A callback that returns (or resolves to) false ends the training after this step or epoch. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing must fit
export type Answer = void | boolean | Promise<void | boolean>;

/** Options of `fit`. */
export interface FitOptions<X = Tensor, Y = Tensor, L = Labels, K extends string = never> {
  /** The batches of an epoch. Called once per epoch, with its number from 0. */
  data: (epoch: number) => BatchSource<X, L> | Promise<BatchSource<X, L>>;
  optimizer: Optimizer;
  /** Ends after this many passes over the data. Give `epochs`, `steps` or both; the first one reached counts. */
  epochs?: number;
  /** Ends after this many updates. */
  steps?: number;
  /** Sets the learning rate (and, from an object, the momentum) before each step. Default: the optimiser's own. */
  schedule?: Schedule | Schedules;
  /** Default: cross-entropy. */
  loss?: Loss<Y, L>;
  /** More numbers to report, by name: `{ accuracy }`. They see the outputs before the update. Default: none. */
  metrics?: Metrics<Y, L, K>;
  /**
   * How many batches make one step. Their gradients are averaged with the weights of their losses, as if they were one
   * large batch (batch norm still sees each separately). The rest at the end of an epoch makes a smaller step. Default
   * 1.
   */
  accumulate?: number;
  /** Scales larger gradients down to this norm. Default: never. */
  clipNorm?: number;
  /**
   * How to treat a batch whose loss or gradient is NaN or infinite: `"stop"` (the default) throws a TrainingError;
   * `"skip"` leaves it out, without a trace in the model, and notes it in the history.
   */
  badBatches?: "stop" | "skip";
  onStep?: (info: StepInfo<X, Y, L, K>) => Answer;
  onEpoch?: (info: EpochInfo<K>) => Answer;
  /**
   * Goes on from a checkpoint as if the training had never stopped, to the bit: model, optimiser, the state of a schedule that
   * has one, generators, epoch and place in it. Everything else is made again by the program as it was made then, `data` above all: it is called for the
   * checkpoint's epoch, and the batches that were taken are left out. `steps` and `epochs` count from the beginning of the
   * training; the history begins here. Null or undefined: the training begins.
   */
  resume?: Checkpoint | null;
  /**
   * The generators of random numbers that `data`, the loss and callbacks use, by any name, so that a checkpoint has their state.
   * That of `batches` is known by itself, and so are those in properties of the model's parts, but not in #private fields.
   */
  generators?: Readonly<Record<string, Rng>>;
  /**
   * Modules beside the model that the training changes, by any name: a loss with weights or statistics of its own. A checkpoint
   * has their parameters and buffers, and a step that fails leaves no trace in their buffers either.
   */
  modules?: Readonly<Record<string, AnyModule>>;
}

/** What `fit` returns: losses, metrics and times. */
export interface History<K extends string = string> {
  readonly steps: readonly StepRecord<K>[];
  readonly epochs: readonly EpochRecord<K>[];
  /** The bad batches that were left out. */
  readonly skipped: readonly SkippedBatch[];
  /** Whether a callback ended the training. */
  readonly stopped: boolean;
}

const NAMES: OptionNames<FitOptions> = {
  data: true,
  optimizer: true,
  epochs: true,
  steps: true,
  schedule: true,
  loss: true,
  metrics: true,
  accumulate: true,
  clipNorm: true,
  badBatches: true,
  onStep: true,
  onEpoch: true,
  resume: true,
  generators: true,
  modules: true,
};

/**
 * Trains `model`.
 *
 * A model in training (as it is when made) is trained as it is: a part in evaluation, such as a frozen batch norm,
 * stays there. A model in evaluation is put into training; at the end every part gets its own mode back.
 *
 * The loop is synchronous between callbacks: a program that must serve timers or signals passes an `onStep` that waits
 * for a turn of the event loop.
 *
 * @example
 * const rng = new Rng(0);
 * const model = cifarResNet(8, { width: 4, rng });
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-4 });
 * const history = await fit(model, {
 *   data: () => batches(train, { batchSize: 32, rng }),
 *   optimizer,
 *   schedule: schedules.cosine(0.1, { steps: 100 }),
 *   steps: 100,
 *   metrics: { accuracy },
 *   onStep: ({ step, loss, metrics }) => console.log(step, loss, metrics.accuracy),
 * });
 *
 * @throws TrainingError with the step and the learning rate if the loss or a gradient is NaN or infinite; ValueError if
 * neither `epochs` nor `steps` is given, the data has no batch or a batch no example, or a schedule gives no valid
 * rate; UsageError for another model's optimiser, a model in evaluation, or one that is already being trained.
 */
export async function fit<X, Y, L = Labels, K extends string = never>(
  model: Module<X, Y>,
  options: FitOptions<Uninferred<X>, Uninferred<Y>, L, K>,
): Promise<History<K>> {
  checkModule("fit", model);
  checkFitOptions(options);
  const { optimizer, epochs = Infinity, steps = Infinity, accumulate = 1, onStep, onEpoch } = options;
  const schedule = schedulesOf(options.schedule);
  const meter = new Meter("fit", options.metrics);

  const stepRecords: StepRecord<K>[] = [];
  const epochRecords: EpochRecord<K>[] = [];
  let stopped = false;

  const disown = claim("fit", model, optimizer);
  let putBack = (): void => {};
  try {
    if (isResting(model)) putBack = switchMode(model, true);
    const progress = new Progress<X, L, K>(model, optimizer, meter.names, { ...options, schedule });
    const checkpoint = (): Checkpoint => progress.checkpoint();
    const stepper = new Stepper(model, optimizer, meter, {
      loss: options.loss,
      clipNorm: options.clipNorm,
      skipBad: options.badBatches === "skip",
      others: Object.values(options.modules ?? {}),
    });
    for (; !stopped && progress.epoch < epochs && progress.step < steps; progress.nextEpoch()) {
      const { epoch } = progress;
      let isCut = false;
      for await (const group of progress.groups(accumulate)) {
        const { step } = progress;
        checkTraining(model, step);
        setRates(optimizer, schedule, step);
        const update = stepper.take(group, { step, epoch, firstBatch: progress.batch });
        progress.took(group);
        if (!update) continue;

        const { measurement, gradNorm, ...tensors } = update;
        progress.add(measurement);
        const loss = measurement.loss.value;
        const metrics = byName(meter.names, (name) => measurement.metrics[name].value);
        const record = { step, epoch, loss, metrics, lr: optimizer.lr, gradNorm, seconds: progress.seconds };
        stepRecords.push(record);
        const answer = await progress.tell(() => onStep?.({ ...record, ...tensors, checkpoint }));
        if (answer === false) stopped = true;
        isCut = stopped || progress.step >= steps;
        if (isCut) break;
      }
      // A checkpoint that was made after this epoch: only its data had to be gone through.
      if (progress.epochDone) continue;
      checkLearned(progress, stepper, optimizer.lr);
      const record = { epoch, steps: progress.step, ...progress.means, seconds: progress.seconds };
      epochRecords.push(record);
      if (isCut) progress.cutEpoch();
      else progress.endEpoch();
      const answer = await progress.tell(() => onEpoch?.({ ...record, checkpoint }));
      if (answer === false) stopped = true;
    }
    await progress.finish();
    return { steps: stepRecords, epochs: epochRecords, skipped: stepper.skipped, stopped };
  } finally {
    putBack();
    disown();
  }
}

/** Throws unless the epoch had a batch, and one that was good. */
function checkLearned(
  { epoch, batch, step, means }: Pick<Progress<never, never, string>, "epoch" | "batch" | "step" | "means">,
  { skipped }: Pick<Stepper<never, never>, "skipped">,
  lr: number,
): void {
  if (batch === 0) {
    const hint = epoch > 0 ? ": a generator can be read once, data must make a new one for each epoch" : "";
    throw new ValueError(`fit: the data of epoch ${epoch} has no batch${hint}`);
  }
  if (!Number.isNaN(means.loss)) return;
  const { reason } = skipped[skipped.length - 1];
  throw new TrainingError(`fit: every batch of epoch ${epoch} was bad, the last because ${reason}`, step, lr);
}

/**
 * If the user forgot to end evaluation, running statistics would silently not move and nothing would be dropped. But a
 * model that is frozen except for a part of it is in evaluation, and may be trained.
 */
function checkTraining(model: Module<never, unknown>, step: number): void {
  if (!isResting(model)) return;
  throw new UsageError(
    `fit: the model is in evaluation at step ${step}: a callback or the data called eval() without train() afterwards (evaluate and predict restore the mode themselves)`,
  );
}

function checkFitOptions<X, Y, L, K extends string>(options: FitOptions<X, Y, L, K>): void {
  if (options === undefined) {
    throw new UsageError("fit: options are missing: fit(model, { data, optimizer, epochs })");
  }
  checkOptions<FitOptions<X, Y, L, K>>("fit", options, NAMES);
  const { data, optimizer, epochs, steps, loss, accumulate, clipNorm, badBatches, onStep, onEpoch, modules } = options;
  checkFunction("fit", "data", data, "a function that gives the batches of an epoch, data: () => batches");
  const { step, parameters } = (optimizer ?? {}) as Partial<Optimizer>;
  if (typeof step !== "function" || !Array.isArray(parameters) || !parameters.every(isTensor)) {
    throw new UsageError(
      `fit: optimizer must be an optimiser, such as new SGD(model.parameters(), { lr: 0.1 }), got ${describe(optimizer)}`,
    );
  }
  checkNow("fit", "the optimiser's step", step);
  if (loss !== undefined) checkNow("fit", "loss", loss);
  for (const [name, callback] of Object.entries({ onStep, onEpoch })) {
    if (callback !== undefined) checkCallback("fit", name, callback);
  }
  if (epochs === undefined && steps === undefined) throw new ValueError("fit: give epochs, steps, or both");
  if (epochs !== undefined) checkWhole("fit", "epochs", epochs, 0);
  if (steps !== undefined) checkWhole("fit", "steps", steps, 0);
  if (accumulate !== undefined) checkWhole("fit", "accumulate", accumulate);
  if (clipNorm !== undefined) checkAboveZero("fit", "clipNorm", clipNorm);
  if (modules !== undefined) {
    checkObject("fit", "modules", modules);
    for (const module of Object.values(modules)) checkModule("fit", module);
  }
  if (badBatches !== undefined) checkOneOf("fit", "badBatches", badBatches, ["stop", "skip"]);
}
