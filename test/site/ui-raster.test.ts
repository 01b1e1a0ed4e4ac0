import { describe, expect, test } from "vitest";
import { fit, halved, inkOf, massCentre, pictureOf } from "../../site/lab/ui/raster.ts";

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

describe("ink of strokes", () => {
  test("a point is a disc of the pen's width", () => {
    const ink = inkOf([[0.5, 0.5]], 100, 0.2);
    // π 10², its edge smoothed over one pixel.
    expect(sum(ink)).toBeGreaterThan(310);
    expect(sum(ink)).toBeLessThan(320);
    expect(ink[50 * 100 + 50]).toBe(1);
    expect(ink[50 * 100 + 62]).toBe(0);
  });
  test("a line covers its length times the pen's width, and crossing strokes do not add up", () => {
    const line = [0.2, 0.5, 0.8, 0.5];
    expect(sum(inkOf([line], 100, 0.1))).toBeGreaterThan(60 * 10 + 75);
    expect(sum(inkOf([line], 100, 0.1))).toBeLessThan(60 * 10 + 82);
    expect(inkOf([line, line], 100, 0.1)).toEqual(inkOf([line], 100, 0.1));
  });
  test("outside the pad nothing is drawn and nothing breaks", () => {
    expect(sum(inkOf([[-1, -1, -0.5, -2]], 20))).toBe(0);
    expect(sum(inkOf([[0, 0, 2, 2]], 20))).toBeGreaterThan(10);
  });
});

describe("the picture that a network sees", () => {
  const corner = [0.05, 0.05, 0.05, 0.3, 0.2, 0.3];
  test("its mass lies in the middle, wherever it was drawn and however large", () => {
    for (const shift of [0, 0.3, 0.6]) {
      for (const scale of [1, 1.5]) {
        const stroke = corner.map((value) => value * scale + shift);
        const centre = massCentre(fit(inkOf([stroke], 112), 112), 28)!;
        expect(centre[0]).toBeCloseTo(14, 1);
        expect(centre[1]).toBeCloseTo(14, 1);
      }
    }
  });
  test("its longer side is 20 of 28 pixels", () => {
    const picture = fit(inkOf([[0.5, 0.1, 0.5, 0.9]], 112), 112);
    const rows = Array.from({ length: 28 }, (_, y) => sum(picture.slice(y * 28, y * 28 + 28)) > 0.5);
    expect(rows.filter(Boolean).length).toBeGreaterThanOrEqual(20);
    expect(rows.filter(Boolean).length).toBeLessThanOrEqual(21);
  });
  test("14 pixels are averages of 2 × 2, in 16 steps of grey", () => {
    const picture = pictureOf([corner], 14);
    expect(picture).toHaveLength(196);
    for (const value of picture) expect(Math.abs(value * 15 - Math.round(value * 15))).toBeLessThan(1e-5);
    expect(Array.from(halved([0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1], 4))).toEqual([0.5, 0.75, 0, 1]);
    expect(sum(pictureOf([corner], 28)) / 4).toBeCloseTo(sum(picture), -0.5);
  });
  test("nothing drawn is all zero; a dot does not fill the box", () => {
    expect(sum(pictureOf([], 28))).toBe(0);
    expect(massCentre(new Float32Array(4), 2)).toBeNull();
    expect(sum(pictureOf([[0.1, 0.1]], 28))).toBeLessThan(28);
    expect(sum(pictureOf([[0.1, 0.1]], 28))).toBeGreaterThan(4);
  });
});
