import { describe, expect, test } from "vitest";
import {
  batches,
  channelStatistics,
  compose,
  type Dataset,
  makeDataset,
  randomCrop,
  randomFlip,
  shareDataset,
} from "../../src/data/index.ts";
import { Rng } from "../../src/tensor/index.ts";

/** N images of 1×2 pixels with two channels; the pixels of image n are 10n … 10n+3, its label n mod 3. */
function counted(N: number): Dataset {
  const images = Uint8Array.from({ length: 4 * N }, (_, i) => 10 * (i >> 2) + (i & 3));
  const labels = Uint8Array.from({ length: N }, (_, n) => n % 3);
  return makeDataset({ name: "counted", images, labels, shape: [N, 2, 1, 2], classes: ["a", "b", "c"] });
}

/** Which images a batch holds, read back from their first pixels. */
const indicesOf = (x: Float32Array): number[] =>
  Array.from({ length: x.length / 4 }, (_, i) => Math.round((x[4 * i] * 255) / 10));

describe("batches", () => {
  test("in the dataset's order, bytes scaled to 0 … 1, the last batch smaller", () => {
    const all = batches(counted(5), { batchSize: 2 });
    expect(all.length).toBe(3);
    const seen = [...all];
    expect(seen.map(({ x }) => x.shape)).toEqual([
      [2, 2, 1, 2],
      [2, 2, 1, 2],
      [1, 2, 1, 2],
    ]);
    expect([...seen[1].x.data]).toEqual([20, 21, 22, 23, 30, 31, 32, 33].map((v) => Math.fround(v / 255)));
    expect(seen.flatMap(({ labels }) => [...labels])).toEqual([0, 1, 2, 0, 1]);
  });

  test("dropLast and limit", () => {
    expect([...batches(counted(5), { batchSize: 2, dropLast: true })]).toHaveLength(2);
    const seen = [...batches(counted(5), { batchSize: 2, limit: 3 })];
    expect(seen.map(({ labels }) => labels.length)).toEqual([2, 1]);
    expect([...batches(counted(5), { batchSize: 3, limit: 99 })]).toHaveLength(2);
  });

  test("normalised: every channel has mean 0 and deviation 1", () => {
    const dataset = counted(20);
    const [{ x }] = batches(dataset, { batchSize: 20, normalize: channelStatistics(dataset) });
    for (const c of [0, 1]) {
      const values = Array.from(x.data).filter((_, i) => (i >> 1) % 2 === c);
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(variance).toBeCloseTo(1, 5);
    }
  });

  test("shuffled: every image once per epoch, another order each epoch, the same for the same seed", () => {
    const epochs = (seed: number): number[][] => {
      const shuffled = batches(counted(25), { batchSize: 4, rng: new Rng(seed) });
      return [0, 1].map(() => [...shuffled].flatMap(({ x }) => indicesOf(x.data as Float32Array)));
    };
    const [first, second] = epochs(1);
    const sorted = [...first].sort((a, b) => a - b);
    expect(sorted).toEqual(Array.from({ length: 25 }, (_, i) => i));
    expect(second).not.toEqual(first);
    expect([...second].sort((a, b) => a - b)).toEqual(sorted);
    expect(epochs(1)).toEqual([first, second]);
    expect(epochs(2)[0]).not.toEqual(first);
  });

  test("labels travel with their images, and augmentation does not change the order", () => {
    const labelsOf = (augment?: ReturnType<typeof randomFlip>): number[] =>
      [...batches(counted(25), { batchSize: 5, rng: new Rng(3), ...(augment && { augment }) })].flatMap((b) => [
        ...b.labels,
      ]);
    for (const { x, labels } of batches(counted(25), { batchSize: 5, rng: new Rng(3) })) {
      expect([...labels]).toEqual(indicesOf(x.data as Float32Array).map((n) => n % 3));
    }
    expect(labelsOf(randomFlip())).toEqual(labelsOf());
  });

  test("the dataset is not changed, also by an augmentation in place", () => {
    const dataset = counted(4);
    const before = dataset.images.slice();
    for (const _ of batches(dataset, { batchSize: 4, rng: new Rng(1), augment: randomFlip(1) }));
    expect(dataset.images).toEqual(before);
  });

  test("errors", () => {
    const dataset = counted(5);
    expect(() => batches(dataset, { batchSize: 0 })).toThrow("batchSize must be a whole number of 1 or more, got 0");
    expect(() => batches(dataset, { batchSize: 2, limit: 0 })).toThrow("limit must be");
    expect(() => batches(dataset, { batchSize: 8, dropLast: true })).toThrow("5 images do not fill one batch of 8");
    expect(() => batches(dataset, { batchSize: 2, augment: randomFlip() })).toThrow("needs an rng");
    expect(() => batches(dataset, { batchSize: 2, normalize: { mean: [0], std: [1] } })).toThrow("2 channels");
    expect(() => batches(dataset, { batchSize: 2, normalize: { mean: [0, 0], std: [1, 0] } })).toThrow("above 0");
  });
});

