/**
 * Sums as good as the plain tier's, which are float64, and as fast as float32.
 *
 *   v0 → + → + → + → total      the four vectors of a loop's pass, in float32: three additions, never more
 *        v1  v2  v3    │
 *                   ╱     ╲
 *            float64       float64        lanes 0, 1 and lanes 2, 3 of the running sum
 *
 * A running sum's error grows with its length; here only the three additions of each sixteen numbers are float32. So
 * the error of Σ x is at most 3·2⁻²⁴·Σ|x|, however long the row, and typically far less. Widening to float64 costs 5 of
 * the 12 instructions of a pass, less than reading 64 bytes from the second cache.
 *
 * Four neighbours whose sum exceeds float32's range, 3.4e38, give ∞ where float64 is finite; ∞ and NaN never leave a
 * sum again. So a kernel checks its sums and returns false if one is not finite: the plain kernel then computes all of
 * it again. `LARGE` is for kernels that go on computing with a sum in float32.
 */
import { type Code, f64x2, get, type Local, type Locals, set, shuffle32, v128 } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";

/** A running sum in float64, as four lanes that are added up at the end. */
export interface RunningSum {
  readonly low: Local;
  readonly high: Local;
  /** Adds the four float32 in a variable. */
  add(total: Local): Code;
  /** Sets the lanes to stored values. */
  load(pointer: Local, offset: number): Code;
  /** Stores the lanes, SUM_LANES float64. */
  store(pointer: Local, offset: number): Code;
}

export function runningSum(locals: Locals): RunningSum {
  const [low, high] = locals.many("v128", 2);
  return {
    low,
    high,
    add: (total) => [
      set(low, get(low), get(total), f64x2.promoteLow, f64x2.add),
      set(high, get(high), get(total), get(total), shuffle32(2, 3, 2, 3), f64x2.promoteLow, f64x2.add),
    ],
    load: (pointer, offset) => [
      set(low, get(pointer), v128.load(offset)),
      set(high, get(pointer), v128.load(offset + 16)),
    ],
    store: (pointer, offset) => [
      [get(pointer), get(low), v128.store(offset)],
      [get(pointer), get(high), v128.store(offset + 16)],
    ],
  };
}

/** A number below this stays within float32's range after adding any float32, except those that round to ∞. */
export const LARGE: number = 2 ** 100;

/** How many float64 a `RunningSum` stores. */
export const SUM_LANES = 4;

/** The sum whose lanes start at `index`. */
export function totalOf(lanes: Float64Array, index = 0): number {
  return lanes[index] + lanes[index + 1] + (lanes[index + 2] + lanes[index + 3]);
}

/** The float64 at an address (inside `engine.run`: growing the memory detaches them). */
export function doublesAt(engine: Engine, address: number, count: number): Float64Array {
  return new Float64Array(engine.arena.memory.buffer, address, count);
}
