/**
 * `Dataset`: images with labels, as plain data. Next: loader.ts, which cuts it into batches.
 *
 * Pixels stay bytes (a quarter of the memory of float32, and they can be shared between threads); the loader turns the
 * few images of a batch into numbers.
 */
import { DataError } from "./errors.ts";

export interface Dataset {
  /** Where it came from, for messages. */
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
 * Checks that the parts fit each other and returns them.
 *
 * @throws DataError naming the dataset, and for a label out of range the record.
 */
export function makeDataset(parts: Dataset): Dataset {
  const { name, images, labels, shape, classes } = parts;
  const [N, C, H, W] = shape;
  if (N < 1 || C < 1 || H < 1 || W < 1) throw new DataError(`${name}: no images: the shape is [${shape.join(",")}]`);
  if (images.length !== N * C * H * W) {
    throw new DataError(`${name}: ${images.length} pixel values for shape [${shape.join(",")}]`);
  }
  if (labels.length !== N) throw new DataError(`${name}: ${labels.length} labels for ${N} images`);
  for (let i = 0; i < N; i++) {
    if (!(labels[i] >= 0 && labels[i] < classes.length)) {
      throw new DataError(`${name}: record ${i} has label ${labels[i]}, the labels go from 0 to ${classes.length - 1}`);
    }
  }
  return parts;
}

/** What `(pixel − mean) / std` needs, one number per channel, for pixels scaled to 0 … 1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and (population) standard deviation of each channel over all images, pixels scaled to 0 … 1. For MNIST's
 * training images 0.1307 and 0.3081. A constant channel gets std 1, so that normalising leaves it finite.
 */
export function channelStatistics({ images, shape }: Dataset): Normalization {
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
    // The second pass sums squared distances from the mean: no cancellation.
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

/** The factor that brings pixels to 0 … 1. */
export function pixelScale(images: Uint8Array | Float32Array): number {
  return images instanceof Uint8Array ? 1 / 255 : 1;
}

/** The same dataset in memory that worker threads can read without a copy each. */
export function shareDataset(dataset: Dataset): Dataset {
  const { images, labels } = dataset;
  return { ...dataset, images: share(images), labels: share(labels) };
}

function share<T extends Uint8Array | Int32Array | Float32Array>(values: T): T {
  const make = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const shared = new make(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
