/** A data set that is small enough to train on in a test: 8×8 images, the class is which quarter is bright. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Dataset, readMnist } from "../../src/data/index.ts";
import { Rng } from "../../src/tensor/index.ts";

function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, n >> 8, n & 255])]);
  return Uint8Array.from([...header, ...values]);
}

/** The two IDX files of N images. */
export function tinyFiles(N: number, seed: number): { images: Uint8Array; labels: Uint8Array } {
  const rng = new Rng(seed);
  const labels = Uint8Array.from({ length: N }, (_, i) => i % 4);
  const images = Uint8Array.from({ length: 64 * N }, (_, i) => {
    const [n, h, w] = [i >> 6, (i >> 3) & 7, i & 7];
    const bright = (h < 4 ? 0 : 2) + (w < 4 ? 0 : 1) === labels[n];
    return (bright ? 180 : 20) + rng.integer(50);
  });
  return { images: idx([N, 8, 8], images), labels: idx([N], labels) };
}

export function tinyDataset(N: number, seed: number): Dataset {
  const { images, labels } = tinyFiles(N, seed);
  return readMnist(images, labels);
}

/** Writes a directory that looks like MNIST. `change` may replace files by name. */
export function writeTinyDirectory(directory: string, change: Readonly<Record<string, Uint8Array>> = {}): string {
  mkdirSync(directory, { recursive: true });
  const [train, test] = [tinyFiles(64, 1), tinyFiles(24, 2)];
  const files = {
    "train-images-idx3-ubyte": train.images,
    "train-labels-idx1-ubyte": train.labels,
    "t10k-images-idx3-ubyte": test.images,
    "t10k-labels-idx1-ubyte": test.labels,
    ...change,
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes);
  return directory;
}
