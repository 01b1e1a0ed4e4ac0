/** The images of the page: what is packed is read again, pixel by pixel, and what is damaged is refused. */
import { describe, expect, test } from "vitest";
import { defaultDataDirectory, readDirectory } from "../../lab/data/dataset-files.ts";
import { chooseImages, TEST, TRAIN } from "../../site/build/data.ts";
import { readImages, writeImages } from "../../site/lab/images.ts";

const few = {
  train: { images: Uint8Array.of(0, 17, 255, 34, 8, 9, 128, 246), labels: Uint8Array.of(3, 7), pixels: 2 },
  test: { images: Uint8Array.of(255, 0, 0, 51), labels: Uint8Array.of(9), pixels: 2 },
  shown: [0, 0],
};

describe("packed images", () => {
  test("are read again with 4 bits of each pixel, rounded", () => {
    expect(readImages(writeImages(few))).toEqual({
      ...few,
      train: { ...few.train, images: Uint8Array.of(0, 17, 255, 34, 0, 17, 136, 238) },
    });
  });

  test("two pixels in a byte, the first in the lower bits", () => {
    expect([...writeImages(few).subarray(20 + 8 + 3)]).toEqual([0x10, 0x2f, 0x10, 0xe8, 0x0f, 0x30]);
  });

  test("that are something else, or cut off, are refused", () => {
    const bytes = writeImages(few);
    expect(() => readImages(bytes.subarray(0, bytes.length - 1))).toThrow(/do not hold 3 images of 2×2 pixels/);
    expect(() => readImages(new TextEncoder().encode("<!DOCTYPE html><title>404"))).toThrow(
      "these are no packed images",
    );
  });
});

describe.each([14, 28] as const)("the digits at %d pixels", async (pixels) => {
  const { train, test: tests } = await readDirectory(defaultDataDirectory());
  const chosen = chooseImages(train, tests, pixels);

  test("as many as promised, of every class", () => {
    expect(chosen.train.labels.length).toBe(TRAIN);
    expect(chosen.test.labels.length).toBe(TEST);
    expect(chosen.train.images.length).toBe(TRAIN * pixels ** 2);
    expect(new Set(chosen.train.labels).size).toBe(10);
  });

  test("no test image is a training image", () => {
    const text = (images: Uint8Array, i: number): string =>
      images.subarray(i * pixels ** 2, (i + 1) * pixels ** 2).join();
    const known = new Set(Array.from({ length: TRAIN }, (_, i) => text(chosen.train.images, i)));
    const twice = Array.from({ length: TEST }, (_, i) => i).filter((i) => known.has(text(chosen.test.images, i)));
    expect(twice).toEqual([]);
  });

  test("twelve are shown: the first of each class, and two more", () => {
    expect(chosen.shown.map((i) => chosen.test.labels[i]).slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(chosen.shown).size).toBe(12);
  });
});
