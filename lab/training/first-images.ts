/** Fewer training images, so that a network can memorise them in a few minutes. */
import type { Dataset } from "../../src/data/index.ts";

/** The first `count` images, or all if there are fewer. The pixels are not copied. */
export function firstImages(dataset: Dataset, count: number): Dataset {
  const [N, C, H, W] = dataset.shape;
  const n = Math.min(N, count);
  return {
    ...dataset,
    images: dataset.images.subarray(0, n * C * H * W),
    labels: dataset.labels.subarray(0, n),
    shape: [n, C, H, W],
  };
}
