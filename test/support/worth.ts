/**
 * Stands in for src/tensor/simd/worth.ts where a test wants every SIMD kernel to run, however small its arrays:
 *
 *   vi.mock("…/src/tensor/simd/worth.ts", () => import("…/support/worth.ts"));
 */

import type { Floats } from "../../src/tensor/memory.ts";
import type { Engine } from "../../src/tensor/simd/wasm/engine.ts";

export function worthIt(...arrays: readonly (Floats | null)[]): boolean {
  return arrays.some((array) => array !== null && array.length > 0);
}

export function worthMoving(_engine: Engine, moved: number, _x: Floats, _y: Floats): boolean {
  return moved > 0;
}
