/**
 * Sums that are as good as the plain tier's, which are float64, and as fast as float32's.
 *
 *   v0   v1   v2   v3      four vectors of a loop's pass
 *     ╲ ╱       ╲ ╱
 *      +         +         float32, two roundings deep, never more
 *        ╲     ╱
 *           +
 *        ╱     ╲
 *   float64   float64      lanes 0, 1 and lanes 2, 3 of the running sum
 *
 * A running sum's error grows with its length; here only the first two additions of each sixteen numbers are float32. So
 * the error of Σ x is at most 2·2⁻²⁴·Σ|x|, however long the row, and typically far less. The widening to float64 costs 5
 * of the 12 instructions of a pass, less than reading 64 bytes from the second cache. (Groups of sixteen whose sum
 * exceeds float32's range, 3.4e38, become ∞ sooner than in float64.)
 */
import { type Code, f32x4, f64x2, get, i32, type Local, type Locals, set, shuffle32, v128 } from "./assembler.ts";
import type { Engine } from "./engine.ts";
import type { Access } from "./loops.ts";

/** A running sum: float64, in lanes that are added up at the end. */
export interface RunningSum {
  /** Adds Σ of the vectors that `term` leaves, in the lanes that count. */
  add(access: Access, term: (v: number) => Code): Code;
  /** Stores the four float64 that are to be added up. */
  store(pointer: Local, offset?: number): Code;
}

export function runningSum(locals: Locals): RunningSum {
  const [low, high, total] = locals.many("v128", 3);
  return {
    add: (access, term) => [
      set(total, access.counted(tree(access.vectors.map(term)))),
      set(low, get(low), get(total), f64x2.promoteLow, f64x2.add),
      set(high, get(high), get(total), get(total), shuffle32(2, 3, 2, 3), f64x2.promoteLow, f64x2.add),
    ],
    store: (pointer, offset = 0) => [
      [get(pointer), get(low), v128.store(offset)],
      [get(pointer), get(high), v128.store(offset + 16)],
    ],
  };
}

/** (t0 + t1) + (t2 + t3), or the only term. */
export function tree([t0, t1, t2, t3]: readonly Code[], add: Code = f32x4.add): Code {
  return t1 ? [t0, t1, add, t2, t3, add, add] : t0;
}

/** The float64 that start at an address (inside `engine.run`: growing the memory detaches them). */
export function doublesAt(engine: Engine, address: number, count: number): Float64Array {
  return new Float64Array(engine.arena.memory.buffer, address, count);
}

/** Float64 that a `RunningSum` stores. */
export const SUM_LANES = 4;

/** The sum whose lanes start at `index`. */
export function totalOf(lanes: Float64Array, index = 0): number {
  return lanes[index] + lanes[index + 1] + (lanes[index + 2] + lanes[index + 3]);
}

/** pointer += bytes, for a number of bytes in a variable. */
export const step = (pointer: Local, bytes: Local): Code => set(pointer, get(pointer), get(bytes), i32.add);
