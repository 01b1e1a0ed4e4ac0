/**
 * How good predictions are: numbers that `fit` and `evaluate` report besides the loss, on request.
 *
 * A metric is a function of an output and its labels. It does not affect training: a metric that fails is NaN, and says
 * why. Next: training/means.ts, which combines the numbers of several batches.
 */
import { checkNumber, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError, UsageError, ValueError } from "../tensor/errors.ts";
import { formatShape, sameShape, sizeOf } from "../tensor/shape.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";
import { isNumberList, type Labels } from "./training/batch.ts";

/** A mean, and how many things it averages: its weight where batches are combined. */
export interface Measured {
  readonly value: number;
  readonly count: number;
}

/** From an output and its labels to a number. A plain number has the weight of the batch's examples. */
export type Metric<Y = Tensor, L = Labels> = (output: Y, labels: L) => number | Measured;

/** Metrics by the names they are reported under. */
export type Metrics<Y, L, K extends string> = { readonly [Name in K]: Metric<Y, L> };

/** Options of `accuracy` and its relatives. */
export interface AccuracyOptions {
  /** A label among this many of the largest scores is right. Default 1. */
  top?: number;
  /** Samples with this label do not count. Default −100, as in cross-entropy. */
  ignoreIndex?: number;
}

const NAMES: OptionNames<AccuracyOptions> = { top: true, ignoreIndex: true };

/**
 * The fraction of samples whose label is among the `top` largest scores, and how many samples count. Among equal scores
 * the first counts as larger; a sample with a NaN at its label is wrong. Use it directly as a metric; for options, or
 * for one of several outputs, wrap it in a function.
 *
 * @param logits `[N, C]` or `[N, C, …]`.
 * @param labels N·… class numbers in row-major order; or a tensor of probabilities in the shape of the logits, whose
 * largest is the label.
 *
 * @example
 * const logits = tensor([[0.1, 0.9], [0.8, 0.2], [0, 1]]);
 * const { value, count } = accuracy(logits, [1, 1, -100]);
 * value; // 0.5
 * count; // 2
 *
 * await fit(model, { data, optimizer, steps: 1, metrics: { accuracy, top5: (o, l) => accuracy(o, l, { top: 5 }) } });
 *
 * @returns NaN with count 0 where no sample counts.
 * @throws ShapeError for labels that do not fit; ValueError for a label that is not a class, or a single class.
 */
export function accuracy(logits: Tensor, labels: Labels, options: AccuracyOptions = {}): Measured {
  checkOptions("accuracy", options, NAMES);
  const { top = 1, ignoreIndex = -100 } = options;
  checkWhole("accuracy", "top", top);
  checkNumber("accuracy", "ignoreIndex", ignoreIndex);
  checkTensor("accuracy", "logits", logits);
  const { shape } = logits;
  const data = peek(logits);
  if (shape.length < 2) {
    throw new ShapeError(`accuracy: logits must be [N, C] or [N, C, …], got ${formatShape(shape)}`);
  }
  const [N, C] = shape;
  if (C < 2) {
    throw new ValueError(
      `accuracy: logits ${formatShape(shape)} have one class, which is always the largest: write a metric that compares the output with a threshold`,
    );
  }
  const inner = sizeOf(shape.slice(2));
  const classes = classNumbers(logits, labels);
  let correct = 0;
  let count = 0;
  for (let n = 0; n < N; n++) {
    for (let i = 0; i < inner; i++) {
      const label = classes[n * inner + i];
      if (label === ignoreIndex) continue;
      if (!Number.isInteger(label) || label < 0 || label >= C) {
        throw new ValueError(
          `accuracy: label ${describe(label)} at position ${n * inner + i} is not a class: there are ${C} (${ignoreIndex}, or { ignoreIndex }, marks a label that does not count)`,
        );
      }
      count++;
      const start = n * C * inner + i;
      const own = data[start + label * inner];
      if (Number.isNaN(own)) continue;
      let before = 0;
      for (let c = 0; c < C; c++) {
        const other = data[start + c * inner];
        // A NaN elsewhere counts as larger, as it does for argmax.
        if (c < label ? !(other < own) : c > label && !(other <= own)) before++;
      }
      if (before < top) correct++;
    }
  }
  return { value: count === 0 ? Number.NaN : correct / count, count };
}

/** One number per sample, `[N, …]`; for probabilities, the position of the largest. */
function classNumbers(logits: Tensor, labels: Labels): ArrayLike<number> {
  const [N, C, ...rest] = logits.shape;
  const samples = [N, ...rest];
  if (isTensor(labels)) {
    if (sameShape(labels.shape, samples)) return peek(labels);
    if (sameShape(labels.shape, logits.shape)) return largest(peek(labels), N, C, sizeOf(rest));
    throw new ShapeError(
      `accuracy: labels must be ${formatShape(samples)} class numbers or ${formatShape(logits.shape)} probabilities, got ${formatShape(labels.shape)}`,
    );
  }
  if (!isNumberList(labels)) {
    throw new UsageError(`accuracy: labels must be class numbers or a tensor, got ${describe(labels)}`);
  }
  if (labels.length !== sizeOf(samples)) {
    throw new ShapeError(
      `accuracy: logits ${formatShape(logits.shape)} need ${sizeOf(samples)} labels, got ${labels.length}`,
    );
  }
  return labels;
}

function largest(data: ArrayLike<number>, N: number, C: number, inner: number): Int32Array {
  return Int32Array.from({ length: N * inner }, (_, sample) => {
    const start = Math.floor(sample / inner) * C * inner + (sample % inner);
    let best = 0;
    for (let c = 1; c < C; c++) if (data[start + c * inner] > data[start + best * inner]) best = c;
    return best;
  });
}
