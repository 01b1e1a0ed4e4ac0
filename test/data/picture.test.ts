/** Pictures as input for networks: torchvision's geometry and numbers, from every kind of pixels. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { IMAGENET1K_V1, IMAGENET1K_V2, imageToTensor, type Pixels } from "../../src/data/index.ts";

interface Prepared {
  readonly size: readonly [width: number, height: number, channels: number];
  readonly resize: number;
  readonly crop: number;
  /** Every how many values of the tensor are in `values`. */
  readonly every: number;
  readonly values: readonly number[];
}

const { prepared } = JSON.parse(readFileSync("test/golden/pictures/pictures.json", "utf8")) as {
  prepared: readonly Prepared[];
};

const plain = { mean: [0], std: [1] };
/** One channel, from its rows. */
const gray = (...rows: readonly number[][]): Pixels => ({
  height: rows.length,
  width: rows[0].length,
  data: Float32Array.from(rows.flat()),
});
const cropped = (pixels: Pixels, crop: number): number[] => Array.from(imageToTensor(pixels, { ...plain, crop }).data);

describe("imageToTensor", () => {
  it("resized, cropped, normalised, [1, C, crop, crop]", () => {
    const pixels = gray([1, 1, 1, 1], [1, 1, 1, 1]);
    const x = imageToTensor(pixels, { resize: 4, crop: 3, mean: [0.5], std: [0.25] });
    expect(x.shape).toEqual([1, 1, 3, 3]);
    expect(Array.from(x.data)).toEqual(new Array(9).fill(2));
  });

  it.each(prepared)("$size to $resize, the middle $crop: as torchvision in float64", (expected) => {
    const [width, height, channels] = expected.size;
    const { resize, crop, every, values } = expected;
    const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (((i * 37) % 256) * 31) % 256);
    const { mean, std } = IMAGENET1K_V1;
    const numbers = { mean: mean.slice(0, channels), std: std.slice(0, channels) };
    const x = imageToTensor({ width, height, data }, { resize, crop, ...numbers }).data;
    const off = values.map((v, i) => Math.abs(v - x[i * every]));
    // torchvision's bilinear resize is exact to float32's rounding of values up to 2.7.
    expect(Math.max(...off)).toBeLessThan(2e-6);
  });

  it("takes the middle; halves go to the even neighbour", () => {
    expect(cropped(gray([0, 1, 2, 3, 4, 5, 6]), 2)).toEqual([2, 3, 0, 0]);
    expect(cropped(gray([1, 2, 3], [4, 5, 6], [7, 8, 9]), 1)).toEqual([5]);
    expect(cropped(gray([1, 2], [3, 4]), 1)).toEqual([1]);
    expect(cropped(gray([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]), 1)).toEqual([3]);
  });

  it("a smaller picture is surrounded by black, which is normalised too", () => {
    expect(cropped(gray([5]), 3)).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 0]);
    expect(cropped(gray([5]), 4).indexOf(5)).toBe(5);
    expect(Array.from(imageToTensor(gray([1]), { crop: 2, mean: [0.5], std: [0.5] }).data)).toEqual([1, -1, -1, -1]);
  });

  it("without resize and crop: all pixels, as they are", () => {
    const pixels = { width: 3, height: 2, data: Uint8Array.from([0, 51, 102, 153, 204, 255]) };
    const x = imageToTensor(pixels, plain);
    expect(x.shape).toEqual([1, 1, 2, 3]);
    expect(Array.from(x.data)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1].map(Math.fround));
  });

  it.each([
    ["bytes", Uint8Array.from([255, 51, 0, 0, 51, 255])],
    ["bytes with alpha, as of a canvas", Uint8ClampedArray.from([255, 51, 0, 7, 0, 51, 255, 9])],
    ["16 bits", Uint16Array.from([65535, 13107, 0, 0, 13107, 65535])],
    ["floats", Float32Array.from([1, 0.2, 0, 0, 0.2, 1])],
  ])("%s: colours stay, and gray is their luma", (_, data) => {
    const pixels = { width: 2, height: 1, data };
    const colours = imageToTensor(pixels, { mean: [0, 0, 0], std: [1, 1, 1] });
    expect(Array.from(colours.data)).toEqual([1, 0, 0.2, 0.2, 0, 1].map(Math.fround));
    const [first, second] = imageToTensor(pixels, plain).data;
    expect(first).toBeCloseTo(0.299 + 0.2 * 0.587, 6);
    expect(second).toBeCloseTo(0.2 * 0.587 + 0.114, 6);
  });

  it("gray is repeated for three channels", () => {
    const x = imageToTensor(gray([0.5]), { mean: [0, 0.25, 0.5], std: [1, 0.5, 0.25] });
    expect(Array.from(x.data)).toEqual([0.5, 0.5, 0]);
  });

  it.each([
    [8000, 2],
    [20000, 1],
    [1, 20000],
  ])("%i×%i: only the middle is read", (width, height) => {
    const data = new Uint8Array(width * height);
    const pixels = { width, height, data };
    const { mean } = IMAGENET1K_V1;
    const before = performance.now();
    const x = imageToTensor(pixels);
    expect(performance.now() - before).toBeLessThan(1000);
    expect(x.shape).toEqual([1, 3, 224, 224]);
    expect(x.data[0]).toBeCloseTo(-mean[0] / 0.229, 6);
    // The ends could hold anything.
    data.fill(255, 0, 1000);
    data.fill(255, data.length - 1000);
    expect(imageToTensor(pixels)).toEqual(x);
  });

  it("presets: torchvision's two sets of weights", () => {
    expect([IMAGENET1K_V1.resize, IMAGENET1K_V2.resize]).toEqual([256, 232]);
    expect(imageToTensor(gray([1]), IMAGENET1K_V2).shape).toEqual([1, 3, 224, 224]);
  });

  const two = gray([1, 2]);
  it.each([
    [Promise.resolve(), plain, /pixels must be \{ width, height, data \}, got a Promise: await it first$/],
    [{ width: 2, height: 1, data: [1, 2] }, plain, /pixels\.data must be a Uint8Array, .* got an array of 2$/],
    [{ width: 3, height: 1, data: two.data }, plain, /must hold 1, 3 or 4 values for each of 3×1 pixels, got 2$/],
    [{ width: 0, height: 1, data: two.data }, plain, /pixels\.width must be a whole number of 1 or more, got 0$/],
    [two, { ...plain, crop: 0 }, /crop must be a whole number of 1 or more, got 0$/],
    [two, { ...plain, size: 3 }, /there is no option "size"/],
    [two, { mean: [0, 0], std: [1, 1] }, /mean must be 1 or 3 finite numbers, got \[0, 0\]$/],
    [two, { mean: [0], std: [0] }, /std must be 1 or 3 finite numbers above 0, got \[0\]$/],
    [two, { mean: [0], std: [1, 1, 1] }, /mean and std must be as many, got 1 and 3$/],
  ])("refuses %o with %o", (pixels, options, message) => {
    expect(() => imageToTensor(pixels as Pixels, options)).toThrow(message);
  });
});
