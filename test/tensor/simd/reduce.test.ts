/** Sums, means and maxima in SIMD against the plain tier, which adds up in float64. */
import { beforeEach, describe, expect, it } from "vitest";
import { reduceGeometry } from "../../../src/tensor/geometry/reduce.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { kernelsOf } from "../../../src/tensor/simd/index.ts";
import { reduce } from "../../../src/tensor/simd/reduce.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, expectUlps, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const cases: [x: number[], axes: number[] | undefined][] = [
  [[1337], undefined],
  [[7, 11, 17], undefined],
  [[19, 67], [1]],
  [[7, 5, 33], [2]],
  [
    [7, 5, 33],
    [1, 2],
  ],
  [
    [4, 5, 7, 9],
    [0, 2, 3],
  ],
  [
    [1, 13, 9, 9],
    [0, 2, 3],
  ],
  [[129, 10], [0]],
  [[31, 67], [0]],
  [
    [5, 6, 50],
    [0, 1],
  ],
  [[5, 50, 18], [1]],
];

describe.each(homes)("reductions, %s arrays", (home) => {
  it.each(cases)("x=%j over %j", (shape, axes) => {
    const g = reduceGeometry("sum", shape, axes, false);
    const x = random(sizeOf(shape), 1).map((v) => v + 0.5);
    for (const op of ["sum", "mean", "max", "min"] as const) {
      const expected = unwritten(sizeOf(g.shape));
      plainKernels.reduce(op, x, expected, g);
      const y = place(home, unwritten(sizeOf(g.shape)));
      expect(reduce(engine, op, place(home, x), y, g)).toBe(true);
      if (op === "max" || op === "min") expectUlps(y, expected, 0);
      // Two roundings of float32 per group of numbers, one of the result; numbers of order 1.
      else expectNear(y, expected, 3, op === "sum" ? 2 * g.count : 2);
    }
  });

  it.each(cases)("NaN and ±∞ come through, x=%j over %j", (shape, axes) => {
    const g = reduceGeometry("sum", shape, axes, false);
    const size = sizeOf(shape);
    for (const special of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const at of [0, 5, Math.floor(size / 2), size - 1]) {
        const x = random(size, 1);
        x[at] = special;
        for (const op of ["sum", "max", "min"] as const) {
          const expected = unwritten(sizeOf(g.shape));
          plainKernels.reduce(op, x, expected, g);
          const y = place(home, random(sizeOf(g.shape), 9));
          // A sum that is not finite may only have left float32's range: the plain kernel has the last word.
          expect(reduce(engine, op, place(home, x), y, g)).toBe(op !== "sum");
          kernelsOf(engine).reduce(op, place(home, x), y, g);
          for (let k = 0; k < y.length; k++) {
            if (Number.isFinite(expected[k])) expect(Math.abs(y[k] - expected[k])).toBeLessThan(1e-3);
            else expect(y[k]).toBe(expected[k]);
          }
        }
      }
    }
  });
});

it("a long sum is as good as float64's: 2²⁰ numbers of 0.1", () => {
  const n = 2 ** 20;
  const x = new Float32Array(n).fill(0.1);
  const y = unwritten(1);
  expect(reduce(engine, "sum", x, y, reduceGeometry("sum", [n], undefined, false))).toBe(true);
  // Sums of four equal numbers are exact, and so is their float64 sum.
  expect(y[0]).toBe(Math.fround(n * Math.fround(0.1)));
});

it("left to the plain tier: logsumexp, products, short rows, few columns, nothing", () => {
  const y = unwritten(1000);
  const geometry = (shape: number[], axes: number[]) => reduceGeometry("sum", shape, axes, false);
  expect(reduce(engine, "logsumexp", random(1000), y, geometry([1000], [0]))).toBe(false);
  expect(reduce(engine, "prod", random(1000), y, geometry([1000], [0]))).toBe(false);
  expect(reduce(engine, "sum", random(1000), y, geometry([250, 4], [1]))).toBe(false);
  expect(reduce(engine, "sum", random(1000), y, geometry([500, 2], [0]))).toBe(false);
  expect(reduce(engine, "sum", random(0), y, geometry([0, 4], [0]))).toBe(false);
});
