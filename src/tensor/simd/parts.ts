/**
 * Kernels whose results are independent of one another, on ordinary arrays that are too large for the engine's memory: in
 * parts, of images, planes, rows or elements, of which each is copied, computed and copied back. No sum is cut, and what
 * depends on the whole (a convolution's algorithm) is decided for the whole, so no bit depends on it.
 *
 * Kernels that sum over a batch take ranges of images from inside instead (wasm/ranges.ts). Next: parts-of-kernels.ts.
 */
import type { Floats } from "../memory.ts";
import type { Engine } from "./wasm/engine.ts";

/** A call that falls into `count` equal parts. */
export interface Parts<Args> {
  readonly count: number;
  /** Parts that stay together; the last of these units may be larger. */
  readonly unit?: number;
  /** Bytes to copy at once: few, so that they stay in L2, unless a part has work of its own. */
  readonly bytes?: number;
  /** The arguments of the call on parts `from` to `to`; of none, the arrays that each part needs whole. */
  take(from: number, to: number): Args;
}

/** How a kernel's call falls into parts; null where it does not. */
export type Cut<Args> = (args: Args, engine: Engine) => Parts<Args> | null;

const BYTES = 2 ** 21;

export function isArray(argument: unknown): argument is Floats | Int32Array {
  return ArrayBuffer.isView(argument);
}

/**
 * Computes in parts with `fast`; from a single part on that finds no room, which `failed` is told, with `plain`. False
 * where `fast` does not cover the call.
 */
export function inParts<Args extends readonly unknown[]>(
  engine: Engine,
  fast: (engine: Engine, ...args: Args) => boolean,
  plain: (...args: Args) => void,
  { count, unit = 1, bytes = BYTES, take }: Parts<Args>,
  failed: (args: Args) => void,
): boolean {
  const units = Math.max(1, Math.floor(count / unit));
  const some = (from: number, to: number): Args => take(from * unit, to === units ? count : to * unit);
  const copied = (args: Args): number =>
    args.reduce<number>((sum, x) => sum + (isArray(x) && !engine.arena.owns(x) ? x.byteLength : 0), 0);
  const whole = copied(take(0, 0));
  // Half of what is free is left to the kernel's own scratch.
  const room = Math.min(bytes, (engine.arena.room - whole) / 2);
  const most = Math.floor((room * units) / (copied(some(0, units)) - whole || 1));
  let size = Math.ceil(units / Math.ceil(units / Math.max(1, most)));
  for (let from = 0; from < units; ) {
    const to = Math.min(units, from + size);
    engine.hadNoRoom = false;
    if (fast(engine, ...some(from, to))) from = to;
    else if (!engine.hadNoRoom) return false;
    else if (size > 1) size = Math.ceil(size / 2);
    else {
      const rest = some(from, units);
      failed(rest);
      plain(...rest);
      return true;
    }
  }
  return true;
}
