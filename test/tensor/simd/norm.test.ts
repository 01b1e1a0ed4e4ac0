/** Normalisation in SIMD against the plain tier: moments, normalize with ReLU and addition, all gradients. */
import { beforeEach, describe, expect, it } from "vitest";
import type { NormGeometry } from "../../../src/tensor/geometry/norm.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { kernelsOf } from "../../../src/tensor/simd/index.ts";
import { moments, normalize } from "../../../src/tensor/simd/norm.ts";
import { normalizeGradient, normalizeReluGradient } from "../../../src/tensor/simd/norm-gradient.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, expectUlps, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const geometries: NormGeometry[] = [
  { outer: 4, groups: 8, inner: 25 },
  { outer: 1, groups: 7, inner: 190 },
  { outer: 8, groups: 9, inner: 16 },
  { outer: 1, groups: 1, inner: 1031 },
  { outer: 50, groups: 3, inner: 4 },
  { outer: 3, groups: 33, inner: 7 },
];

interface Case {
  x: Float32Array;
  gy: Float32Array;
  add: Float32Array;
  mean: Float32Array;
  rstd: Float32Array;
  weight: Float32Array;
  bias: Float32Array;
}

/** Numbers whose mean and spread are of order 1, with their moments. */
function sample(g: NormGeometry): Case {
  const size = g.outer * g.groups * g.inner;
  const x = random(size, 1).map((v) => 2 * v + 1);
  const mean = unwritten(g.groups);
  const variance = unwritten(g.groups);
  plainKernels.moments(x, mean, variance, g);
  return {
    x,
    gy: random(size, 2),
    add: random(size, 3),
    mean,
    rstd: variance.map((v) => 1 / Math.sqrt(v + 1e-5)),
    weight: random(g.groups, 4),
    bias: random(g.groups, 5),
  };
}

describe.each(homes)("normalisation, %s arrays", (home) => {
  describe.each(geometries)("outer=$outer groups=$groups inner=$inner", (g) => {
    const { x, gy, add, mean, rstd, weight, bias } = sample(g);
    const size = x.length;
    const n = g.outer * g.inner;

    it.each([0, 1000])("moments, the numbers around %d", (offset) => {
      const shifted = x.map((v) => v + offset);
      const [expectedMean, expectedVariance] = [unwritten(g.groups), unwritten(g.groups)];
      plainKernels.moments(shifted, expectedMean, expectedVariance, g);
      const [gotMean, gotVariance] = [place(home, unwritten(g.groups)), place(home, unwritten(g.groups))];
      expect(moments(engine, place(home, shifted), gotMean, gotVariance, g)).toBe(true);
      expectNear(gotMean, expectedMean, 3, 8 + offset);
      // A difference and a square, each rounded, and two roundings of the sum; all terms are positive.
      expectUlps(gotVariance, expectedVariance, 6);
    });

    it("normalize, with and without weight, bias, addition and ReLU", () => {
      for (const w of [weight, null]) {
        for (const b of [bias, null]) {
          const by = { mean, rstd, weight: w, bias: b };
          const expected = unwritten(size);
          plainKernels.normalize(x, by, null, false, expected, g);
          for (const [plus, relu] of [
            [null, false],
            [add, false],
            [null, true],
            [add, true],
          ] as const) {
            const wanted = expected.map((v, i) => (plus ? v + plus[i] : v)).map((v) => (relu ? Math.max(0, v) : v));
            const y = place(home, unwritten(size));
            const term = plus && place(home, plus);
            expect(normalize(engine, place(home, x), by, term, relu, y, g)).toBe(true);
            expectNear(y, wanted, plus ? 6 : 4, 8);
          }
        }
      }
    });

    it("gradients, those that are asked for", () => {
      for (const [w, wantsX, wantsWeight, wantsBias] of [
        [weight, true, true, true],
        [null, true, false, false],
        [weight, false, true, false],
        [weight, false, false, true],
      ] as const) {
        const by = { mean, rstd, weight: w, bias: null };
        const expected = { x: unwritten(size), weight: unwritten(g.groups), bias: unwritten(g.groups) };
        plainKernels.normalizeGradient(gy, x, by, expected, g);
        const got = {
          x: wantsX ? place(home, unwritten(size)) : null,
          weight: wantsWeight ? place(home, unwritten(g.groups)) : null,
          bias: wantsBias ? place(home, unwritten(g.groups)) : null,
        };
        expect(normalizeGradient(engine, place(home, gy), place(home, x), by, got, g)).toBe(true);
        // gx: three differences and three products of numbers of order up to 8.
        if (got.x) expectNear(got.x, expected.x, 8, 8);
        if (got.weight) expectNear(got.weight, expected.weight, 6, 2 * n);
        if (got.bias) expectNear(got.bias, expected.bias, 3, n);
      }
    });

    it("gradients behind a ReLU", () => {
      const z = random(size, 7).map((v) => Math.max(0, v));
      const passing = gy.map((v, i) => (z[i] > 0 ? v : 0));
      const by = { mean, rstd, weight, bias: null };
      const expected = { x: unwritten(size), weight: unwritten(g.groups), bias: unwritten(g.groups) };
      plainKernels.normalizeGradient(passing, x, by, expected, g);
      const [gz, gx] = [place(home, unwritten(size)), place(home, unwritten(size))];
      const to = { x: gx, weight: unwritten(g.groups), bias: unwritten(g.groups) };
      const [a, b, c] = [place(home, gy), place(home, z), place(home, x)];
      expect(normalizeReluGradient(engine, a, b, c, by, gz, to, g)).toBe(true);
      expectUlps(gz, passing, 0);
      expectNear(to.x, expected.x, 8, 8);
      expectNear(to.weight, expected.weight, 6, 2 * n);
      expectNear(to.bias, expected.bias, 3, n);
    });
  });

  it("equal numbers have variance 0, never less", () => {
    const g = { outer: 3, groups: 2, inner: 211 };
    const [mean, variance] = [unwritten(2), unwritten(2)];
    expect(moments(engine, place(home, new Float32Array(1266).fill(0.1)), mean, variance, g)).toBe(true);
    expect([...mean, ...variance]).toEqual([Math.fround(0.1), Math.fround(0.1), 0, 0]);
  });

  it("NaN and ∞ spoil their own group only", () => {
    const g = { outer: 2, groups: 3, inner: 100 };
    const x = random(600, 1);
    x[105] = Number.NaN;
    x[250] = Number.POSITIVE_INFINITY;
    const [mean, variance] = [unwritten(3), unwritten(3)];
    // What is not finite may only have left float32's range: the plain kernel has the last word.
    expect(moments(engine, place(home, x), mean, variance, g)).toBe(false);
    kernelsOf(engine).moments(place(home, x), mean, variance, g);
    expect([mean[0], variance[0]].every(Number.isFinite)).toBe(true);
    expect([mean[1], variance[1], mean[2], variance[2]]).toEqual([
      Number.NaN,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
    const y = place(home, unwritten(600));
    const by = { mean: new Float32Array(3), rstd: new Float32Array(3).fill(1), weight: null, bias: null };
    expect(normalize(engine, place(home, x), by, null, true, y, g)).toBe(true);
    expect([y[105], y[250]]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
  });

  it("one number per row is left to the plain tier", () => {
    expect(
      moments(engine, place(home, random(1000)), unwritten(10), unwritten(10), { outer: 100, groups: 10, inner: 1 }),
    ).toBe(false);
  });
});
