/** Reductions against their definitions over random shapes and axes; float64 accumulation; special values. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { reduceGeometry } from "../../../src/tensor/geometry/reduce.ts";
import { type Shape, sizeOf } from "../../../src/tensor/shape.ts";
import { random, tiers, unwritten } from "../../support/kernel.ts";
import { expectUlps } from "../../support/simd.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

/** The elements of x that fall into each output, in row-major order, by coordinates. */
function groups(x: Float32Array, shape: Shape, axes: readonly number[]): number[][] {
  const found: number[][] = Array.from({ length: sizeOf(shape.filter((_, d) => !axes.includes(d))) }, () => []);
  x.forEach((v, k) => {
    let rest = k;
    let output = 0;
    let step = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      const at = rest % shape[d];
      rest = Math.floor(rest / shape[d]);
      if (!axes.includes(d)) {
        output += at * step;
        step *= shape[d];
      }
    }
    found[output].push(v);
  });
  return found;
}

const DEFINITIONS = {
  sum: (v: number[]) => v.reduce((a, b) => a + b, 0),
  mean: (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length,
  prod: (v: number[]) => v.reduce((a, b) => a * b, 1),
  max: (v: number[]) => Math.max(...v),
  min: (v: number[]) => Math.min(...v),
  logsumexp: (v: number[]) => Math.log(v.reduce((a, b) => a + Math.exp(b), 0)),
} as const;

/** Of the elements of one output: Σ (x − x̄)² / (n − correction), and its derivatives. */
const varianceOf = (v: number[], correction: number): { value: number; slopes: number[] } => {
  const divisor = Math.max(0, v.length - correction);
  const mean = DEFINITIONS.mean(v);
  return {
    value: DEFINITIONS.sum(v.map((x) => (x - mean) ** 2)) / divisor,
    slopes: v.map((x) => (2 * (x - mean)) / divisor),
  };
};

describe.each(tiers)("reductions ($name)", ({ reduce, argmax, argmin, variance, varianceGradient }) => {
  const inputs = fc
    .array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 })
    .chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()])));

  it.each([
    ["variance", 1],
    ["variance", 0],
    ["std", 1],
    ["std", 0],
  ] as const)("%s and its gradient over random shapes and axes, correction %i", (op, correction) => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(1, 1e-30, 1e-10, 1e18), ([shape, axes], size) => {
        const g = reduceGeometry(op, shape, axes, false);
        const x = random(sizeOf(shape), 1).map((v) => v * size);
        const [y, gx] = [unwritten(sizeOf(g.shape)), unwritten(x.length)];
        const divisor = Math.max(0, g.count - correction);
        variance(x, y, g, divisor, op === "std");
        const gy = random(y.length, 2);
        varianceGradient(gy, x, gx, g, divisor, op === "std");
        const [elements, slopes] = [groups(x, shape, axes), groups(gx, shape, axes)];
        expect(y.length).toBe(elements.length);
        elements.forEach((v, k) => {
          const { value, slopes: expected } = varianceOf(v, correction);
          expectUlps(y.subarray(k, k + 1), Float32Array.of(op === "std" ? Math.sqrt(value) : value), 1);
          const factor = op === "variance" ? 1 : value === 0 ? 0 : 0.5 / Math.sqrt(value);
          const outer = expected.map((slope) => gy[k] * (factor === 0 ? 0 : slope * factor));
          // A mean in another order differs in its last bit of float64: relative to the largest of the elements.
          const most = Math.max(...outer.map(Math.abs));
          outer.forEach((slope, i) => {
            if (Number.isNaN(slope)) expect(slopes[k][i]).toBeNaN();
            else expect(Math.abs(slopes[k][i] - slope)).toBeLessThanOrEqual(2 ** -23 * most);
          });
        });
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it.each(["sum", "mean", "prod", "max", "min", "logsumexp"] as const)("%s over random shapes and axes", (op) => {
    fc.assert(
      fc.property(inputs, ([shape, axes]) => {
        const g = reduceGeometry(op, shape, axes, false);
        const x = random(sizeOf(shape), 1);
        const y = unwritten(sizeOf(g.shape));
        reduce(op, x, y, g);
        const expected = groups(x, shape, axes).map(DEFINITIONS[op]);
        expect(y.length).toBe(expected.length);
        // One rounding of a float64 result; the order of a sum in float64 does not show in float32 but for its last bit.
        y.forEach((v, k) => {
          if (Number.isFinite(expected[k])) {
            expect(Math.abs(v - expected[k])).toBeLessThanOrEqual(2 ** -23 * Math.max(1, Math.abs(expected[k])));
          } else expect(v).toBe(expected[k]);
        });
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it("argmax and argmin over random shapes and axes, counted among the reduced elements; ties go to the first", () => {
    fc.assert(
      fc.property(inputs, ([shape, axes]) => {
        const g = reduceGeometry("argmax", shape, axes, false);
        fc.pre(g.count > 0);
        const x = random(sizeOf(shape), 2).map(Math.round);
        const y = new Int32Array(sizeOf(g.shape)).fill(-1);
        argmax(x, y, g);
        expect([...y]).toEqual(groups(x, shape, axes).map((v) => v.indexOf(Math.max(...v))));
        argmin(x, y, g);
        expect([...y]).toEqual(groups(x, shape, axes).map((v) => v.indexOf(Math.min(...v))));
      }),
      { seed: 2, numRuns: 150 },
    );
  });

  it.each([
    ["along rows", [2, 3], 1],
    ["down columns", [3, 2], 0],
  ] as const)("accumulates in float64 %s: 2²⁴ + 1 + 1", (_, shape, axis) => {
    const rows = Float32Array.of(2 ** 24, 1, 1, 2 ** 24, 1, 1);
    const columns = Float32Array.of(2 ** 24, 2 ** 24, 1, 1, 1, 1);
    const y = unwritten(2);
    reduce("sum", axis === 1 ? rows : columns, y, reduceGeometry("sum", shape, axis, false));
    expect([...y]).toEqual([2 ** 24 + 2, 2 ** 24 + 2]);
  });

  it("per channel over [N, H, W], as batch norm and the bias of a convolution need it: [5,3,7,9]", () => {
    const shape = [5, 3, 7, 9];
    const x = random(sizeOf(shape), 3);
    const y = unwritten(3);
    reduce("sum", x, y, reduceGeometry("sum", shape, [0, 2, 3], false));
    const expected = groups(x, shape, [0, 2, 3]).map(DEFINITIONS.sum);
    expect([...y]).toEqual(expected.map(Math.fround));
  });

  it("a NaN wins a maximum, wherever it stands; so does the first of several", () => {
    const g = reduceGeometry("max", [4], 0, false);
    for (const position of [0, 1, 3]) {
      const x = Float32Array.of(5, 7, 6, 4);
      x[position] = Number.NaN;
      const y = Float32Array.of(0);
      const at = new Int32Array(1);
      reduce("max", x, y, g);
      argmax(x, at, g);
      expect([y[0], at[0]]).toEqual([Number.NaN, position]);
    }
  });

  it("rows of −∞: maximum and logsumexp −∞, position 0", () => {
    const x = Float32Array.of(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const g = reduceGeometry("max", [2], 0, false);
    for (const op of ["max", "logsumexp"] as const) {
      const y = Float32Array.of(0);
      reduce(op, x, y, g);
      expect(y[0]).toBe(Number.NEGATIVE_INFINITY);
    }
    const at = Int32Array.of(-1);
    argmax(x, at, g);
    expect(at[0]).toBe(0);
  });
});
