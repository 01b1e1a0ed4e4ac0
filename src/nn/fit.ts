/**
 * `fit`: the training loop, and `evaluate`: the measuring loop.
 *
 * One step is: forward, loss, backward, update. Everything the loop knows is handed to `onStep`, so that a program which
 * wants to draw, log, measure gradients or stop needs no loop of its own. Next: optim/, what an update is.
 */
import { type Gradients, valueAndGrad } from "../autograd/backward.ts";
import { noGrad } from "../autograd/graph.ts";
import { crossEntropy } from "../autograd/losses.ts";
import { SkipstoneError, ValueError } from "../tensor/errors.ts";
import { peek, Tensor } from "../tensor/tensor.ts";
import { accuracy } from "./metrics.ts";
import { switchMode } from "./mode.ts";
import type { Module } from "./module.ts";
import { clipGradNorm, gradNorm } from "./optim/clip.ts";
import type { Optimizer } from "./optim/optimizer.ts";
import type { Schedule } from "./optim/schedules.ts";

/** What the network should say: a class per image, or a tensor where the loss takes one. */
export type Labels = ArrayLike<number> | Tensor;

export interface Batch {
  /** Images `[N, C, H, W]`, or whatever the model takes. */
  readonly x: Tensor;
  readonly labels: Labels;
}

/** From the model's output and the labels to a scalar: what is made small. */
export type Loss = (output: Tensor, labels: Labels) => Tensor;

export interface StepRecord {
  /** Number of the step, from 0, across epochs. */
  readonly step: number;
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** Of this batch, before the update. */
  readonly loss: number;
  /** Fraction of this batch classified correctly before the update; NaN where labels are not classes. */
  readonly accuracy: number;
  /** Learning rate of the update. */
  readonly lr: number;
  /** Norm of all the parameters' gradients, before clipping. */
  readonly gradNorm: number;
  /** Since the start of `fit`, callbacks included. */
  readonly seconds: number;
}

/** What `onStep` sees: the record, and the tensors of the step. */
export interface StepInfo extends StepRecord {
  readonly batch: Batch;
  readonly logits: Tensor;
  /** ∂loss/∂parameter, before clipping. The parameters themselves have been updated. */
  readonly grads: Gradients;
}

export interface EpochRecord {
  readonly epoch: number;
  /** Number of steps done so far. */
  readonly steps: number;
  /** Means over the epoch's examples, each measured before the update it led to. */
  readonly loss: number;
  readonly accuracy: number;
  /** Since the start of `fit`, callbacks included. */
  readonly seconds: number;
}

/** Returning (or resolving to) false ends the training after this step or epoch. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing must fit
export type Answer = void | boolean | Promise<void | boolean>;

export interface FitOptions {
  /** The batches of an epoch. Called once per epoch, with its number from 0. */
  data: (epoch: number) => Iterable<Batch> | AsyncIterable<Batch>;
  optimizer: Optimizer;
  /** Ends after so many passes over the data. At least one of `epochs` and `steps` is needed; the first to end counts. */
  epochs?: number;
  /** Ends after so many updates. */
  steps?: number;
  /** Sets the learning rate (and, from an object, the momentum) before each step. Default: the optimiser's own. */
  schedule?: Schedule | { readonly lr: Schedule; readonly momentum?: Schedule };
  /** Default: cross-entropy. */
  loss?: Loss;
  /** Scales the gradients down to this norm where theirs is larger. Default: never. */
  clipNorm?: number;
  onStep?: (info: StepInfo) => Answer;
  onEpoch?: (record: EpochRecord) => Answer;
}

export interface History {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
  /** Whether a callback ended the training. */
  readonly stopped: boolean;
}

/** Training that cannot go on: a loss or gradient that is NaN or infinite. The model is as it was before the step. */
export class TrainingError extends SkipstoneError {
  override readonly name = "TrainingError";
  readonly step: number;
  readonly lr: number;

  constructor(message: string, step: number, lr: number) {
    super(message);
    this.step = step;
    this.lr = lr;
  }
}

/**
 * Trains `model` in training mode, and puts the mode back.
 *
 * The loop is synchronous between callbacks: a program with timers or signals to serve gives an `onStep` that waits for
 * a turn of the event loop.
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
 *   onStep: ({ step, loss }) => console.log(step, loss),
 * });
 *
 * @throws TrainingError that names the step and the learning rate if the loss or a gradient is NaN or infinite; ValueError
 * if neither `epochs` nor `steps` is given, or the data has no batch.
 */
