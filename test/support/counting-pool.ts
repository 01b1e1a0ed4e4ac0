/** The plain tier with a memory that counts: what is given back, when, and how much is there at most. */

import type { Kernels } from "../../src/tensor/kernels.ts";
import type { Floats, Pool } from "../../src/tensor/memory.ts";
import { tierInUse, useKernels } from "../../src/tensor/tier.ts";

export class CountingPool implements Pool {
  readonly live: Set<Floats> = new Set();
  /** Bytes now, and the most there were. */
  bytes = 0;
  most = 0;

  allocate(size: number, float64: boolean): Floats {
    const array = float64 ? new Float64Array(size) : new Float32Array(size);
    this.live.add(array);
    this.bytes += array.byteLength;
    this.most = Math.max(this.most, this.bytes);
    return array;
  }

  owns(array: Floats): boolean {
    return this.live.has(array);
  }

  release(array: Floats): void {
    if (!this.live.delete(array)) throw new Error("an array was given back twice, or is none of this memory");
    this.bytes -= array.byteLength;
    array.fill(Number.NaN);
  }

  reset(): void {
    for (const array of this.live) array.fill(Number.NaN);
    this.live.clear();
    this.bytes = 0;
  }
}

export function countingKernels(): { tier: Kernels; pool: CountingPool } {
  const pool = new CountingPool();
  const before = useKernels("plain");
  const plain = tierInUse() as Kernels;
  useKernels(before);
  return { tier: { ...plain, pool }, pool };
}
