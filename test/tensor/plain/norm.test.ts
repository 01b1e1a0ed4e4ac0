/** Moments, normalisation and its gradients against their definitions in float64. */
import { describe, expect, it, vi } from "vitest";
import type { NormGeometry } from "../../../src/tensor/geometry/norm.ts";
import { random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const geometries: NormGeometry[] = [
  { outer: 4, groups: 3, inner: 25 },
  { outer: 8, groups: 5, inner: 1 },
  { outer: 1, groups: 6, inner: 7 },
  { outer: 1, groups: 1, inner: 1 },
  { outer: 3, groups: 2, inner: 9 },
];

/** The group of every element. */
const groupOf = ({ outer, groups, inner }: NormGeometry): number[] =>
  Array.from({ length: outer * groups * inner }, (_, k) => Math.floor(k / inner) % groups);

/** Σ of f over the elements of each group. */
function sums(g: NormGeometry, f: (k: number) => number): Float64Array {
  const totals = new Float64Array(g.groups);
  groupOf(g).forEach((c, k) => {
    totals[c] += f(k);
  });
  return totals;
}

/** One or a few roundings to float32 of numbers of order 1, sums of n of them. */
const near = (got: ArrayLike<number>, expected: ArrayLike<number>, scale = 1): void => {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) {
    expect(Math.abs(got[i] - expected[i])).toBeLessThanOrEqual(2 ** -21 * Math.max(scale, Math.abs(expected[i])));
  }
};

describe.each(tiers)("normalisation ($name)", ({ moments, normalize, normalizeGradient, normalizeReluGradient }) => {
  it("an example: channels [0, 2 | 0, 2] and [5 | 5]", () => {
    const g = { outer: 2, groups: 2, inner: 2 };
    const x = Float32Array.of(0, 2, 5, 5, 0, 2, 5, 5);
    const [mean, variance] = [unwritten(2), unwritten(2)];
    moments(x, mean, variance, g);
    expect([[...mean], [...variance]]).toEqual([
      [1, 5],
      [1, 0],
    ]);
    const y = unwritten(8);
    const by = {
      mean,
      rstd: Float32Array.of(1, 10),
      weight: Float32Array.of(2, 3),
      bias: Float32Array.of(0.5, 7),
    };
    normalize(x, by, null, false, y, g);
    expect([...y]).toEqual([-1.5, 2.5, 7, 7, -1.5, 2.5, 7, 7]);
  });

  describe.each(geometries)("outer=$outer groups=$groups inner=$inner", (g) => {
    const n = g.outer * g.inner;
    const size = n * g.groups;
    const x = random(size, 1).map((v) => 3 * v + 2);
    const gy = random(size, 2);
    const weight = random(g.groups, 3);
    const bias = random(g.groups, 4);
    const rstd = random(g.groups, 5).map((v) => 0.5 + Math.abs(v));
    const mean = random(g.groups, 6);
    const c = groupOf(g);

    it("moments", () => {
      const [m, v] = [unwritten(g.groups), unwritten(g.groups)];
      moments(x, m, v, g);
      const means = sums(g, (k) => x[k]).map((sum) => sum / n);
      near(m, means);
      near(
        v,
        sums(g, (k) => (x[k] - means[c[k]]) ** 2).map((sum) => sum / n),
      );
    });

    it.each([
      ["with weight and bias", weight, bias],
      ["with weight", weight, null],
      ["with bias", null, bias],
      ["plain", null, null],
    ])("normalize %s", (_, w, b) => {
      const y = unwritten(size);
      const by = { mean, rstd, weight: w, bias: b };
      const expected = Float64Array.from(
        x,
        (v, k) => (v - mean[c[k]]) * rstd[c[k]] * (w?.[c[k]] ?? 1) + (b?.[c[k]] ?? 0),
      );
      normalize(x, by, null, false, y, g);
      near(y, expected);
      const sum = expected.map((v, k) => v + gy[k]);
      normalize(x, by, gy, false, y, g);
      near(y, sum);
      const positive = (v: number): number => Math.max(0, v);
      normalize(x, by, gy, true, y, g);
      near(y, sum.map(positive));
      normalize(x, by, null, true, y, g);
      near(y, expected.map(positive));
    });

    it("gradients behind a ReLU: those of what passes, bit for bit", () => {
      const z = random(size, 7).map((v) => Math.max(0, v));
      const passing = gy.map((v, k) => (z[k] > 0 ? v : 0));
      const outputs = (): Float32Array[] => [size, size, g.groups, g.groups].map((length) => unwritten(length));
      const [gz, gx, gWeight, gBias] = outputs();
      const by = { mean, rstd, weight, bias: null };
      normalizeReluGradient(gy, z, x, by, gz, { x: gx, weight: gWeight, bias: gBias }, g);
      const [, ...expected] = outputs();
      normalizeGradient(passing, x, by, { x: expected[0], weight: expected[1], bias: expected[2] }, g);
      expect([gz, gx, gWeight, gBias]).toEqual([passing, ...expected]);
    });

    it.each([
      ["with weight", weight],
      ["without weight", null],
    ])("gradients %s, in any combination", (_, w) => {
      const xHat = Float64Array.from(x, (v, k) => (v - mean[c[k]]) * rstd[c[k]]);
      const gBias = sums(g, (k) => gy[k]);
      const gWeight = sums(g, (k) => gy[k] * xHat[k]);
      const gx = Float64Array.from(
        x,
        (_, k) => (w?.[c[k]] ?? 1) * rstd[c[k]] * (gy[k] - gBias[c[k]] / n - (xHat[k] * gWeight[c[k]]) / n),
      );
      // Cancelling terms: the rounding is that of the largest.
      const scale = 10 * Math.max(1, ...gx.map(Math.abs), ...xHat.map(Math.abs));
      for (let wanted = 0; wanted < 8; wanted++) {
        const outputs = [size, g.groups, g.groups].map((length, i) => (wanted & (1 << i) ? unwritten(length) : null));
        const [gotX, gotWeight, gotBias] = outputs;
        const to = { x: gotX, weight: gotWeight, bias: gotBias };
        normalizeGradient(gy, x, { mean, rstd, weight: w, bias: null }, to, g);
        if (gotX) near(gotX, gx, scale);
        if (gotWeight) near(gotWeight, gWeight, scale);
        if (gotBias) near(gotBias, gBias, scale);
      }
    });
  });

  it("a large mean does not cancel the variance: 10⁶ + {0, 1, 2}", () => {
    const [m, v] = [unwritten(1), unwritten(1)];
    moments(Float32Array.of(1e6, 1e6 + 1, 1e6 + 2), m, v, { outer: 1, groups: 1, inner: 3 });
    expect([m[0], v[0]]).toEqual([1e6 + 1, Math.fround(2 / 3)]);
  });

  it("sums in float64: the mean of 2²⁴, 1, 1 is not 2²⁴/3", () => {
    const [m, v] = [unwritten(1), unwritten(1)];
    moments(Float32Array.of(2 ** 24, 1, 1), m, v, { outer: 3, groups: 1, inner: 1 });
    expect(m[0]).toBe(Math.fround((2 ** 24 + 2) / 3));
  });
});
