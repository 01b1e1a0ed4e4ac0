/**
 * When a SIMD kernel is worth calling: the one place that decides, by measured rules (bench/…).
 */
import type { Floats } from "../memory.ts";
import type { Engine } from "./engine.ts";




/** Below, the call itself costs more than the plain loop. */
const LEAST_RESIDENT = 32;
const LEAST_COPIED = 512;

/** Whether to compute arrays of these in WebAssembly, or leave them to the plain kernel. */
export function worthIt(engine: Engine, ...arrays: readonly (Floats | null)[]): boolean {
  let total = 0;
  let copied = 0;
  for (const array of arrays) {
    if (!array) continue;
    total += array.length;
    if (!engine.arena.owns(array)) copied += array.length;
  }
  return total >= (copied > 0 ? LEAST_COPIED : LEAST_RESIDENT);
}