export async function fit(model: Module, options: FitOptions): Promise<History> {
  const { data, optimizer, schedule, epochs, steps, loss = defaultLoss, clipNorm, onStep, onEpoch } = options;
  if (epochs === undefined && steps === undefined) throw new ValueError("fit: give epochs, steps, or both");
  checkCount("epochs", epochs);
  checkCount("steps", steps);
  const { lr: lrAt, momentum: momentumAt = undefined } =
    typeof schedule === "function" ? { lr: schedule } : (schedule ?? { lr: undefined });

  const started = Date.now();
  const elapsed = (): number => (Date.now() - started) / 1000;
  const stepRecords: StepRecord[] = [];
  const epochRecords: EpochRecord[] = [];
  let stopped = false;
  const finished = (epoch: number): boolean =>
    stopped || epoch >= (epochs ?? Infinity) || stepRecords.length >= (steps ?? Infinity);

  const buffers = new SavedBuffers(model);
  const putBack = switchMode(model, true);
  try {
    for (let epoch = 0; !finished(epoch); epoch++) {
      const mean = new Means();
      for await (const batch of data(epoch)) {
        const step = stepRecords.length;
        if (lrAt) optimizer.lr = lrAt(step);
        if (momentumAt) optimizer.momentum = momentumAt(step);
        const lr = optimizer.lr;
        buffers.save();
        const { value, grads, norm } = buffers.restoringOnError(() => {
          const { value, grads } = valueAndGrad(() => {
            const logits = model.forward(batch.x);
            const scalar = loss(logits, batch.labels);
            checkFinite("loss", scalar.item(), step, lr);
            return { loss: scalar, logits };
          });
          const norm = gradNorm(grads, optimizer.parameters);
          checkFinite("norm of the gradients", norm, step, lr);
          return { value, grads, norm };
        });
        optimizer.step(clipNorm === undefined ? grads : clipGradNorm(grads, optimizer.parameters, clipNorm).grads);

        const correct = accuracyOf(value.logits, batch.labels);
        const record: StepRecord = {
          step,
          epoch,
          loss: value.loss.item(),
          accuracy: correct,
          lr,
          gradNorm: norm,
          seconds: elapsed(),
        };
        stepRecords.push(record);
        mean.add(record.loss, correct, batch.x.shape[0]);
        if ((await onStep?.({ ...record, batch, logits: value.logits, grads })) === false) stopped = true;
        if (stopped || stepRecords.length >= (steps ?? Infinity)) break;
      }
      if (mean.count === 0) throw new ValueError(`fit: the data of epoch ${epoch} has no batch`);
      const record = { epoch, steps: stepRecords.length, ...mean.result(), seconds: elapsed() };
      epochRecords.push(record);
      if ((await onEpoch?.(record)) === false) stopped = true;
    }
  } finally {
    putBack();
  }
  return { steps: stepRecords, epochs: epochRecords, stopped };
}

export interface Evaluation {
  /** Mean over the examples. */
  readonly loss: number;
  /** Fraction classified correctly; NaN where labels are not classes. */
  readonly accuracy: number;
  /** Number of examples. */
  readonly count: number;
}

/**
 * Loss and accuracy of `model` over `data`, in evaluation mode and without recording; the mode is put back.
 *
 * @throws ValueError if there is no batch.
 */
export function evaluate(
  model: Module,
  data: Iterable<Batch>,
  { loss = defaultLoss }: { loss?: Loss } = {},
): Evaluation {
  const mean = new Means();
  const putBack = switchMode(model, false);
  try {
    for (const { x, labels } of data) {
      noGrad(() => {
        const logits = model.forward(x);
        mean.add(loss(logits, labels).item(), accuracyOf(logits, labels), x.shape[0]);
      });
    }
  } finally {
    putBack();
  }
  if (mean.count === 0) throw new ValueError("evaluate: the data has no batch");
  return { ...mean.result(), count: mean.count };
}

/** A copy of the running statistics, so that a step that fails (NaN, a label out of range) leaves no trace in them. */
class SavedBuffers {
  readonly #tensors: readonly Tensor[];
  readonly #copies: readonly Float64Array[];

  constructor(model: Module) {
    this.#tensors = model.namedBuffers().map(([, t]) => t);
    this.#copies = this.#tensors.map((t) => new Float64Array(t.size));
  }

  save(): void {
    this.#tensors.forEach((t, i) => {
      this.#copies[i].set(peek(t));
    });
  }

  restoringOnError<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      this.#tensors.forEach((t, i) => {
        t.assign(this.#copies[i]);
      });
      throw error;
    }
  }
}

/** Means weighted by the number of examples: the last batch of an epoch is often smaller. */
class Means {
  count = 0;
  #loss = 0;
  #accuracy = 0;

  add(loss: number, accuracy: number, count: number): void {
    this.count += count;
    this.#loss += loss * count;
    this.#accuracy += accuracy * count;
  }

  result(): { loss: number; accuracy: number } {
    return { loss: this.#loss / this.count, accuracy: this.#accuracy / this.count };
  }
}

function defaultLoss(logits: Tensor, labels: Labels): Tensor {
  return crossEntropy(logits, labels);
}

function accuracyOf(logits: Tensor, labels: Labels): number {
  return labels instanceof Tensor || logits.rank !== 2 ? Number.NaN : accuracy(logits, labels);
}

function checkCount(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
    throw new ValueError(`fit: ${name} must be a whole number of 0 or more, got ${value}`);
  }
}

function checkFinite(what: string, value: number, step: number, lr: number): void {
  if (!Number.isFinite(value)) {
    throw new TrainingError(
      `fit: the ${what} is ${value} at step ${step} (learning rate ${lr}): the model is as it was before this step. A smaller learning rate, warm-up or clipping may help`,
      step,
      lr,
    );
  }
}
