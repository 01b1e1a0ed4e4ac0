/** Parts of a dataset: chosen images, a random sample, a random split into training and validation. */
import { checkList, checkRng, checkWhole } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { checkDataset, type Dataset } from "./dataset.ts";

/**
 * The images at `indices`, in that order and as often as they are named, with their labels: PyTorch's `Subset`, but copied.
 *
 * @example
 * const some = subset(train, [2, 0]);
 * some.labels; // [4, 3]
 * some.shape; // [2, 3, 12, 12]
 *
 * @throws ValueError for no indices, or one that is not an image's.
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  checkDataset("subset", dataset);
  const [N, ...shape] = dataset.shape;
  const list: unknown = ArrayBuffer.isView(indices) ? Array.from(indices as ArrayLike<number>) : indices;
  checkList("subset", "indices", list);
  if (list.length === 0) throw new ValueError("subset: indices must name an image, got an array of 0");
  list.forEach((index, i) => {
    checkWhole("subset", `indices[${i}]`, index, 0, N - 1);
  });
  return take(dataset, list as readonly number[], shape);
}

/**
 * `count` different images at random, in random order.
 *
 * @example
 * sample(train, 2, rng).shape; // [2, 3, 12, 12]
 *
 * @throws ValueError for a count below 1 or above the dataset's.
 */
export function sample(dataset: Dataset, count: number, rng: Rng): Dataset {
  checkDataset("sample", dataset);
  const [N, ...shape] = dataset.shape;
  checkWhole("sample", "count", count, 1, N);
  checkRng("sample", rng);
  return take(dataset, rng.permutation(N).subarray(0, count), shape);
}

/**
 * Deals all images at random into parts, as PyTorch's `random_split` does: `parts` are their lengths, which add up to the
 * dataset's, or fractions that add up to 1. What rounding fractions down leaves goes to the first parts, one image each.
 *
 * @example
 * const [training, validation] = randomSplit(train, [0.75, 0.25], new Rng(1));
 * training.shape; // [3, 3, 12, 12]
 *
 * @throws ValueError for parts that do not add up, or one that is empty.
 */
export function randomSplit(dataset: Dataset, parts: readonly number[], rng: Rng): Dataset[] {
  checkDataset("randomSplit", dataset);
  const [N, ...shape] = dataset.shape;
  checkList("randomSplit", "parts", parts);
  checkRng("randomSplit", rng);
  const lengths = lengthsOf(parts, N);
  if (!lengths.every((length) => Number.isInteger(length) && length >= 1)) {
    const got = `[${parts.map(describe).join(", ")}] of ${N} images`;
    throw new ValueError(
      `randomSplit: parts must be lengths that add up to the dataset's or fractions that add up to 1, none of them empty, got ${got}`,
    );
  }
  const order = rng.permutation(N);
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return take(dataset, order.subarray(end - length, end), shape);
  });
}

/** The parts' lengths; none if they do not add up, which is one part that is no number. */
function lengthsOf(parts: readonly number[], N: number): number[] {
  const sum = parts.every((part) => typeof part === "number") ? parts.reduce((total, part) => total + part, 0) : 0;
  if (parts.every(Number.isInteger) && sum === N) return [...parts];
  // Ten times 0.1 are not quite 1.
  if (!(Math.abs(sum - 1) < 1e-9)) return [Number.NaN];
  const lengths = parts.map((part) => Math.floor(N * part));
  const left = N - lengths.reduce((total, length) => total + length, 0);
  return lengths.map((length, i) => length + (i < left ? 1 : 0));
}

function take(dataset: Dataset, indices: ArrayLike<number>, shape: readonly number[]): Dataset {
  const [C, H, W] = shape;
  const size = C * H * W;
  const { images: from } = dataset;
  const images =
    from instanceof Uint8Array ? new Uint8Array(indices.length * size) : new Float32Array(indices.length * size);
  const labels = dataset.labels instanceof Uint8Array ? new Uint8Array(indices.length) : new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    images.set(from.subarray(indices[i] * size, (indices[i] + 1) * size), i * size);
    labels[i] = dataset.labels[indices[i]];
  }
  return { ...dataset, images, labels, shape: [indices.length, C, H, W] };
}
