/** What the tests of threads share: tiers of one and of several threads, and how often work was divided. */
import { type MockInstance, vi } from "vitest";
import type { ArrayKernels } from "../../src/tensor/kernels.ts";
import { kernelsOf } from "../../src/tensor/simd/index.ts";
import { Threads } from "../../src/tensor/simd/threads/threads.ts";
import { Engine } from "../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../src/tensor/simd/wasm/features.ts";
import { useThreads } from "../../src/tensor/threads.ts";
import { tierInUse, useKernels } from "../../src/tensor/tier.ts";

/** How many threads must compute the same. */
export const COUNTS = [1, 2, 3, 5, 8] as const;

/** A tier that knows nothing of threads. */
export const oneThread: ArrayKernels = kernelsOf(new Engine(webAssembly()!));

/** The SIMD tier on n threads; `oneThread` is in use afterwards. */
export async function threadsOf(n: number): Promise<ArrayKernels> {
  useKernels("simd");
  const { threads, why } = await useThreads(n);
  if (threads !== n) throw new Error(`${n} threads: ${why}`);
  const tier = tierInUse() as unknown as ArrayKernels;
  useKernels(oneThread);
  return tier;
}

/** Counts how often work is divided among threads. From now on it is, even where other programs keep the cores busy. */
export function watchTeam(): MockInstance {
  vi.spyOn(Threads.prototype, "keepsUp").mockReturnValue(true);
  return vi.spyOn(Threads.prototype, "run");
}

/** The first of the numbers whose bits differ, or −1. */
export function firstDifference(a: Float32Array | Int32Array, b: Float32Array | Int32Array): number {
  const [p, q] = [a, b].map(
    ({ buffer, byteOffset, length }) => new Int32Array(buffer as ArrayBuffer, byteOffset, length),
  );
  return p.length === q.length ? p.findIndex((v, i) => v !== q[i]) : Math.min(p.length, q.length);
}
