/**
 * One step of `fit`: from a few batches to one update, or to an error that changes nothing.
 *
 * Before the optimiser's turn only running statistics are written, and an error restores them. The optimiser checks
 * everything before it writes its first parameter.
 */
import { type Gradients, valueAndGrad } from "../../autograd/backward.ts";
import { SkipstoneError, UsageError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/shape.ts";
import { checkFinished } from "../../tensor/sync.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkNamedLeaves } from "../leaves.ts";
import type { AnyModule, Module } from "../module.ts";
import { clipGradNorm, gradNorm } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { tensorsIn } from "../tensors-in.ts";
import { type Batch, countExamples, type Labels } from "./batch.ts";
import { type Loss, lossOf } from "./loss.ts";
import { byName, type Measurement, type Meter, meanOf } from "./means.ts";
import { SavedBuffers } from "./saved-buffers.ts";

/**
 * Training that cannot go on: a loss or gradient is NaN or infinite. The model is as it was before the step.
 *
 * @example
 * const batches = () => [{ x: full([4, 3, 12, 12], NaN), labels }];
 * fit(model, { data: batches, optimizer, epochs: 1 }); // throws TrainingError: fit:
 */
export class TrainingError extends SkipstoneError {
  override readonly name = "TrainingError";
  readonly step: number;
  readonly lr: number;
  /** What was wrong, in a few words. */
  readonly reason: string;

  constructor(message: string, step: number, lr: number, reason: string = message) {
    super(message);
    this.step = step;
    this.lr = lr;
    this.reason = reason;
  }
}

/** A batch that `badBatches: "skip"` left out. */
export interface SkippedBatch {
  /** Number of the step that it would have belonged to. */
  readonly step: number;
  readonly epoch: number;
  /** Its number in the epoch, from 0. */
  readonly batch: number;
  /** What was wrong with it. */
  readonly reason: string;
}

/** The position of a step in the training. */
export interface Place {
  readonly step: number;
  readonly epoch: number;
  /** Number in the epoch of the step's first batch. */
  readonly firstBatch: number;
}

/** The result of a step. */
export interface Update<X, Y, L, K extends string> {
  readonly batches: readonly Batch<X, L>[];
  readonly outputs: readonly Y[];
  /** Before clipping. */
  readonly grads: Gradients;
  readonly gradNorm: number;
  readonly measurement: Measurement<K>;
}

/** The result for one of its batches. */
interface Pass<Y, K extends string> extends Measurement<K> {
  readonly output: Y;
  readonly grads: Gradients;
  readonly gradNorm: number;
}

export interface StepperOptions<Y, L> {
  readonly loss: Loss<Y, L> | undefined;
  readonly clipNorm: number | undefined;
  readonly skipBad: boolean;
  /** Modules beside the model, whose buffers the loss may change. */
  readonly others: readonly AnyModule[];
}

/** For a model that has changed since the training began. */
const REMEDY = "end this fit, and start another with an optimiser for the changed model";

/** So many bad batches in a row are no accident: endless data would otherwise be skipped for ever. */
const BAD_IN_A_ROW = 100;

export class Stepper<X, Y, L = Labels, K extends string = string> {
  readonly skipped: SkippedBatch[] = [];
  readonly #model: Module<X, Y>;
  readonly #optimizer: Optimizer;
  readonly #options: StepperOptions<Y, L>;
  readonly #meter: Meter<Y, L, K>;
  /** The model's parameters as they were at the beginning. */
  readonly #own: ReadonlySet<Tensor>;
  /** Every leaf that may have a gradient. */
  readonly #known: ReadonlySet<Tensor>;
  readonly #beforeStep: SavedBuffers;
  readonly #beforeBatch: SavedBuffers;
  #badInARow = 0;
  #hasStepped = false;

  constructor(model: Module<X, Y>, optimizer: Optimizer, meter: Meter<Y, L, K>, options: StepperOptions<Y, L>) {
    this.#model = model;
    this.#optimizer = optimizer;
    this.#meter = meter;
    this.#options = options;
    this.#own = new Set(model.parameters());
    this.#known = new Set([...this.#own, ...optimizer.parameters]);
    this.#beforeStep = new SavedBuffers(model, options.others);
    this.#beforeBatch = new SavedBuffers(model, options.others);
  }

  /** Learns from the batches and changes the model; null if all of them were bad and skipped. */
  take(batches: readonly Batch<X, L>[], place: Place): Update<X, Y, L, K> | null {
    const { firstBatch, epoch, step } = place;
    const counts = batches.map((batch, i) => countExamples("fit", `batch ${firstBatch + i} of epoch ${epoch}`, batch));
    this.#beforeStep.save();
    try {
      const good: Batch<X, L>[] = [];
      const passes: Pass<Y, K>[] = [];
      batches.forEach((batch, i) => {
        const pass = this.#learnOrSkip(batch, counts[i], { ...place, firstBatch: firstBatch + i });
        if (!pass) return;
        good.push(batch);
        passes.push(pass);
      });
      if (passes.length === 0) return null;
      const { grads, gradNorm } = this.#average(passes, step);
      if (!this.#hasStepped) checkReach(this.#model, this.#optimizer, grads);
      else checkKept(this.#model, this.#own, this.#optimizer, grads);
      const { clipNorm } = this.#options;
      const { parameters } = this.#optimizer;
      const clipped = clipNorm === undefined ? grads : clipGradNorm(grads, parameters, clipNorm).grads;
      checkFinished("fit", "the optimiser's step", this.#optimizer.step(clipped));
      this.#hasStepped = true;
      return {
        batches: good,
        outputs: passes.map(({ output }) => output),
        grads,
        gradNorm,
        measurement: {
          loss: meanOf(passes.map(({ loss }) => loss)),
          metrics: byName(this.#meter.names, (name) => meanOf(passes.map(({ metrics }) => metrics[name]))),
        },
      };
    } catch (error) {
      this.#beforeStep.restore();
      throw error;
    }
  }

  #learnOrSkip(batch: Batch<X, L>, examples: number, { step, epoch, firstBatch }: Place): Pass<Y, K> | null {
    if (!this.#options.skipBad) return this.#learn(batch, examples, step);
    this.#beforeBatch.save();
    try {
      const pass = this.#learn(batch, examples, step);
      this.#badInARow = 0;
      return pass;
    } catch (error) {
      if (!(error instanceof TrainingError)) throw error;
      this.#beforeBatch.restore();
      this.#beforeBatch.checkAll(this.#model);
      const { lr, reason } = error;
      this.skipped.push({ step, epoch, batch: firstBatch, reason });
      if (++this.#badInARow < BAD_IN_A_ROW) return null;
      throw new TrainingError(`fit: ${BAD_IN_A_ROW} batches in a row were bad, the last because ${reason}`, step, lr);
    }
  }

  /** Forward and backward of one batch. */
  #learn(batch: Batch<X, L>, examples: number, step: number): Pass<Y, K> {
    const { lr, parameters } = this.#optimizer;
    if (!parameters.some((w) => w.requiresGrad)) {
      throw new UsageError(
        `fit: all of the optimiser's ${parameters.length} parameters are frozen (requiresGrad = false) at step ${step}: there is nothing to train`,
      );
    }
    const { value, grads } = valueAndGrad(() => {
      const output = this.#model.forward(batch.x);
      checkFinished("fit", "forward", output);
      const { loss, count } = lossOf("fit", this.#options.loss, output, batch.labels, examples);
      if (count === 0) throw nothingCounts(step, lr);
      checkFinite("loss", loss.item(), step, lr);
      return { loss, count, output };
    });
    const norm = gradNorm(grads, parameters);
    checkFinite("norm of the gradients", norm, step, lr);
    for (const [leaf] of grads.entries()) {
      if (leaf.node || this.#known.has(leaf)) continue;
      const others = [...parameters, ...tensorsIn([batch.x, batch.labels])];
      checkNamedLeaves("fit", this.#model, grads, others);
      if (others.includes(leaf)) continue;
      throw new UsageError(
        `fit: a part with a parameter ${formatShape(leaf.shape)} was added to the model during training, but the optimiser does not have it, so it would not be trained: ${REMEDY}`,
      );
    }
    return {
      output: value.output,
      grads,
      gradNorm: norm,
      loss: { value: value.loss.item(), count: value.count },
      metrics: this.#meter.measure(value.output, batch.labels, examples),
    };
  }

  /** The gradients of the batches as if they were one: each has the weight of its loss. */
  #average(passes: readonly Pass<Y, K>[], step: number): { grads: Gradients; gradNorm: number } {
    if (passes.length === 1) return passes[0];
    let { grads, loss } = passes[0];
    let weight = loss.count;
    for (const pass of passes.slice(1)) {
      const sum = weight + pass.loss.count;
      grads = grads.times(weight / sum).plus(pass.grads.times(pass.loss.count / sum));
      weight = sum;
    }
    const norm = gradNorm(grads, this.#optimizer.parameters);
    checkFinite("norm of the gradients", norm, step, this.#optimizer.lr);
    return { grads, gradNorm: norm };
  }
}

/**
 * Checks that the optimiser is this model's: after the first backward, before the first update.
 *
 * @throws UsageError if no gradient reached any of its parameters, or missed one that is not the model's.
 */
function checkReach(model: Module<never, unknown>, optimizer: Optimizer, grads: Gradients): void {
  const own = new Set(model.parameters());
  const strange = optimizer.parameters.filter((w) => !own.has(w));
  const lost = strange.filter((w) => !grads.has(w));
  const remedy = `make one for this ${model.constructor.name}: new SGD(model.parameters(), …)`;
  if (lost.length > 0 && lost.length === optimizer.parameters.length) {
    throw new UsageError(
      `fit: none of the optimiser's ${lost.length} parameters belongs to this model, and the loss depends on none: was it made for another model? ${remedy}`,
    );
  }
  if (lost.length > 0) {
    throw new UsageError(
      `fit: ${lost.length} of the optimiser's ${optimizer.parameters.length} parameters are not this model's, and the loss does not depend on them (${shapesOf(lost)}): ${remedy}`,
    );
  }
  if (!optimizer.parameters.some((w) => grads.has(w))) {
    throw new UsageError(
      `fit: none of the optimiser's ${optimizer.parameters.length} parameters received a gradient: the loss depends on none of them`,
    );
  }
}

/**
 * Checks that the model still has the trained parameters. Searches the model's parts only if one has no gradient.
 *
 * @throws UsageError if a part of the model was replaced.
 */
function checkKept(
  model: Module<never, unknown>,
  own: ReadonlySet<Tensor>,
  { parameters }: Optimizer,
  grads: Gradients,
): void {
  const unreached = parameters.filter((w) => w.requiresGrad && own.has(w) && !grads.has(w));
  if (unreached.length === 0) return;
  const now = new Set(model.parameters());
  const lost = unreached.filter((w) => !now.has(w));
  if (lost.length === 0) return;
  throw new UsageError(
    `fit: ${lost.length} of the optimiser's ${parameters.length} parameters (${shapesOf(lost)}) left the model during training, when a part was replaced: ${REMEDY}`,
  );
}

/** Shows the first few. */
function shapesOf(tensors: readonly Tensor[]): string {
  return tensors
    .slice(0, 5)
    .map(({ shape }) => formatShape(shape))
    .join(", ");
}

function checkFinite(what: string, value: number, step: number, lr: number): void {
  if (Number.isFinite(value)) return;
  const reason = `the ${what} is ${value}`;
  throw new TrainingError(
    `fit: ${reason} at step ${step} (learning rate ${lr}): the model is as it was before this step. A smaller learning rate, warm-up or clipping may help`,
    step,
    lr,
    reason,
  );
}

function nothingCounts(step: number, lr: number): TrainingError {
  const reason = "the loss is NaN, because none of the batch's labels counts";
  return new TrainingError(
    `fit: ${reason}, at step ${step}: the model is as it was before this step. badBatches: "skip" leaves such batches out`,
    step,
    lr,
    reason,
  );
}
