/** Datasets that were made by hand: what does not fit is an error before anything is computed. */
import { describe, expect, it } from "vitest";
import {
  batches,
  channelStatistics,
  DataError,
  type Dataset,
  makeDataset,
  shareDataset,
} from "../../src/data/index.ts";
import { Rng, UsageError } from "../../src/tensor/index.ts";

const right: Dataset = {
  name: "made",
  images: Uint8Array.from({ length: 3 * 2 * 2 * 2 }, (_, i) => i),
  labels: Uint8Array.of(0, 1, 1),
  shape: [3, 2, 2, 2],
  classes: ["a", "b"],
};

const takers: readonly (readonly [string, (dataset: Dataset) => unknown])[] = [
  ["makeDataset", makeDataset],
  ["batches", (dataset) => batches(dataset, { batchSize: 1 })],
  ["channelStatistics", channelStatistics],
  ["shareDataset", shareDataset],
];

describe.each(takers)("%s", (op, take) => {
  it("takes what fits", () => {
    expect(() => take(right)).not.toThrow();
    expect(() =>
      take({ ...right, images: new Float32Array(24).fill(0.5), labels: Int32Array.of(0, 1, 1) }),
    ).not.toThrow();
  });

  it.each<[string, Partial<Record<keyof Dataset, unknown>>, string]>([
    ["images shorter than their shape", { images: new Uint8Array(20) }, "20 pixel values for shape [3,2,2,2]"],
    ["images longer than their shape", { images: new Uint8Array(25) }, "25 pixel values for shape [3,2,2,2]"],
    ["fewer labels than images", { labels: Uint8Array.of(0, 1) }, "2 labels for 3 images"],
    ["more labels than images", { labels: new Uint8Array(4) }, "4 labels for 3 images"],
    [
      "a label beyond the classes",
      { labels: Uint8Array.of(0, 2, 1) },
      "record 1 has label 2, the labels go from 0 to 1",
    ],
    ["a label below 0", { labels: Int32Array.of(0, 1, -100) }, "record 2 has label -100"],
    ["half an image", { shape: [2.5, 2, 2, 2] }, "no images: the shape is [2.5,2,2,2]"],
    ["a length that is a text", { shape: [3, "2", 2, 2] }, 'the shape is [3,"2",2,2]'],
    ["no image", { shape: [0, 2, 2, 2], images: new Uint8Array(0), labels: new Uint8Array(0) }, "no images"],
    [
      "floats that are bytes",
      { images: Float32Array.from({ length: 24 }, (_, i) => 10 * i) },
      "look like bytes from 0 to 255",
    ],
  ])("%s", (_, wrong, message) => {
    const dataset = { ...right, ...wrong } as Dataset;
    expect(() => take(dataset)).toThrow(DataError);
    expect(() => take(dataset)).toThrow(message);
    expect(() => take(dataset)).toThrow(`${op}: made: `);
  });

  it.each<[string, Partial<Record<keyof Dataset, unknown>>, string]>([
    [
      "pixels of a canvas",
      { images: new Uint8ClampedArray(24) },
      "dataset.images must be a Uint8Array or a Float32Array, got a Uint8ClampedArray",
    ],
    ["pixels in an array", { images: Array(24).fill(0) }, "got an array of 24"],
    [
      "labels that are floats",
      { labels: new Float32Array(3) },
      "dataset.labels must be a Uint8Array or an Int32Array, got a Float32Array",
    ],
    ["a shape without channels", { shape: [3, 2, 4] }, "dataset.shape must be [N, C, H, W], got an array of 3"],
    ["the number of classes", { classes: 2 }, "dataset.classes must be an array of names, got 2"],
    ["no name", { name: undefined }, "dataset.name must be a string, got undefined"],
  ])("%s", (_, wrong, message) => {
    const dataset = { ...right, ...wrong } as Dataset;
    expect(() => take(dataset)).toThrow(UsageError);
    expect(() => take(dataset)).toThrow(message);
  });
});

it("whole numbers in floats are no bytes where they are small, or below 0", () => {
  const make = (value: number) => makeDataset({ ...right, images: new Float32Array(24).fill(value) });
  for (const value of [0, 1, 3, -20, 300]) expect(() => make(value)).not.toThrow();
});

it("an augmentation that returns another size, or nothing", () => {
  const epoch = (augment: unknown) => [
    ...batches(right, { batchSize: 2, rng: new Rng(0), augment: augment as () => Float32Array }),
  ];
  expect(() => epoch(() => new Float32Array(7))).toThrow(
    "batches: augment must return an image, a Float32Array of 8 values, but returned one of 7",
  );
  expect(() => epoch(() => undefined)).toThrow("but returned undefined");
  expect(() => epoch(async (image: Float32Array) => image)).toThrow("but returned a Promise");
});
