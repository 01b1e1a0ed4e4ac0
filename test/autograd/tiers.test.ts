/**
 * Every operation on both tiers, forward and backward, in float32.
 *
 * The derivatives' own tests (ops.test.ts) compute in float64, where the SIMD tier steps aside for the plain one. Here the
 * tiers are held together: within rounding to each other; and the SIMD tier, bit for bit, to itself, whether tensors live
 * in a step's memory or not, in whatever state that memory is.
 */
import { readdirSync } from "node:fs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { randn } from "../../src/tensor/create.ts";
import { debugMemory } from "../../src/tensor/memory.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import type { OpCase } from "./cases/types.ts";

vi.mock("../../src/tensor/simd/worth.ts", () => import("../support/worth.ts"));

const families = await Promise.all(
  readdirSync(new URL("./cases", import.meta.url))
    .filter((file) => file.endsWith(".ts") && file !== "types.ts")
    .map((file) => file.replace(".ts", ""))
    .map(async (family) => ({
      family,
      cases: ((await import(`./cases/${family}.ts`)) as { cases: readonly OpCase[] }).cases,
    })),
);

/** Standard normal inputs in float32, as the case wants them. */
function inputsOf({ inputs, prepare = (v) => v }: OpCase, shapes: readonly Shape[] = inputs): Tensor[] {
  const rng = new Rng(11);
  return shapes.map((shape, i) => {
    const t = randn(shape, rng);
    return new Tensor(
      t.data.map((v) => prepare(v, i)),
      shape,
      true,
    );
  });
}

/** y and every input's gradient of ⟨u, y⟩ with u random, computed without a step. */
function outside(c: OpCase, inputs: readonly Tensor[]): Float32Array[] {
  const y = c.call(...inputs);
  const grads = backward(y, { gradient: randn(y.shape, new Rng(12)) });
  return [y, ...inputs.map((x) => grads.get(x))].map((t) => Float32Array.from(t.data));
}

/** The same in a step. */
function inside(c: OpCase, inputs: readonly Tensor[]): Float32Array[] {
  const { value, grads } = valueAndGrad(() => {
    const y = c.call(...inputs);
    return { loss: sum(mul(y, randn(y.shape, new Rng(12)))), y };
  });
  return [value.y, ...inputs.map((x) => grads.get(x))].map((t) => Float32Array.from(t.data));
}

/**
 * Largest difference in units of 2⁻²⁴ of the largest number of the result: the scale at which a sum of terms of mixed
 * sign rounds. Special values must be the same.
 */
function roundings(got: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 2 ** -24);
  let worst = 0;
  expected.forEach((v, i) => {
    const difference = Object.is(got[i], v) || got[i] === v ? 0 : Math.abs(got[i] - v);
    worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference / scale);
  });
  return worst * 2 ** 24;
}

beforeAll(() => {
  useKernels("simd");
});
afterEach(() => {
  debugMemory(false);
  useKernels("simd");
});

describe.each(families)("$family", ({ cases }) => {
  for (const c of cases) {
    it(`${c.name.startsWith(c.op) ? c.name : `${c.op} ${c.name}`}: simd agrees with plain, and with itself in a step`, () => {
      const inputs = inputsOf(c);
      useKernels("plain");
      const expected = outside(c, inputs);
      useKernels("simd");
      const got = outside(c, inputs);
      // 16 roundings: exp and what is built of it may be off by a few, and sums here have at most some hundred terms.
      for (const [i, values] of got.entries()) expect(roundings(values, expected[i])).toBeLessThanOrEqual(16);
      debugMemory(true);
      expect(inside(c, inputs)).toEqual(got);
    });
  }
});
