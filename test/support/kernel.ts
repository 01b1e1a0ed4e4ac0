/** What kernel tests share: random numbers, outputs that show what was not written, comparison within rounding. */
import { expect } from "vitest";
import type { ArrayKernels } from "../../src/tensor/kernels.ts";
import type { Floats } from "../../src/tensor/memory.ts";
import { plainKernels } from "../../src/tensor/plain/index.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { kernelsOf } from "../../src/tensor/simd/index.ts";
import { replacingArrays } from "./arguments.ts";
import { engine } from "./simd.ts";

const simdKernels = kernelsOf(engine);

/** Every kernel test runs on each of these. The last two differ in where the arrays live: copied in and out, or not. */
export const tiers: readonly ArrayKernels[] = [plainKernels, simdKernels, resident(simdKernels)];

/** The same kernels, called with arrays (also those in records) in the engine's memory, between numbers that must not change. */
function resident(inner: ArrayKernels): ArrayKernels {
  const call =
    (kernel: (...args: unknown[]) => void) =>
    (...args: unknown[]): void => {
      const moved: { from: Float32Array; to: Float32Array; fence: Float32Array }[] = [];
      const home = (from: Floats): Floats => {
        if (!(from instanceof Float32Array)) return from;
        const to = engine.arena.allocate(from.length)!;
        const fence = engine.arena.allocate(16)!.fill(-77.25);
        to.set(from);
        moved.push({ from, to, fence });
        return to;
      };
      kernel(...args.map((argument) => replacingArrays(argument, home)));
      for (const { from, to, fence } of moved) {
        if (!fence.every((v) => v === -77.25)) throw new Error("a kernel wrote behind the end of an array");
        from.set(to);
      }
      engine.arena.reset();
    };
  const kernels = Object.entries(inner).map(([name, kernel]) => [
    name,
    typeof kernel === "function" ? call(kernel as (...args: unknown[]) => void) : kernel,
  ]);
  return { ...(Object.fromEntries(kernels) as unknown as ArrayKernels), name: "simd, in its own memory" };
}

/** Normal random numbers, rounded to float32: the same in a Float64Array. */
export function random(size: number, seed = 0): Float32Array {
  const rng = new Rng(seed);
  return Float32Array.from({ length: size }, () => rng.normal());
}

/** An output that holds NaN wherever the kernel forgets to write. */
export function unwritten(size: number): Float32Array {
  return new Float32Array(size).fill(Number.NaN);
}

/**
 * Holds float32 results to a float64 reference. Each is a sum of `terms` products of normal numbers, whose rounding
 * errors grow no faster than the number of terms: 2⁻²⁴ relative to √terms, the size of such a sum, for each.
 */
export function expectClose(got: Floats, expected: Floats, terms: number): void {
  expect(got.length).toBe(expected.length);
  const tolerance = 2 ** -24 * Math.max(8, terms) * Math.sqrt(terms);
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i] - expected[i]);
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}
