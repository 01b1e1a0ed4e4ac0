import { expect, test } from "vitest";
import { asLarge, duration, grouped, listed, percent, significant } from "../../../lab/report/format.ts";

test("percent never rounds up to 100", () => {
  expect([0, 0.5, 0.9712, 0.99999, 1].map((f) => percent(f))).toEqual(["0.0 %", "50.0 %", "97.1 %", "99.9 %", "100 %"]);
  expect(percent(0.95371, 2)).toBe("95.37 %");
});

test("three significant digits", () => {
  expect([0, 1, 0.0356789, 0.00012345, 12345.6].map(significant)).toEqual(["0", "1", "0.0357", "1.23e-4", "1.23e+4"]);
});

test("durations", () => {
  expect([0.2, 59.7, 75, 3600 + 120].map(duration)).toEqual(["0 s", "1 min 0 s", "1 min 15 s", "1 h 2 min"]);
});

test("ratios in words", () => {
  expect([31.2, 2.345, 1.01, 0.99, 0.5, 1 / 31, 12345, 0, Number.POSITIVE_INFINITY].map(asLarge)).toEqual([
    "31 times as large",
    "2.3 times as large",
    "as large",
    "as large",
    "1/2 as large",
    "1/31 as large",
    "12,300 times as large",
    "zero",
    "infinitely many times as large",
  ]);
  expect(grouped(60000)).toBe("60,000");
});

test("a list as one says it", () => {
  expect([[], ["a"], ["a", "b, c"], ["a", "b", "c"]].map(listed)).toEqual(["", "a", "a and “b, c”", "a, b and c"]);
});
