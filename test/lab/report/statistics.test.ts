import { expect, test } from "vitest";
import { compare, curveOf, geometricMean, mean, pointOf, spread } from "../../../lab/report/statistics.ts";

test("spread: mean and sample standard deviation", () => {
  expect(spread([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7), count: 8 });
  expect(spread([3])).toEqual({ mean: 3, deviation: 0, count: 1 });
  expect(mean([1, 2])).toBe(1.5);
});

test("geometric mean", () => {
  expect(geometricMean([1, 100])).toBeCloseTo(10);
});

test("a point has a band of one standard deviation, on a log axis of the logarithm; a single seed has none", () => {
  expect(pointOf(7, [1, 3])).toEqual({ x: 7, y: 2, low: 2 - Math.SQRT2, high: 2 + Math.SQRT2 });
  const { y, low, high } = pointOf(7, [1, 100], { log: true });
  expect(y).toBeCloseTo(10);
  expect(low! * high!).toBeCloseTo(100);
  expect(Math.log10(high!)).toBeCloseTo(1 + Math.SQRT2);
  expect(pointOf(7, [5])).toEqual({ x: 7, y: 5 });
});

test("a zero on a log axis: no band, and y is 0, which a chart leaves out", () => {
  expect(pointOf(1, [0, 1], { log: true })).toEqual({ x: 1, y: 0 });
});

test("curves of several seeds become one; where one ends early, the others go on", () => {
  const curve = (...ys: number[]): { x: number; y: number }[] => ys.map((y, i) => ({ x: 10 * i, y }));
  expect(curveOf([curve(1, 2, 3), curve(3, 2)])).toEqual([
    { x: 0, y: 2, low: 2 - Math.SQRT2, high: 2 + Math.SQRT2 },
    { x: 10, y: 2, low: 2, high: 2 },
    { x: 20, y: 3 },
  ]);
  expect(curveOf([])).toEqual([]);
});

test("compare: beyond two standard errors", () => {
  expect(compare([1, 1.1, 0.9], [2, 2.1, 1.9])).toBe("lower");
  expect(compare([2, 2.1, 1.9], [1, 1.1, 0.9])).toBe("higher");
  expect(compare([1, 3, 2], [2, 1.5, 3])).toBe("alike");
  // √(0.5²/2 + 0.5²/2) = 0.5: a difference of 1.1 is more than twice that, one of 0.9 is not.
  const around = (m: number): number[] => [m - 0.5 / Math.SQRT2, m + 0.5 / Math.SQRT2];
  expect(compare(around(1.1), around(0))).toBe("higher");
  expect(compare(around(0.9), around(0))).toBe("alike");
  expect(compare([1], [1])).toBe("alike");
  expect(compare([1.01], [1])).toBe("higher");
});
