/** `evaluate` measures a model, and `predict` returns its outputs. Neither trains. */
import { unrecorded } from "../autograd/graph.ts";
import { checkBoolean } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { checkFinished, checkNow } from "../tensor/sync.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { inEvaluation } from "./evaluation.ts";
import type { Metrics } from "./metrics.ts";
import { checkModule, type Module } from "./module.ts";
import {
  type BatchSource,
  countExamples,
  type Input,
  joinOutputs,
  type Labels,
  type Uninferred,
} from "./training/batch.ts";
import { type Loss, lossOf } from "./training/loss.ts";
import { Means, Meter } from "./training/means.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions<
  Y = Tensor,
  L = Labels,
  K extends string = never,
  Predictions extends boolean = boolean,
> {
  /** Default: cross-entropy. Null: no loss is measured. */
  loss?: Loss<Y, L> | null;
  /** More numbers to measure, by name: `{ accuracy }`. Default: none. */
  metrics?: Metrics<Y, L, K>;
  /** Whether to keep the outputs. Default false. */
  predictions?: Predictions;
}

/** What `evaluate` returns. */
export interface Evaluation<K extends string = string, Predictions = unknown> {
  /** Mean over the examples, or over whatever the loss counts; NaN if nothing counts, or there is no loss. */
  readonly loss: number;
  /** The requested metrics, each a mean over whatever it counts; NaN if nothing counts. */
  readonly metrics: Readonly<Record<K, number>>;
  /** Number of examples. */
  readonly count: number;
  /** The outputs for all examples in the data's order, joined along axis 0 (part by part); null if not requested. */
  readonly predictions: Predictions;
}

const NAMES: OptionNames<EvaluateOptions> = { loss: true, metrics: true, predictions: true };

/**
 * Loss, metrics and, if requested, predictions of `model` over `data`, in evaluation mode and without recording.
 *
 * Each batch is computed in one go, and the mode is restored after it: code that runs while the next batch is awaited
 * finds the model unchanged.
 *
 * @example
 * const { loss, metrics } = await evaluate(model, data(), { metrics: { accuracy } });
 * console.log(loss, metrics.accuracy);
 *
 * @throws ValueError if there is no batch, or a batch has no example; the errors of the model, the loss and `fit` for
 * batches.
 */
export async function evaluate<X, Y, L = Labels, K extends string = never, P extends boolean = false>(
  model: Module<X, Y>,
  data: BatchSource<Uninferred<X>, L>,
  options: EvaluateOptions<Uninferred<Y>, L, K, P> = {},
): Promise<Evaluation<K, P extends true ? Y : null>> {
  checkOptions("evaluate", options, NAMES);
  const { loss, metrics, predictions } = options;
  if (loss !== null && loss !== undefined) checkNow("evaluate", "loss", loss);
  if (predictions !== undefined) checkBoolean("evaluate", "predictions", predictions);
  const meter = new Meter("evaluate", metrics);
  const means = new Means(meter.names);
  const outputs: Y[] = [];
  const counts: number[] = [];
  await forEachOutput("evaluate", model, data, (output, { labels }, examples) => {
    const measured = loss === null ? null : lossOf("evaluate", loss, output, labels, examples);
    means.add({
      loss: measured ? { value: measured.loss.item(), count: measured.count } : { value: 0, count: 0 },
      metrics: meter.measure(output, labels, examples),
    });
    counts.push(examples);
    if (predictions) outputs.push(output);
  });
  return {
    ...means.result(),
    count: counts.reduce((sum, count) => sum + count, 0),
    // The compiler cannot see that P is true exactly when the outputs were kept.
    predictions: (predictions ? joinOutputs("evaluate", outputs, counts) : null) as P extends true ? Y : null,
  };
}

/**
 * The outputs of `model` for all of `data`, in its order, joined along axis 0 (several outputs part by part). Runs in
 * evaluation mode and without recording. Labels are not needed.
 *
 * @example
 * const classes = argmax(await predict(model, [{ x: images }, { x: images }]), 1);
 * classes.shape; // [8]
 *
 * @throws ValueError if there is no batch, or a batch has no example.
 */
export async function predict<X, Y>(
  model: Module<X, Y>,
  data: Iterable<Input<Uninferred<X>>> | AsyncIterable<Input<Uninferred<X>>>,
): Promise<Y> {
  const outputs: Y[] = [];
  const counts: number[] = [];
  await forEachOutput("predict", model, data, (output, _, examples) => {
    outputs.push(output);
    counts.push(examples);
  });
  return joinOutputs("predict", outputs, counts);
}

/** Calls `visit` with the output for each batch, inside the step that computed it; outputs outlive it. */
async function forEachOutput<X, Y, B extends Input<X>>(
  op: string,
  model: Module<X, Y>,
  data: Iterable<B> | AsyncIterable<B>,
  visit: (output: Y, batch: B, examples: number) => void,
): Promise<void> {
  checkModule(op, model);
  checkBatches(op, data);
  let batches = 0;
  for await (const batch of data) {
    const examples = countExamples(op, `batch ${batches}`, batch);
    inEvaluation(model, () =>
      unrecorded(op, () => {
        const output = model.forward(batch.x);
        checkFinished(op, "forward", output);
        visit(output, batch, examples);
        return output;
      }),
    );
    batches++;
  }
  if (batches === 0) throw new ValueError(`${op}: the data has no batch`);
}

/** @throws UsageError for data that cannot be read batch by batch. */
export function checkBatches(op: string, data: unknown): void {
  const batches = typeof data === "object" && data !== null && !isTensor(data);
  if (batches && (Symbol.iterator in data || Symbol.asyncIterator in data)) return;
  const hint = typeof data === "function" ? ": call it" : data instanceof Promise ? ": await it first" : "";
  throw new UsageError(`${op}: the data must be batches, [{ x, labels }, …], got ${describe(data)}${hint}`);
}
