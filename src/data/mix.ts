/**
 * Mixtures of a batch's images and labels: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), as torchvision's `MixUp`
 * and `CutMix`. Image i is mixed with image i − 1, the first with the last: a batch is in random order already.
 */
import { checkAboveZero, checkList, checkObject, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { log, sigmoid } from "../tensor/math/index.ts";
import type { Rng } from "../tensor/rng.ts";
import { formatShape } from "../tensor/shape.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import type { ImageBatch } from "./loader.ts";

/** Images and, for each, the probabilities of its classes: what `crossEntropy` and `fit` take instead of labels. */
export interface MixedBatch {
  /** Images `[B, C, H, W]`. */
  readonly x: Tensor;
  /** Probabilities `[B, classes]`. */
  readonly labels: Tensor;
}

/** Options of `mixup` and `cutmix`. */
export interface MixOptions {
  /** How many classes there are. */
  readonly classes: number;
  readonly rng: Rng;
  /** λ is drawn from Beta(alpha, alpha): 1, the default, is uniform; below it, most images stay nearly whole. */
  readonly alpha?: number | undefined;
}

const OPTIONS: OptionNames<MixOptions> = { classes: true, rng: true, alpha: true };

/**
 * Each image becomes λ · itself + (1 − λ) · the one before it, and its labels likewise. One λ for the batch.
 *
 * @example
 * const mixed = mixup({ x: images, labels }, { classes: 10, alpha: 0.2, rng });
 * sum(mixed.labels, 1).toArray(); // [1.000, 1.000, 1.000, 1.000]
 * crossEntropy(model.forward(mixed.x), mixed.labels).shape; // []
 *
 * @throws ShapeError or ValueError for labels that are not as many as the images, or not classes.
 */
export function mixup(batch: ImageBatch, options: MixOptions): MixedBatch {
  checkMix("mixup", batch, options);
  const { classes, rng, alpha = 1 } = options;
  const lambda = beta(alpha, rng);
  const { data, shape } = batch.x;
  const B = shape[0];
  const size = data.length / B;
  const mixed = new Float32Array(data.length);
  for (let n = 0; n < B; n++) {
    const other = (n + B - 1) % B;
    for (let i = 0; i < size; i++) {
      mixed[n * size + i] = lambda * data[n * size + i] + (1 - lambda) * data[other * size + i];
    }
  }
  return { x: owned(mixed, shape), labels: mixedLabels(batch.labels, classes, lambda) };
}

/**
 * A box at a random place of each image is that of the one before it: about a share 1 − λ of the area, less where it is cut
 * off at the border. The labels are mixed by the area. One box for the batch.
 *
 * @example
 * const mixed = cutmix({ x: images, labels }, { classes: 10, rng });
 * sum(mixed.labels, 1).toArray(); // [1.000, 1.000, 1.000, 1.000]
 * crossEntropy(model.forward(mixed.x), mixed.labels).shape; // []
 *
 * @throws ShapeError or ValueError for labels that are not as many as the images, or not classes.
 */
export function cutmix(batch: ImageBatch, options: MixOptions): MixedBatch {
  checkMix("cutmix", batch, options);
  const { classes, rng, alpha = 1 } = options;
  const { data, shape } = batch.x;
  const [B, C, H, W] = shape;
  const half = 0.5 * Math.sqrt(1 - beta(alpha, rng));
  const span = (length: number): [from: number, to: number] => {
    const middle = rng.integer(length);
    const reach = Math.floor(half * length);
    return [Math.max(0, middle - reach), Math.min(length, middle + reach)];
  };
  const [left, right] = span(W);
  const [top, bottom] = span(H);
  const mixed = Float32Array.from(data);
  for (let n = 0; n < B; n++) {
    const other = (n + B - 1) % B;
    for (let c = 0; c < C; c++) {
      for (let y = top; y < bottom; y++) {
        const row = ((other * C + c) * H + y) * W;
        mixed.set(data.subarray(row + left, row + right), ((n * C + c) * H + y) * W + left);
      }
    }
  }
  const kept = 1 - ((right - left) * (bottom - top)) / (W * H);
  return { x: owned(mixed, shape), labels: mixedLabels(batch.labels, classes, kept) };
}

function mixedLabels(labels: Int32Array, classes: number, kept: number): Tensor {
  const B = labels.length;
  const mixed = new Float32Array(B * classes);
  for (let n = 0; n < B; n++) {
    mixed[n * classes + labels[n]] += kept;
    mixed[n * classes + labels[(n + B - 1) % B]] += 1 - kept;
  }
  return owned(mixed, [B, classes]);
}

/** A number from Beta(α, α): a / (a + b) of two gamma variates, by their logarithms, which no small α makes 0. */
function beta(alpha: number, rng: Rng): number {
  return sigmoid(logGamma(alpha, rng) - logGamma(alpha, rng));
}

/** The logarithm of a number from Gamma(α): Marsaglia & Tsang 2000, below 1 by that of α + 1 (section 6). */
function logGamma(alpha: number, rng: Rng): number {
  if (alpha < 1) return logGamma(alpha + 1, rng) + log(1 - rng.uniform()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const root = 1 + c * x;
    const v = root * root * root;
    if (v > 0 && log(1 - rng.uniform()) < (x * x) / 2 + d - d * v + d * log(v)) return log(d * v);
  }
}

function checkMix(op: string, batch: ImageBatch, options: MixOptions): void {
  checkObject(op, "batch", batch);
  const { x, labels } = batch;
  checkTensor(op, "batch.x", x);
  checkObject(op, "options", options);
  checkOptions(op, options, OPTIONS);
  const { classes, rng, alpha } = options;
  checkWhole(op, "classes", classes);
  checkRng(op, rng);
  if (alpha !== undefined) checkAboveZero(op, "alpha", alpha);
  if (alpha === Infinity) throw new ValueError(`${op}: alpha must be a finite number, got ${alpha}`);
  if (x.shape.length !== 4) throw new ShapeError(`${op}: batch.x must be [B, C, H, W], got ${formatShape(x.shape)}`);
  const list: unknown = ArrayBuffer.isView(labels) ? Array.from(labels) : labels;
  checkList(op, "batch.labels", list);
  if (list.length !== x.shape[0]) {
    throw new ShapeError(`${op}: batch.labels must be ${x.shape[0]} class numbers, got ${list.length}`);
  }
  list.forEach((label, i) => {
    checkWhole(op, `batch.labels[${i}]`, label, 0, classes - 1);
  });
}
