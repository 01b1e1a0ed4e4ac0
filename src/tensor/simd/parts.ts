/**
 * Kernels whose results are independent of one another, on ordinary arrays that are too large for the engine's memory: in
 * parts, of images, planes, rows or elements, of which each is copied, computed and copied back. No sum is cut, and what
 * depends on the whole (a convolution's algorithm) is decided for the whole, so no bit depends on it.
 *
 * Kernels that sum over a batch take ranges of images from inside instead (wasm/ranges.ts). Next: parts-of-kernels.ts.
 */
import type { Floats } from "../memory.ts";
import type { Engine } from "./wasm/engine.ts";

export type Numbers = Floats | Int32Array;

/** A call that falls into `count` equal parts (the last one may be larger). */
export interface Parts<Args> {
  readonly count: number;
  /** The arrays that are cut, and those that each part needs whole. */
  readonly cut: readonly (Numbers | null)[];
  readonly whole?: readonly (Numbers | null)[];
  /** Bytes to copy at once: few, so that they stay in L2, unless a part has work of its own. */
  readonly bytes?: number;
  /** The arguments of the call on parts `from` to `to`. */
  take(from: number, to: number): Args;
}

/** How a kernel's call falls into parts; null where it does not. */
export type Cut<Args extends readonly unknown[]> = (engine: Engine, ...args: Args) => Parts<Args> | null;

const BYTES = 2 ** 21;

/**
 * Computes in parts with `fast`; from a single part on that finds no room, which `failed` is told, with `plain`. False
 * where `fast` does not cover the call.
 */
export function inParts<Args extends readonly unknown[]>(
  engine: Engine,
  fast: (engine: Engine, ...args: Args) => boolean,
  plain: (...args: Args) => void,
  { count, cut, whole = [], bytes = BYTES, take }: Parts<Args>,
  failed: (...args: Args) => void,
): boolean {
  const ordinary = (arrays: readonly (Numbers | null)[]): number =>
    4 * arrays.reduce((sum, x) => sum + (x && !engine.arena.owns(x) ? x.length : 0), 0);
  // Half of what is free is left to the kernel's own scratch.
  const room = Math.min(bytes, (engine.arena.room - ordinary(whole)) / 2);
  let size = Math.max(1, Math.min(count, Math.floor((room * count) / Math.max(1, ordinary(cut)))));
  size = Math.ceil(count / Math.ceil(count / size));
  for (let from = 0; from < count; ) {
    const to = Math.min(count, from + size);
    engine.hadNoRoom = false;
    if (fast(engine, ...take(from, to))) from = to;
    else if (!engine.hadNoRoom) return false;
    else if (size > 1) size = Math.ceil(size / 2);
    else {
      const rest = take(from, count);
      failed(...rest);
      plain(...rest);
      return true;
    }
  }
  return true;
}
