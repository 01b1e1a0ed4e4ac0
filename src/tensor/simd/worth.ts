/**
 * When a SIMD kernel is worth calling: the one place that decides.
 *
 * A call costs 0.3 to 0.5 µs before it computes anything; the plain loops need 1 to 2 ns per element. Arrays outside
 * the engine's memory are copied at some 0.2 ns per element, always less than the plain loop. So only size counts.
 * Measured (Node 20; time of the plain kernel divided by that of SIMD; n elements in each array):
 *
 *                        resident arrays                       ordinary arrays, copied
 *   n              256   512   1024   16384   524288      256   512   1024   16384   524288
 *   relu           0.9   1.7    3.5    11      18         0.8   1.2    2.4     6.3     5.9
 *   addition       0.8   1.5    2.7    12      12         0.6   1.0    1.6     4.6     3.9
 *   sum            0.8   1.4    2.5    10      15         0.7   1.3    2.1     5.4     6.1
 *   SGD            1.9   3.5    5.4    15      20         1.1   1.9    2.8     5.4     4.7
 */
import type { Floats } from "../memory.ts";
import type { Engine } from "./wasm/engine.ts";

/** Elements in all arrays of a call: with fewer, the plain loop is as fast. */
const LEAST = 640;
/** The same, for moving elements of ordinary arrays. */
const LEAST_COPIED = 1024;

/**
 * Whether to compute on these arrays (null: absent) in WebAssembly, rather than in the plain kernel. Only size decides,
 * not whose memory they live in, although copying makes 640 a little low. The two tiers round differently, and the same
 * program must give the same bits inside and outside a step, in its first step and in later ones.
 */
export function worthIt(...arrays: readonly (Floats | null)[]): boolean {
  let total = 0;
  for (const array of arrays) if (array) total += array.length;
  return total >= LEAST;
}

/**
 * Whether to move `moved` elements from x to y in WebAssembly. Ordinary arrays are copied whole, both x and y, and y is
 * also copied back, though a slice may be a small part of them. Eight copied elements cost what the plain loop needs
 * for one (measured: 8,192 of 65,536 elements, 10 µs against 16).
 */
export function worthMoving(engine: Engine, moved: number, x: Floats, y: Floats): boolean {
  if (2 * moved < LEAST) return false;
  const copied = (engine.arena.owns(x) ? 0 : x.length) + (engine.arena.owns(y) ? 0 : 2 * y.length);
  return copied === 0 || (2 * moved >= LEAST_COPIED && copied <= 8 * moved);
}
