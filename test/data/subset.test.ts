/** Parts of a dataset. */
import { describe, expect, it } from "vitest";
import { type Dataset, makeDataset, randomSplit, sample, subset } from "../../src/data/index.ts";
import { Rng } from "../../src/tensor/index.ts";

/** Image i holds the bytes 2i and 2i + 1, its label is i mod 3. */
const count = (N: number): Dataset =>
  makeDataset({
    name: "count",
    images: Uint8Array.from({ length: 2 * N }, (_, i) => i),
    labels: Int32Array.from({ length: N }, (_, i) => i % 3),
    shape: [N, 1, 1, 2],
    classes: ["a", "b", "c"],
  });
/** Which images these are. */
const numbers = ({ images }: Dataset): number[] =>
  Array.from(
    images.filter((_, i) => i % 2 === 0),
    (v) => v / 2,
  );

describe("subset", () => {
  it("images with their labels, in the order given, as often as named", () => {
    const part = subset(count(5), [4, 1, 4]);
    expect(part).toEqual({
      name: "count",
      images: Uint8Array.of(8, 9, 2, 3, 8, 9),
      labels: Int32Array.of(1, 1, 1),
      shape: [3, 1, 1, 2],
      classes: ["a", "b", "c"],
    });
    expect(subset(count(5), Uint32Array.of(3))).toEqual(subset(count(5), [3]));
  });

  it("keeps floats and bytes as they are, and changes nothing of the whole", () => {
    const whole = { ...count(3), images: new Float32Array(6), labels: Uint8Array.of(2, 1, 0) };
    const part = subset(whole, [0]);
    part.images[0] = 1;
    expect([part.images, part.labels, whole.images[0]]).toEqual([Float32Array.of(1, 0), Uint8Array.of(2), 0]);
  });

  it.each([
    [[5], "subset: indices[0] must be a whole number from 0 to 4, got 5"],
    [[0, -1], "subset: indices[1] must be a whole number from 0 to 4, got -1"],
    [[], "subset: indices must name an image, got an array of 0"],
  ])("refuses %j", (indices, message) => {
    expect(() => subset(count(5), indices)).toThrow(message);
  });
});

describe("sample", () => {
  it("different images, by the seed", () => {
    const drawn = numbers(sample(count(50), 20, new Rng(1)));
    expect(new Set(drawn).size).toBe(20);
    expect(numbers(sample(count(50), 20, new Rng(1)))).toEqual(drawn);
    expect(numbers(sample(count(50), 20, new Rng(2)))).not.toEqual(drawn);
    expect(() => sample(count(5), 6, new Rng(1))).toThrow("sample: count must be a whole number from 1 to 5, got 6");
  });
});

describe("randomSplit", () => {
  // As torch.utils.data.random_split: 10 images by thirds are 4, 3, 3.
  it.each([
    [10, [7, 3], [7, 3]],
    [10, [0.9, 0.1], [9, 1]],
    [10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]],
    [29, [0.5, 0.3, 0.2], [15, 9, 5]],
    [20, new Array(10).fill(0.1), new Array(10).fill(2)],
    [1, [1], [1]],
  ])("%i images into %j", (N, parts, lengths) => {
    const split = randomSplit(count(N), parts, new Rng(3));
    expect(split.map(({ shape }) => shape[0])).toEqual(lengths);
    const all = split.flatMap(numbers);
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, i) => i));
  });

  it.each([[[7, 4]], [[0.5, 0.4]], [[10, 0]], [[-1, 11]], [[0.99, 0.01]], [[]]])("refuses %j of 10 images", (parts) => {
    expect(() => randomSplit(count(10), parts, new Rng(1))).toThrow(/^randomSplit: parts must be lengths that add up/);
  });
});
