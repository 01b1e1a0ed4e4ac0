/**
 * ArrayKernels that add up, over all magnitudes of float32: 1e-38 to 3e38, where four neighbours' sum or a square leaves the
 * range although the result does not. The oracle is the plain tier on the same numbers in float64. Where its result,
 * rounded, is finite, so is every tier's, and right.
 */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { NormGeometry } from "../../../src/tensor/geometry/norm.ts";
import { poolGeometry } from "../../../src/tensor/geometry/pool.ts";
import { reduceGeometry } from "../../../src/tensor/geometry/reduce.ts";
import type { ArrayKernels } from "../../../src/tensor/kernels.ts";
import type { Floats } from "../../../src/tensor/memory.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { tiers, unwritten } from "../../support/kernel.ts";
import { engine } from "../../support/simd.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

/** How numbers of one magnitude are arranged: what makes partial sums large where the whole is small, or the reverse. */
const PATTERNS = {
  equal: () => 1,
  "first half +, second half −": (i, n) => (2 * i < n ? 1 : -1),
  alternating: (i) => (i % 2 === 0 ? 1 : -1),
  "one in twenty": (i) => (i % 20 === 7 ? 1 : 0),
  normal: (_i, _n, rng) => Math.max(-1, Math.min(1, rng.normal() / 3)),
} as const satisfies Record<string, (i: number, n: number, rng: Rng) => number>;
type Pattern = keyof typeof PATTERNS;

/** An array of numbers of up to that magnitude. */
function numbers(size: number, magnitude: number, pattern: Pattern, seed: number): Float32Array {
  const rng = new Rng(seed);
  const next: (i: number, n: number, rng: Rng) => number = PATTERNS[pattern];
  return Float32Array.from({ length: size }, (_, i) => magnitude * next(i, size, rng));
}

const magnitude = fc.double({ min: -38, max: Math.log10(3.3e38), noNaN: true }).map((exponent) => 10 ** exponent);
const edges = [1e-38, 1e-30, 1e-23, 1e-19, 1, 1e18, 1e19, 1e20, 1e30, 1e38, 3.3e38];
const arrays = fc.record({
  magnitude: fc.oneof(magnitude, fc.constantFrom(...edges)),
  pattern: fc.constantFrom(...(Object.keys(PATTERNS) as Pattern[])),
  seed: fc.integer({ min: 1, max: 1000 }),
});
const RUNS = { seed: 3, numRuns: 250 };

/** A kernel's call: its inputs come as they are, or in float64; what it returns has been written by it. */
type Call = (
  k: ArrayKernels,
  as: <T extends Floats>(x: T) => Floats,
  output: (size: number) => Floats,
) => readonly Floats[];

/**
 * Holds a tier to the oracle. `scale` bounds the terms that a result is made of, by what is subtracted too: errors are
 * roundings of these, and of the smallest number, 2⁻¹⁴⁹.
 */
function expectRight(tier: ArrayKernels, call: Call, scales: readonly number[]): void {
  const exact = call(
    plainKernels,
    (x) => Float64Array.from(x),
    (size) => new Float64Array(size).fill(Number.NaN),
  );
  const got = call(tier, (x) => x.slice(), unwritten);
  engine.arena.reset();
  exact.forEach((values, output) => {
    const tolerance = 64 * 2 ** -24 * scales[output] + 64 * 2 ** -149;
    for (let i = 0; i < values.length; i++) {
      const expected = values[i];
      // Within its roundings of ∞ a sum may be ∞.
      if (!(Math.abs(expected) + tolerance < 3.4e38)) continue;
      const error = Math.abs(got[output][i] - expected);
      if (!(error <= tolerance)) {
        expect.fail(`result ${output}, element ${i}: ${got[output][i]}, not ${expected} (within ${tolerance})`);
      }
    }
  });
}

