/** The measured tiers, including the SIMD tier restricted to one algorithm for convolutions. */
import type { ConvAlgorithm, ConvGeometry } from "../src/tensor/geometry/conv.ts";
import type { ArrayKernels } from "../src/tensor/kernels.ts";
import type { Floats, Pool } from "../src/tensor/memory.ts";
import { plainKernels } from "../src/tensor/plain/index.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "../src/tensor/simd/conv/conv.ts";
import { kernelsOf } from "../src/tensor/simd/index.ts";
import { Engine } from "../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../src/tensor/simd/wasm/features.ts";
import { useThreads } from "../src/tensor/threads.ts";
import { tierInUse, useKernels } from "../src/tensor/tier.ts";
import { naiveKernels } from "./naive-kernels.ts";

/**
 * The engine's memory with arrays in it that outlive the steps, as the activations of a network outlive a kernel.
 *
 * The arena allocates from the bottom up: the first allocations after a reset get the same addresses again, and nothing
 * has written there in between.
 */
class ResidentPool implements Pool {
  readonly #pool: Pool;
  readonly #residents: Float32Array[] = [];

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  allocate(size: number, float64 = false): Floats | undefined {
    return this.#pool.allocate(size, float64);
  }

  /** Call it outside steps. */
  allocateResident(size: number): Float32Array {
    const array = this.#pool.allocate(size, false) as Float32Array | undefined;
    if (!array) throw new Error(`the engine has no room for ${size} numbers`);
    this.#residents.push(array);
    return array;
  }

  owns(array: Floats): boolean {
    return this.#pool.owns(array);
  }

  release(array: Floats): void {
    this.#pool.release?.(array);
  }

  reset(): void {
    this.#pool.reset();
    for (const { length, byteOffset } of this.#residents) {
      if (this.#pool.allocate(length, false)?.byteOffset === byteOffset) continue;
      throw new Error("a fused model's kept weights moved below arrays that must stay");
    }
  }

  clear(): void {
    this.#residents.length = 0;
    this.#pool.reset();
  }
}

const wasm = webAssembly();
export const engine: Engine | undefined = wasm && new Engine(wasm);
const pool = engine && new ResidentPool(engine.arena);

/** The SIMD tier on several threads, if there is one, and how many. */
let team: { readonly threads: number; readonly kernels: ArrayKernels; readonly pool: ResidentPool } | undefined;

/** An array in the kernels' own memory, kept until `clearResidents`; its contents are undefined. */
export function resident(kernels: ArrayKernels, size: number): Float32Array {
  return kernels.pool instanceof ResidentPool ? kernels.pool.allocateResident(size) : new Float32Array(size);
}

export function clearResidents(): void {
  pool?.clear();
  team?.pool.clear();
}

/** Thrown by a tier that is restricted to an algorithm, if that does not cover the geometry. */
export class NotCovered extends Error {}

export const algorithms: readonly ConvAlgorithm[] = ["im2col", "direct", "winograd2", "winograd2x4", "winograd4"];

export const tierNames: readonly string[] = ["plain", "simd", ...algorithms, "naive"];

/**
 * The kernels by name; an algorithm's name is the SIMD tier with that algorithm.
 *
 * @param strict whether such a tier throws NotCovered if the algorithm cannot compute; otherwise the automatic choice does.
 */
export function tier(name: string, strict: boolean): ArrayKernels {
  if (name === "plain") return plainKernels;
  if (name === "naive") return naiveKernels;
  if (!engine || !pool) throw new Error("this platform has no WebAssembly");
  const simd: ArrayKernels = { ...kernelsOf(engine), pool };
  if (name === "simd") return simd;
  const algorithm = algorithms.find((a) => a === name);
  if (!algorithm) throw new Error(`there is no tier "${name}": there are ${tierNames.join(", ")}`);
  const done = (covered: boolean, automatic: () => void): void => {
    if (covered) return;
    if (strict) throw new NotCovered(`${name} does not cover this geometry`);
    automatic();
  };
  const at = engine;
  const withAlgorithm = (g: ConvGeometry): ConvGeometry => ({ ...g, algorithm });
  return {
    ...simd,
    name: `simd ${name}`,
    conv2d: (x, w, b, y, g, add, relu) =>
      done(conv2d(at, x, w, b, y, withAlgorithm(g), add, relu), () => simd.conv2d(x, w, b, y, g, add, relu)),
    conv2dInputGradient: (gy, w, gx, g) =>
      done(conv2dInputGradient(at, gy, w, gx, withAlgorithm(g)), () => simd.conv2dInputGradient(gy, w, gx, g)),
    conv2dWeightGradient: (gy, x, gw, g) =>
      done(conv2dWeightGradient(at, gy, x, gw, withAlgorithm(g)), () => simd.conv2dWeightGradient(gy, x, gw, g)),
  };
}

/**
 * The SIMD tier on so many threads. It and the tiers of one thread have memories of their own and stay in use side by side, so
 * that work on both can take turns in one process. There is one team of threads at a time: another number ends it.
 *
 * @throws Error saying why, if fewer threads compute.
 */
export async function threadedTier(threads: number): Promise<ArrayKernels> {
  if (team?.threads === threads) return team.kernels;
  const before = tierInUse();
  const { threads: count, why } = await useThreads(threads);
  if (count !== threads) throw new Error(`${count} of ${threads} threads compute: ${why}`);
  useKernels("simd");
  const kernels = tierInUse() as unknown as ArrayKernels;
  useKernels(before);
  const ownPool = new ResidentPool(kernels.pool!);
  team = { threads, kernels: { ...kernels, pool: ownPool }, pool: ownPool };
  return team.kernels;
}
