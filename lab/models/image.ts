/**
 * Photographs as input for networks: decoded by libraries, then resized, cropped and normalised as torchvision does for
 * its ImageNet weights (`Resize(256)`, `CenterCrop(224)`, `Normalize`).
 */
import { readFileSync } from "node:fs";
import { decode as decodePng } from "fast-png";
import jpeg from "jpeg-js";
import { type Tensor, tensor } from "../../src/tensor/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";

/** Values 0…1, `[channels, height, width]`; three channels are red, green, blue. */
export interface Image {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface Preprocessing {
  /** First the shorter side is resized to this length. */
  readonly resize: number;
  /** Then the middle square of this side is cut out. */
  readonly crop: number;
  /** `mean` is subtracted from each channel, `std` divides it. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The preprocessing of torchvision's ImageNet weights. */
export const IMAGENET: Preprocessing = {
  resize: 256,
  crop: 224,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** An image's tensor `[1, channels, crop, crop]`. */
export function preprocess(image: Image, { resize, crop, mean, std }: Preprocessing): Tensor {
  const shorter = Math.min(image.height, image.width);
  const to = (side: number): number => Math.floor((resize * side) / shorter);
  const { channels, data } = centerCrop(resample(image, to(image.height), to(image.width)), crop);
  const values = data.map((v, i) => {
    const c = Math.floor(i / (crop * crop));
    return (v - mean[c]) / std[c];
  });
  return tensor(values, [1, channels, crop, crop]);
}

/**
 * Reads a PNG or JPEG file; its first bytes say which. Transparency is dropped.
 *
 * @throws UsageError for a file that cannot be read or is neither.
 */
export function readImage(path: string): Image {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read the image ${path}: ${reasonOf(error)}`);
  }
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new UsageError(`${path} is neither a PNG nor a JPEG file`);
  try {
    return isPng ? fromPng(bytes) : fromJpeg(bytes);
  } catch (error) {
    throw new UsageError(`cannot decode the image ${path}: ${messageOf(error)}`);
  }
}

function fromJpeg(bytes: Uint8Array): Image {
  const { width, height, data } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false });
  return toPlanes(width, height, 3, (pixel, c) => data[3 * pixel + c] / 255);
}

function fromPng(bytes: Uint8Array): Image {
  const { width, height, data, channels, depth, palette } = decodePng(bytes);
  const most = 2 ** depth - 1;
  if (palette) return toPlanes(width, height, 3, (pixel, c) => palette[data[pixel]][c] / 255);
  const gray = channels < 3;
  return toPlanes(width, height, gray ? 1 : 3, (pixel, c) => data[channels * pixel + c] / most);
}

function toPlanes(
  width: number,
  height: number,
  channels: number,
  valueAt: (pixel: number, channel: number) => number,
): Image {
  const pixels = width * height;
  const data = new Float32Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    for (let pixel = 0; pixel < pixels; pixel++) data[c * pixels + pixel] = valueAt(pixel, c);
  }
  return { channels, height, width, data };
}

/**
 * The image with as many channels as the network: one (the luma of ITU-R BT.601, as in torchvision's `Grayscale`) or
 * three.
 */
export function withChannels(image: Image, channels: number): Image {
  if (image.channels === channels) return image;
  const pixels = image.height * image.width;
  const { data } = image;
  if (channels === 1) {
    const luma = Float32Array.from(
      { length: pixels },
      (_, i) => 0.299 * data[i] + 0.587 * data[pixels + i] + 0.114 * data[2 * pixels + i],
    );
    return { ...image, channels, data: luma };
  }
  if (channels !== 3) throw new UsageError(`the network needs ${channels} channels; an image has 1 or 3`);
  return { ...image, channels, data: Float32Array.from({ length: 3 * pixels }, (_, i) => data[i % pixels]) };
}

/** The middle square of `side` pixels; a smaller image is surrounded by zeros. */
export function centerCrop(image: Image, side: number): Image {
  const top = halfOf(image.height - side);
  const left = halfOf(image.width - side);
  const data = new Float32Array(image.channels * side * side);
  for (let c = 0; c < image.channels; c++) {
    for (let y = Math.max(0, -top); y < Math.min(side, image.height - top); y++) {
      for (let x = Math.max(0, -left); x < Math.min(side, image.width - left); x++) {
        data[(c * side + y) * side + x] = image.data[(c * image.height + y + top) * image.width + x + left];
      }
    }
  }
  return { channels: image.channels, height: side, width: side, data };
}

/** n / 2 as torchvision rounds it: halves go to the even neighbour where it crops, towards zero where it pads. */
function halfOf(n: number): number {
  if (n < 0) return Math.ceil(n / 2);
  const down = Math.floor(n / 2);
  return n % 2 === 0 || down % 2 === 0 ? down : down + 1;
}

/**
 * The image at another size, by a triangle filter as wide as an output pixel (or an input pixel where it grows): Pillow's
 * and PyTorch's "bilinear with antialiasing".
 */
export function resample(image: Image, height: number, width: number): Image {
  const columns = weightsOf(image.width, width);
  const rows = weightsOf(image.height, height);
  const narrow = new Float32Array(image.channels * image.height * width);
  for (let row = 0; row < image.channels * image.height; row++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = columns[x];
      narrow[row * width + x] = weights.reduce((sum, w, k) => sum + w * image.data[row * image.width + first + k], 0);
    }
  }
  const data = new Float32Array(image.channels * height * width);
  for (let c = 0; c < image.channels; c++) {
    for (let y = 0; y < height; y++) {
      const { first, weights } = rows[y];
      for (let x = 0; x < width; x++) {
        const from = (c * image.height + first) * width + x;
        data[(c * height + y) * width + x] = weights.reduce((sum, w, k) => sum + w * narrow[from + k * width], 0);
      }
    }
  }
  return { channels: image.channels, height, width, data };
}

/** For each of `to` output pixels, which of `from` input pixels it is the weighted mean of. */
function weightsOf(from: number, to: number): { first: number; weights: number[] }[] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - reach + 0.5));
    const end = Math.min(from, Math.floor(center + reach + 0.5));
    const heights = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / reach),
    );
    const total = heights.reduce((sum, h) => sum + h, 0);
    return { first, weights: heights.map((h) => h / total) };
  });
}
