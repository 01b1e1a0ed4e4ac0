/**
 * From a dataset to batches: ordering, pixels to numbers, augmentation, normalisation.
 *
 * Randomness comes from an explicit generator, so the same seed gives the same batches in the same order, on every
 * machine and in every thread.
 */
import { checkBoolean, checkFunction, checkList, checkObject, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import type { Augmentation } from "./augment.ts";
import { checkDataset, type Dataset, type Normalization, pixelScale } from "./dataset.ts";

/** Images with their labels, as `batches` makes them. */
export interface ImageBatch {
  /** Images `[B, C, H, W]`. */
  readonly x: Tensor;
  /** Their classes, `[B]`. */
  readonly labels: Int32Array;
}

/** Options of `batches`. */
export interface BatchOptions {
  batchSize: number;
  /** Shuffles, differently in each iteration, and feeds `augment`. Without it: the dataset's order. */
  rng?: Rng;
  /** Without it pixels are only scaled to 0 … 1. */
  normalize?: Normalization;
  /** Needs `rng`. */
  augment?: Augmentation;
  /** Leaves out a last batch that is smaller than `batchSize`. Default false. */
  dropLast?: boolean;
  /** Uses only this many of the dataset's first images. */
  limit?: number;
}

const OPTIONS: OptionNames<BatchOptions> = {
  batchSize: true,
  rng: true,
  normalize: true,
  augment: true,
  dropLast: true,
  limit: true,
};

/** Batches that can be iterated any number of times; each time is one epoch. */
export interface Batches extends Iterable<ImageBatch> {
  /** Number of batches in an epoch. */
  readonly length: number;
  /** What draws the order of the images: `fit` puts its state into a checkpoint. */
  readonly generator?: Rng;
}

/**
 * Cuts `dataset` into batches.
 *
 * @example
 * const epoch = batches(train, { batchSize: 32, rng: new Rng(1), normalize: channelStatistics(train) });
 * for (const { x, labels } of epoch) console.log(x.shape, labels.length);
 *
 * @throws ValueError if an option is out of range, or there would be no batch; UsageError for an option of another kind
 * or name; DataError for a dataset whose images do not fill its shape, or whose labels are not among its classes.
 */
export function batches(dataset: Dataset, options: BatchOptions): Batches {
  checkDataset("batches", dataset);
  const [available, C] = dataset.shape;
  checkBatchOptions(options, C);
  const { batchSize, rng, normalize, augment, dropLast = false, limit = available } = options;
  const N = Math.min(limit, available);
  const length = dropLast ? Math.floor(N / batchSize) : Math.ceil(N / batchSize);
  if (length === 0) throw new ValueError(`batches: ${N} images do not fill one batch of ${batchSize}`);
  return {
    length,
    ...(rng ? { generator: rng } : {}),
    *[Symbol.iterator]() {
      // Fork even without augmentation, so that the order of images does not depend on it.
      const augmentRng = rng?.fork("augment");
      const order = rng?.permutation(N);
      for (let b = 0; b < length; b++) {
        const start = b * batchSize;
        const size = Math.min(batchSize, N - start);
        const indices = Array.from({ length: size }, (_, i) => (order ? order[start + i] : start + i));
        yield gatherBatch(dataset, indices, normalize, augment, augmentRng);
      }
    },
  };
}

/** The images at `indices` as one batch. */
function gatherBatch(
  { images, labels, shape: [, C, H, W] }: Dataset,
  indices: readonly number[],
  normalize: Normalization | undefined,
  augment: Augmentation | undefined,
  rng: Rng | undefined,
): ImageBatch {
  const size = C * H * W;
  const plane = H * W;
  const scale = pixelScale(images);
  const x = new Float32Array(indices.length * size);
  const answers = new Int32Array(indices.length);
  indices.forEach((index, i) => {
    const image = x.subarray(i * size, (i + 1) * size);
    for (let j = 0; j < size; j++) image[j] = images[index * size + j] * scale;
    if (augment && rng) {
      const changed = augment(image, [C, H, W], rng);
      if (changed !== image) image.set(checkChanged(changed, size));
    }
    if (normalize) {
      for (let c = 0; c < C; c++) {
        const mean = normalize.mean[c];
        const factor = 1 / normalize.std[c];
        for (let j = c * plane; j < (c + 1) * plane; j++) image[j] = (image[j] - mean) * factor;
      }
    }
    answers[i] = labels[index];
  });
  return { x: owned(x, [indices.length, C, H, W]), labels: answers };
}

/** The result of an augmentation, if it is an image of the same size. */
function checkChanged(changed: unknown, size: number): Float32Array {
  if (changed instanceof Float32Array && changed.length === size) return changed;
  const what = changed instanceof Float32Array ? `one of ${changed.length}` : describe(changed);
  throw new UsageError(`batches: augment must return an image, a Float32Array of ${size} values, but returned ${what}`);
}

function checkBatchOptions(options: BatchOptions, C: number): void {
  checkOptions("batches", options, OPTIONS);
  const { batchSize, rng, normalize, augment, dropLast, limit } = (options ?? {}) as Partial<BatchOptions>;
  checkWhole("batches", "batchSize", batchSize, 1);
  if (limit !== undefined) checkWhole("batches", "limit", limit, 1);
  if (dropLast !== undefined) checkBoolean("batches", "dropLast", dropLast);
  if (rng !== undefined) checkRng("batches", rng);
  if (augment !== undefined) checkFunction("batches", "augment", augment);
  if (normalize !== undefined) checkNormalization(normalize, C);
  if (augment && !rng) throw new ValueError("batches: augment is random: it needs an rng");
}

function checkNormalization(normalize: Normalization, C: number): void {
  checkObject("batches", "normalize", normalize);
  for (const name of ["mean", "std"] as const) {
    checkList("batches", `normalize.${name}`, normalize[name]);
    if (!normalize[name].every(Number.isFinite)) {
      throw new ValueError(
        `batches: normalize.${name} must be finite numbers, got ${normalize[name].map(describe).join(", ")}`,
      );
    }
  }
  if (normalize.mean.length !== C || normalize.std.length !== C) {
    throw new ValueError(
      `batches: normalize has ${normalize.mean.length} means and ${normalize.std.length} deviations, the images have ${C} channels`,
    );
  }
  if (!normalize.std.every((std) => std > 0)) {
    throw new ValueError(`batches: normalize needs standard deviations above 0, got ${normalize.std.join(", ")}`);
  }
}
