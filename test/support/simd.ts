/** What the tests of SIMD kernels share: one engine, arrays in and out of its memory, comparison with the plain tier. */
import { expect } from "vitest";
import type { Floats } from "../../src/tensor/memory.ts";
import { Engine } from "../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../src/tensor/simd/wasm/features.ts";

export const engine: Engine = new Engine(webAssembly()!);

/** How a test's arrays are held: as ordinary ones, or in the engine's memory. */
export const homes = ["ordinary", "resident"] as const;
export type Home = (typeof homes)[number];

/** A copy of the numbers, held in that way. */
export function place(home: Home, x: Float32Array): Float32Array {
  if (home === "ordinary") return x.slice();
  const y = engine.arena.allocate(x.length)!;
  y.set(x);
  return y;
}

/** The number of float32 between two of them: 0 for equal ones (0 and −0 too) and for two NaN. */
export function ulps(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  const [p, q] = new Int32Array(Float32Array.of(a, b).buffer);
  const order = (bits: number): number => (bits < 0 ? -(bits & 0x7fffffff) : bits);
  return Math.abs(order(p) - order(q));
}

/** Each number within `most` float32 of the expected one. */
export function expectUlps(got: Floats, expected: Floats, most: number): void {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  let at = 0;
  for (let i = 0; i < got.length; i++) {
    const distance = ulps(got[i], expected[i]);
    if (distance > worst) [worst, at] = [distance, i];
  }
  expect(worst, `element ${at}: ${got[at]} for ${expected[at]}`).toBeLessThanOrEqual(most);
}

/** Each number within 2⁻²⁴·roundings of the expected one, relative to `scale` (a bound of the terms it is made of). */
export function expectNear(got: Floats, expected: Floats, roundings: number, scale: number): void {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  let at = 0;
  for (let i = 0; i < got.length; i++) {
    const difference = Object.is(got[i], expected[i]) ? 0 : Math.abs(got[i] - expected[i]);
    const distance = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    if (distance > worst) [worst, at] = [distance, i];
  }
  expect(worst, `element ${at}: ${got[at]} for ${expected[at]}`).toBeLessThanOrEqual(2 ** -24 * roundings * scale);
}
