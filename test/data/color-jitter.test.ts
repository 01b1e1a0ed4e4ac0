/** colorJitter: torchvision's four changes, and how they are drawn. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from "../../src/data/color-jitter.ts";
import { colorJitter } from "../../src/data/index.ts";
import { Rng } from "../../src/tensor/index.ts";

const { adjusted } = JSON.parse(readFileSync("test/golden/pictures/pictures.json", "utf8")) as {
  adjusted: Readonly<Record<string, readonly (readonly [amount: number, values: readonly number[]])[]>>;
};
const changes = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

const SHAPE = [3, 6, 7] as const;
const picture = (): Float32Array =>
  Float32Array.from({ length: 3 * 6 * 7 }, (_, i) => ((((i * 37) % 256) * 31) % 256) / 255);
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i])));

describe("the changes", () => {
  it.each(Object.entries(changes))("%s: torchvision's, in float64", (name, change) => {
    for (const [amount, values] of adjusted[name]) {
      const image = picture();
      change(image, amount, 3);
      // The rounding of float32, which the hue's distance of two channels doubles.
      expect(furthest(image, values)).toBeLessThan(5e-7);
    }
  });

  it("contrast of a gray image", () => {
    const [[amount, values]] = adjusted["gray contrast"];
    const image = picture().subarray(0, 42);
    adjustContrast(image, amount, 1);
    expect(furthest(image, values)).toBeLessThan(5e-7);
  });

  it("a third of the circle turns red into green, green into blue, blue into red", () => {
    const image = Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    adjustHue(image, 1 / 3);
    expect(furthest(image, [0, 0, 1, 1, 0, 0, 0, 1, 0])).toBeLessThan(1e-6);
  });
});

describe("colorJitter", () => {
  it("one change: its factor is uniform between its bounds", () => {
    const jitter = colorJitter({ brightness: 0.4 });
    const rng = new Rng(1);
    const factors = Array.from({ length: 2000 }, () => jitter(Float32Array.of(0.5), [1, 1, 1], rng)[0] / 0.5);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.6 - 1e-6);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.4 + 1e-6);
    for (let quarter = 0; quarter < 4; quarter++) {
      const low = 0.6 + 0.2 * quarter;
      // 500 are expected; five standard deviations are 97.
      expect(Math.abs(factors.filter((f) => f >= low && f < low + 0.2).length - 500)).toBeLessThan(97);
    }
  });

  it("all changes, in the order drawn", () => {
    const bounds = { brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1 };
    const jitter = colorJitter(bounds);
    for (let seed = 0; seed < 10; seed++) {
      const rng = new Rng(seed);
      const amounts = [rng.uniform(0.6, 1.4), rng.uniform(0.7, 1.3), rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1)];
      const expected = picture();
      for (const i of rng.permutation(4)) Object.values(changes)[i](expected, amounts[i], 3);
      expect(jitter(picture(), SHAPE, new Rng(seed))).toEqual(expected);
    }
  });

  it("without options, and of gray images hue and saturation: as they were", () => {
    expect(colorJitter()(picture(), SHAPE, new Rng(1))).toEqual(picture());
    const gray = colorJitter({ hue: 0.5, saturation: 1 });
    expect(gray(picture(), [1, 18, 7], new Rng(1))).toEqual(picture());
  });

  it.each([
    [{ hue: 0.6 }, "colorJitter: hue must be a number from 0 to 0.5, got 0.6"],
    [{ contrast: -1 }, "colorJitter: contrast must be a finite number of 0 or more, got -1"],
  ])("refuses %o", (options, message) => {
    expect(() => colorJitter(options)).toThrow(message);
  });

  it("refuses images of two channels", () => {
    expect(() => colorJitter()(new Float32Array(8), [2, 2, 2], new Rng(1))).toThrow(
      "colorJitter: the image must have 1 or 3 channels, got 2",
    );
  });
});