/** The largest of |x|, in float64. */
const largest = (...xs: readonly Floats[]): number =>
  xs.reduce((most, x) => Float64Array.from(x).reduce((m, v) => Math.max(m, Math.abs(v)), most), 0);

describe.each(tiers)("sums of numbers of all magnitudes ($name)", (tier) => {
  it("4096 × 3e38: the mean is 3e38, of a plane too; halves cancel", () => {
    const many = new Float32Array(4096).fill(3e38);
    const halves = many.map((v, i) => (i < 2048 ? v : -v));
    const g = reduceGeometry("mean", [4096], undefined, false);
    const [mean, sum] = [unwritten(1), unwritten(1)];
    tier.reduce("mean", many, mean, g);
    expect(mean[0]).toBe(Math.fround(3e38));
    tier.reduce("sum", halves, sum, g);
    expect(sum[0]).toBe(0);
    for (const kernelSize of [2, 64]) {
      const pool = poolGeometry("avgPool2d", [1, 1, 64, 64], { kernelSize, stride: kernelSize });
      const y = unwritten((64 / kernelSize) ** 2);
      tier.avgPool2d(many, y, pool);
      expect(y.every((v) => v === Math.fround(3e38))).toBe(true);
    }
  });

  const shapes: readonly (readonly [shape: number[], axes: number[]])[] = [
    [[1000], [0]],
    [[7, 67], [1]],
    [[37, 21], [0]],
    [
      [3, 5, 9, 9],
      [0, 2, 3],
    ],
    [[5, 50, 18], [1]],
  ];
  it.each(shapes)("sum, mean and variance of %j over %j", (shape, axes) => {
    fc.assert(
      fc.property(arrays, fc.constantFrom("sum", "mean", "variance", "std"), (x, op) => {
        const g = reduceGeometry(op, shape, axes, false);
        const data = numbers(
          shape.reduce((a, b) => a * b),
          x.magnitude,
          x.pattern,
          x.seed,
        );
        const most = largest(data);
        const scale = { sum: most * g.count, mean: most, variance: 4 * most * most, std: most }[op];
        expectRight(
          tier,
          (k, as, output) => {
            const y = output(g.kept.length);
            if (op === "sum" || op === "mean") k.reduce(op, as(data), y, g);
            else k.variance(as(data), y, g, g.count - 1, op === "std");
            return [y];
          },
          [scale],
        );
      }),
      RUNS,
    );
  });

  it.each([
    [2, 8],
    [9, 9],
  ])("average pooling, %i of %i", (kernelSize, size) => {
    const g = poolGeometry("avgPool2d", [2, 3, size, size], { kernelSize, stride: kernelSize });
    fc.assert(
      fc.property(arrays, (x) => {
        const data = numbers(6 * size * size, x.magnitude, x.pattern, x.seed);
        expectRight(
          tier,
          (k, as, output) => {
            const y = output(6 * g.Ho * g.Wo);
            k.avgPool2d(as(data), y, g);
            return [y];
          },
          [largest(data)],
        );
      }),
      RUNS,
    );
  });

  const g: NormGeometry = { outer: 3, groups: 4, inner: 21 };
  const size = 3 * 4 * 21;
  /** Exact moments, as the kernels' arguments. */
  const momentsOf = (x: Float32Array, eps: number): { mean: Float32Array; rstd: Float32Array } => {
    const [mean, variance] = [new Float64Array(4), new Float64Array(4)];
    plainKernels.moments(Float64Array.from(x), mean, variance, g);
    return { mean: Float32Array.from(mean), rstd: Float32Array.from(variance, (v) => 1 / Math.sqrt(v + eps)) };
  };

  it("moments", () => {
    fc.assert(
      fc.property(arrays, (x) => {
        const data = numbers(size, x.magnitude, x.pattern, x.seed);
        const most = largest(data);
        expectRight(
          tier,
          (k, as, output) => {
            const [mean, variance] = [output(4), output(4)];
            k.moments(as(data), mean, variance, g);
            return [mean, variance];
          },
          [most, 4 * most * most],
        );
      }),
      RUNS,
    );
  });

  it("normalize", () => {
    fc.assert(
      fc.property(arrays, arrays, arrays, (x, w, b) => {
        const data = numbers(size, x.magnitude, x.pattern, x.seed);
        const { mean, rstd } = momentsOf(data, 1e-5);
        const weight = numbers(4, w.magnitude, w.pattern, w.seed);
        const bias = numbers(4, b.magnitude, b.pattern, b.seed);
        const scale = 2 * largest(data) * largest(rstd) * largest(weight) + largest(bias);
        expectRight(
          tier,
          (k, as, output) => {
            const y = output(size);
            const by = { mean: as(mean), rstd: as(rstd), weight: as(weight), bias: as(bias) };
            k.normalize(as(data), by, null, false, y, g);
            return [y];
          },
          [scale],
        );
      }),
      RUNS,
    );
  });

  it.each(["normalizeGradient", "normalizeReluGradient"] as const)("%s", (name) => {
    fc.assert(
      fc.property(arrays, arrays, fc.constantFrom(0, 1e-5), (x, u, eps) => {
        const data = numbers(size, x.magnitude, x.pattern === "equal" ? "normal" : x.pattern, x.seed);
        const gy = numbers(size, u.magnitude, u.pattern, u.seed);
        const { mean, rstd } = momentsOf(data, eps);
        if (!rstd.every(Number.isFinite)) return;
        const z = numbers(size, 1, "normal", 5);
        // |x̂| is at most √n, whatever the magnitude.
        const [most, n] = [largest(gy), 63];
        const upstream = 2 * Math.sqrt(n) * n * most;
        expectRight(
          tier,
          (k, as, output) => {
            const [gz, gx, gw, gb] = [output(size), output(size), output(4), output(4)];
            const by = { mean: as(mean), rstd: as(rstd), weight: null, bias: null };
            const to = { x: gx, weight: gw, bias: gb };
            if (name === "normalizeGradient") {
              k.normalizeGradient(as(gy), as(data), by, to, g);
              return [gx, gw, gb];
            }
            k.normalizeReluGradient(as(gy), as(z), as(data), by, gz, to, g);
            return [gx, gw, gb, gz];
          },
          [largest(rstd) * upstream, upstream, n * most, most],
        );
      }),
      RUNS,
    );
  });

  it.each(["softmaxGradient", "logSoftmaxGradient"] as const)("%s", (name) => {
    const rows = { outer: 5, length: 37, inner: 1 };
    fc.assert(
      fc.property(arrays, (u) => {
        const gy = numbers(5 * 37, u.magnitude, u.pattern, u.seed);
        const y = new Float32Array(gy.length);
        plainKernels[name === "softmaxGradient" ? "softmax" : "logSoftmax"](
          numbers(gy.length, 3, "normal", u.seed + 1),
          y,
          rows,
        );
        const bound = (name === "softmaxGradient" ? 2 : 38) * largest(gy);
        expectRight(
          tier,
          (k, as, output) => {
            const gx = output(gy.length);
            k[name](as(gy), as(y), gx, rows);
            return [gx];
          },
          [bound],
        );
      }),
      RUNS,
    );
  });

  it("softmax and its logarithm of rows between −3e38 and 3e38 are finite where the plain tier's are", () => {
    const rows = { outer: 5, length: 37, inner: 1 };
    fc.assert(
      fc.property(arrays, fc.constantFrom("softmax", "logSoftmax"), (x, name) => {
        const data = numbers(5 * 37, x.magnitude, x.pattern, x.seed);
        expectRight(
          tier,
          (k, as, output) => {
            const y = output(data.length);
            k[name](as(data), y, rows);
            return [y];
          },
          [name === "softmax" ? 1 : 2 * largest(data) + 10],
        );
      }),
      RUNS,
    );
  });
});
