/**
 * `Dataset`: images with labels, as plain data. Next: loader.ts, which cuts it into batches.
 *
 * Pixels stay bytes (a quarter of float32's memory, and threads can share them); the loader turns the few images of a
 * batch into numbers.
 */
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { DataError } from "./errors.ts";

/** Images and their labels. */
export interface Dataset {
  /** Its origin, for messages. */
  readonly name: string;
  /** Pixels `[N, C, H, W]`, row-major: bytes 0 … 255, or floats already scaled. */
  readonly images: Uint8Array | Float32Array;
  /** The class of each image, 0 … classes.length − 1. */
  readonly labels: Uint8Array | Int32Array;
  /** `[N, C, H, W]`. */
  readonly shape: readonly [N: number, C: number, H: number, W: number];
  readonly classes: readonly string[];
}

/**
 * Checks that the parts fit together and returns them.
 *
 * @example
 * const [images, labels] = [new Uint8Array(2 * 28 * 28), Uint8Array.of(1, 0)];
 * const shape = [2, 1, 28, 28] as const;
 * makeDataset({ name: "mine", images, labels, shape, classes: ["cat", "dog"] }).classes.length; // 2
 * makeDataset({ name: "mine", images, labels, shape, classes: ["cat"] }); // throws DataError: makeDataset: mine: record 0 has label 1
 *
 * @throws DataError with the dataset's name, and for a label out of range its record; UsageError for parts of the wrong
 * kind.
 */
export function makeDataset(parts: Dataset): Dataset {
  checkDataset("makeDataset", parts);
  return parts;
}

/**
 * Throws unless `dataset` is one, its images fill its shape, and each image has a label that is one of its classes.
 * Checks every label, and the pixels of the first image.
 */
export function checkDataset(op: string, dataset: unknown): asserts dataset is Dataset {
  const { name, images, labels, shape, classes } = (dataset ?? {}) as Partial<Dataset>;
  const kind = (part: string, right: boolean, what: string, value: unknown): void => {
    if (!right) throw new UsageError(`${op}: ${part} must be ${what}, got ${describe(value)}`);
  };
  kind(
    "dataset",
    typeof dataset === "object" && dataset !== null && !Array.isArray(dataset),
    "an object { name, images, labels, shape, classes }",
    dataset,
  );
  kind("dataset.name", typeof name === "string", "a string", name);
  kind(
    "dataset.images",
    images instanceof Uint8Array || images instanceof Float32Array,
    "a Uint8Array or a Float32Array",
    images,
  );
  kind(
    "dataset.labels",
    labels instanceof Uint8Array || labels instanceof Int32Array,
    "a Uint8Array or an Int32Array",
    labels,
  );
  kind("dataset.shape", Array.isArray(shape) && shape.length === 4, "[N, C, H, W]", shape);
  kind(
    "dataset.classes",
    Array.isArray(classes) && classes.every((c) => typeof c === "string"),
    "an array of names",
    classes,
  );
  checkParts(`${op}: ${name}`, dataset as Dataset);
}

/** The same for parts of the right kinds. */
export function checkParts(who: string, { images, labels, shape, classes }: Dataset): void {
  const [N, C, H, W] = shape;
  if (!shape.every((length) => Number.isInteger(length) && length >= 1)) {
    throw new DataError(`${who}: no images: the shape is [${shape.map(describe).join(",")}]`);
  }
  if (images.length !== N * C * H * W) {
    throw new DataError(`${who}: ${images.length} pixel values for shape [${shape.join(",")}]`);
  }
  if (labels.length !== N) throw new DataError(`${who}: ${labels.length} labels for ${N} images`);
  for (let i = 0; i < N; i++) {
    if (!(labels[i] >= 0 && labels[i] < classes.length)) {
      throw new DataError(`${who}: record ${i} has label ${labels[i]}, the labels go from 0 to ${classes.length - 1}`);
    }
  }
  if (images instanceof Float32Array && looksLikeBytes(images.subarray(0, C * H * W))) {
    throw new DataError(
      `${who}: the pixels are floats, but look like bytes from 0 to 255: give them as a Uint8Array, or divided by 255`,
    );
  }
}

/** Whole numbers up to 255, one of them large: scaled pixels never look like this. */
function looksLikeBytes(pixels: Float32Array): boolean {
  return pixels.some((v) => v >= 16) && pixels.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);
}

/** The numbers for `(pixel − mean) / std`, one per channel, for pixels scaled to 0 … 1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and (population) standard deviation of each channel over all images, for pixels scaled to 0 … 1. For MNIST's
 * training images 0.1307 and 0.3081. A constant channel gets std 1, so that normalising keeps it finite.
 *
 * @example
 * const [images, labels] = [Uint8Array.of(0, 255, 255, 0), Uint8Array.of(1)];
 * const dataset = makeDataset({ name: "one", images, labels, shape: [1, 1, 2, 2], classes: ["a", "b"] });
 * const { mean, std } = channelStatistics(dataset);
 * [mean[0], std[0]]; // [0.5, 0.5]
 *
 * @throws DataError or UsageError for parts that do not fit together, like `makeDataset`.
 */
export function channelStatistics(dataset: Dataset): Normalization {
  checkDataset("channelStatistics", dataset);
  const { images, shape } = dataset;
  const [N, C, H, W] = shape;
  const scale = pixelScale(images);
  const mean = new Array<number>(C);
  const std = new Array<number>(C);
  const plane = H * W;
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let n = 0; n < N; n++) {
      const start = (n * C + c) * plane;
      for (let i = start; i < start + plane; i++) sum += images[i];
    }
    const m = sum / (N * plane);
    // The second pass sums squared distances from the mean, which avoids cancellation.
    let squares = 0;
    for (let n = 0; n < N; n++) {
      const start = (n * C + c) * plane;
      for (let i = start; i < start + plane; i++) squares += (images[i] - m) * (images[i] - m);
    }
    mean[c] = m * scale;
    std[c] = Math.sqrt(squares / (N * plane)) * scale || 1;
  }
  return { mean, std };
}

/** The factor that scales pixels to 0 … 1. */
export function pixelScale(images: Uint8Array | Float32Array): number {
  return images instanceof Uint8Array ? 1 / 255 : 1;
}

/**
 * The same dataset in memory that worker threads can read without copies.
 *
 * @example
 * const shared = shareDataset(train);
 * shared.images.buffer instanceof SharedArrayBuffer; // true
 */
export function shareDataset(dataset: Dataset): Dataset {
  checkDataset("shareDataset", dataset);
  const { images, labels } = dataset;
  return { ...dataset, images: share(images), labels: share(labels) };
}

function share<T extends Uint8Array | Int32Array | Float32Array>(values: T): T {
  const make = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const shared = new make(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
