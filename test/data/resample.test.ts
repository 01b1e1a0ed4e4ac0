/** Resizing by itself: the triangle filter, and windows of the result. */
import { describe, expect, it } from "vitest";
import { type Pixels, resample, type Window } from "../../src/data/resample.ts";

/** One channel, from its rows. */
const gray = (...rows: readonly number[][]): Pixels => ({
  height: rows.length,
  width: rows[0].length,
  data: Float32Array.from(rows.flat()),
});
const all = (from: number, to: number): Window => ({ from, to, start: 0, length: to });
const resized = (pixels: Pixels, height: number, width: number): number[] =>
  Array.from(resample(pixels, all(pixels.height, height), all(pixels.width, width), false));

describe("resample", () => {
  it("halves by a triangle over four pixels", () => {
    // Around pixel 1 of 2: inputs at distance 0.25 and 0.75 output pixels weigh 3/8 and 1/8; at the edge the rest is scaled.
    expect(resized(gray([0, 0, 8, 0]), 1, 2)).toEqual([8 / 7, (8 * 3) / 7].map(Math.fround));
  });

  it("the size it has: the same numbers", () => {
    expect(resized(gray([1, 2, 3], [4, 5, 6]), 2, 3)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  // torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True), PyTorch 2.13, with
  // x = ((arange(210) · 37 mod 101) / 101).reshape(1, 3, 7, 10): the first values of channel 1, and the sum of all.
  it.each([
    [4, 5, [0.388765, 0.394979, 0.437176, 0.538897, 0.591029, 0.519321], 29.3726],
    [9, 13, [0.643564, 0.229246, 0.16489, 0.446687, 0.728484, 0.279513], 172.5146],
    [3, 10, [0.569307, 0.364215, 0.30198, 0.454031, 0.463225, 0.40099], 44.333],
  ])("7×10 to %i×%i, as PyTorch", (height, width, first, sum) => {
    const x = (i: number): number => ((i * 37) % 101) / 101;
    const data = Float32Array.from({ length: 210 }, (_, i) => x((i % 3) * 70 + Math.floor(i / 3)));
    const y = resample({ height: 7, width: 10, data }, all(7, height), all(10, width), true);
    first.forEach((v, i) => {
      expect(y[height * width + i]).toBeCloseTo(v, 5);
    });
    expect(y.reduce((total, v) => total + v, 0)).toBeCloseTo(sum, 3);
  });

  it("a window of the result is that part of the whole", () => {
    const data = Uint8Array.from({ length: 17 * 11 * 3 }, (_, i) => (i * 37) % 256);
    const pixels = { width: 17, height: 11, data };
    const whole = resample(pixels, all(11, 23), all(17, 7), true);
    const rows = { from: 11, to: 23, start: 9, length: 4 };
    const part = resample(pixels, rows, { from: 17, to: 7, start: 2, length: 3 }, true);
    const expected = [0, 1, 2].flatMap((c) =>
      [9, 10, 11, 12].flatMap((y) => [2, 3, 4].map((x) => whole[(c * 23 + y) * 7 + x])),
    );
    expect(Array.from(part)).toEqual(expected);
  });
});

it.each([
  ["16 bits", new Uint16Array(4 * 600 * 3), 600, 65535],
  ["bytes", new Uint8Array(2 * 9000 * 3), 9000, 255],
])("a stretch whose sums leave 32 bits, of %s: half of a white and black picture", (_, data, width, white) => {
  const height = data.length / width / 3;
  for (let i = 0; i < data.length; i++) data[i] = i % (3 * width) < 1.5 * width ? white : 0;
  for (const value of resample({ width, height, data }, all(height, 1), all(width, 1), true))
    expect(value).toBeCloseTo(0.5, 6);
});