describe("augmentation", () => {
  const image = (): Float32Array => Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i + 1);
  const shape = [2, 3, 4] as const;

  test("a flip reverses every row", () => {
    const flipped = randomFlip(1)(image(), shape, new Rng(1));
    expect([...flipped.subarray(0, 8)]).toEqual([4, 3, 2, 1, 8, 7, 6, 5]);
    expect([...flipped.subarray(20)]).toEqual([24, 23, 22, 21]);
    expect(randomFlip(0)(image(), shape, new Rng(1))).toEqual(image());
  });

  test("half of the images are flipped", () => {
    const rng = new Rng(5);
    const flips = Array.from({ length: 2000 }, () => randomFlip()(image(), shape, rng)[0] === 4);
    expect(flips.filter(Boolean).length / 2000).toBeCloseTo(0.5, 1);
  });

  test("a crop is a shift of all channels with black edges; every shift occurs", () => {
    const rng = new Rng(2);
    const seen = new Set<string>();
    for (let trial = 0; trial < 500; trial++) {
      const cut = randomCrop(2)(image(), shape, rng);
      const matches: string[] = [];
      for (let down = -2; down <= 2; down++) {
        for (let right = -2; right <= 2; right++) {
          const shifted = new Float32Array(24);
          for (let c = 0; c < 2; c++)
            for (let h = 0; h < 3; h++)
              for (let w = 0; w < 4; w++) {
                const inside = h + down >= 0 && h + down < 3 && w + right >= 0 && w + right < 4;
                shifted[(c * 3 + h) * 4 + w] = inside ? image()[(c * 3 + h + down) * 4 + w + right] : 0;
              }
          if (shifted.every((v, i) => v === cut[i])) matches.push(`${down},${right}`);
        }
      }
      expect(matches).toHaveLength(1);
      seen.add(matches[0]);
    }
    expect(seen.size).toBe(25);
  });

  test("a crop by more than the image leaves black, and padding 0 changes nothing", () => {
    const far = Array.from({ length: 50 }, (_, seed) => randomCrop(40)(image(), shape, new Rng(seed)));
    expect(far.some((cut) => cut.every((v) => v === 0))).toBe(true);
    expect(randomCrop(0)(image(), shape, new Rng(1))).toEqual(image());
  });

  test("compose applies from left to right, with one generator", () => {
    const both = compose(randomCrop(1), randomFlip());
    const rng = new Rng(9);
    expect(both(image(), shape, new Rng(9))).toEqual(randomFlip()(randomCrop(1)(image(), shape, rng), shape, rng));
  });

  test("errors", () => {
    expect(() => randomCrop(1.5)).toThrow("padding must be a whole number");
    expect(() => randomFlip(2)).toThrow("probability must be a number from 0 to 1");
  });
});

describe("dataset", () => {
  test("statistics of a constant channel are finite", () => {
    const dataset = { ...counted(2), images: Float32Array.of(0.5, 0.5, 1, 0, 0.5, 0.5, 1, 0) };
    expect(channelStatistics(dataset)).toEqual({ mean: [0.5, 0.5], std: [1, 0.5] });
  });

  test("shared memory holds the same values", () => {
    const dataset = counted(3);
    const shared = shareDataset(dataset);
    expect(shared.images.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...shared.images]).toEqual([...dataset.images]);
    expect([...shared.labels]).toEqual([...dataset.labels]);
  });

  test("errors name the dataset and the record", () => {
    const dataset = counted(3);
    expect(() => makeDataset({ ...dataset, labels: Int32Array.of(0, -1, 2) })).toThrow(
      "counted: record 1 has label -1",
    );
    expect(() => makeDataset({ ...dataset, labels: Int32Array.of(0) })).toThrow("counted: 1 labels for 3 images");
    expect(() => makeDataset({ ...dataset, shape: [3, 2, 2, 2] })).toThrow("12 pixel values for shape [3,2,2,2]");
  });
});
