/** The matrix product against its definition: ragged edges, more than one block in each direction, transposes. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { naiveGemm } from "../../../bench/naive.ts";
import type { GemmGeometry } from "../../../src/tensor/geometry/matmul.ts";
import { expectClose, random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

describe.each(tiers)("gemm ($name)", ({ gemm }) => {
  it("an example: [1 2; 3 4]·[5 6; 7 8] = [19 22; 43 50]", () => {
    const c = unwritten(4);
    gemm(Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8), c, { m: 2, n: 2, k: 2 });
    expect([...c]).toEqual([19, 22, 43, 50]);
  });

  it("[1 2; 3 4]ᵀ·[5 6; 7 8]ᵀ = [23 31; 34 46], added to ones", () => {
    const c = Float32Array.of(1, 1, 1, 1);
    const g = { m: 2, n: 2, k: 2, transposeA: true, transposeB: true, accumulate: true };
    gemm(Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8), c, g);
    expect([...c]).toEqual([24, 32, 35, 47]);
  });

  const check = (g: GemmGeometry): void => {
    const a = random(g.m * g.k, 1);
    const b = random(g.k * g.n, 2);
    const start = g.accumulate ? random(g.m * g.n, 3) : unwritten(g.m * g.n);
    const c = start.slice();
    gemm(a, b, c, g);
    const expected = Float64Array.from(start);
    naiveGemm(Float64Array.from(a), Float64Array.from(b), expected, g);
    expectClose(c, expected, g.k + 1);
  };

  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      it(`more than one block each way: [261,517]·[517,389]${transposeA ? " a stored transposed" : ""}${transposeB ? " b stored transposed" : ""}`, () => {
        check({ m: 261, n: 389, k: 517, transposeA, transposeB, accumulate: transposeA });
      });
    }
  }

  it("random sizes, transposes and accumulation", () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (m, n, k, transposeA, transposeB, accumulate) => check({ m, n, k, transposeA, transposeB, accumulate }),
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  it("sums of no terms are zeros, or leave c as it is", () => {
    const none = new Float32Array(0);
    const c = unwritten(6);
    gemm(none, none, c, { m: 2, n: 3, k: 0 });
    expect([...c]).toEqual([0, 0, 0, 0, 0, 0]);
    c.fill(7);
    gemm(none, none, c, { m: 2, n: 3, k: 0, accumulate: true });
    expect([...c]).toEqual([7, 7, 7, 7, 7, 7]);
  });

  it("NaN and infinity in a or b reach the rows and columns that they belong to, and no others", () => {
    const a = random(5 * 4).fill(Number.NaN, 4, 8);
    const b = random(4 * 7, 1);
    b[3] = Number.POSITIVE_INFINITY;
    const c = unwritten(5 * 7);
    gemm(a, b, c, { m: 5, n: 7, k: 4 });
    c.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 7), i % 7];
      if (row === 1) expect(value).toBeNaN();
      else expect(Number.isFinite(value)).toBe(column !== 3);
    });
  });
});

describe("float64", () => {
  it("plain gemm keeps double precision: the error of a sum of 600 terms stays below 1e-12", () => {
    const g = { m: 6, n: 5, k: 600 };
    const [a, b] = [Float64Array.from(random(3600, 4), (v) => v / 3), Float64Array.from(random(3000, 5), (v) => v / 7)];
    const [c, expected] = [new Float64Array(30), new Float64Array(30)];
    tiers[0].gemm(a, b, c, g);
    naiveGemm(a, b, expected, g);
    expect(Math.max(...c.map((v, i) => Math.abs(v - expected[i])))).toBeLessThan(1e-12);
  });
});
