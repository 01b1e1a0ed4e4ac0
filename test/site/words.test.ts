import { describe, expect, test } from "vitest";
import { measuredEvery, rateAt, Speed } from "../../site/lab/pace.ts";
import { smoothed } from "../../site/lab/readings.ts";
import { factorInWords, flowSentence } from "../../site/lab/words.ts";

describe("a factor in words", () => {
  test.each([
    [4.2, "4 times the gradient of the last one"],
    [153, "150 times the gradient of the last one"],
    [56_000, "56,000 times the gradient of the last one"],
    [2.1e6, "2 million times the gradient of the last one"],
    [1e6, "a million times the gradient of the last one"],
    [4e9, "more than a billion times the gradient of the last one"],
    [1, "as much gradient as the last one"],
    [0.5, "half the gradient of the last one"],
    [1.2e-3, "a thousandth of the gradient of the last one"],
    [2e-6, "a millionth of the gradient of the last one"],
    [1e-9, "a billionth of the gradient of the last one"],
    [1e-11, "less than a billionth of the gradient of the last one"],
    [0, "no gradient at all"],
  ])("%d: %s", (factor, words) => expect(factorInWords(factor)).toBe(words));
});

test("every verdict of flowVerdict has its sentence", () => {
  for (const health of ["healthy", "vanishing", "exploding", "dead", "frozen", "unused"]) {
    expect(flowSentence(health, 0.5)).toMatch(/^[A-Z].*\.$/);
  }
  expect(flowSentence("exploding", Number.NaN)).toContain("not a number");
});

describe("pace", () => {
  test("the opening: four a second to step 8, twenty to step 40, then as fast as it goes", () => {
    expect([0, 7, 8, 39, 40].map((step) => rateAt("opening", step))).toEqual([4, 4, 20, 20, Number.POSITIVE_INFINITY]);
    expect([rateAt("5", 1000), rateAt("free", 0)]).toEqual([5, Number.POSITIVE_INFINITY]);
  });

  test("at most twenty steps a second are measured, each 1st, 2nd, 4th, …", () => {
    expect([0, 10, 20, 21, 50, 100, 400].map(measuredEvery)).toEqual([1, 1, 1, 2, 4, 8, 32]);
  });

  test("speed is over the last two seconds", () => {
    const speed = new Speed();
    for (let t = 0; t <= 10_000; t += 100) speed.note(t, t < 5000 ? t / 100 : 50 + (t - 5000) / 50);
    expect(speed.at(10_000)).toBeCloseTo(20, 0);
    expect(speed.at(13_000)).toBe(0);
  });
});

test("a map is smoothed over each pixel and its neighbours", () => {
  const map = smoothed([9, 0, 0, 0, 0, 0, 0, 0, 0], 3);
  expect([map[0], map[1], map[4], map[8]]).toEqual([2.25, 1.5, 1, 0]);
});
