/**
 * How kernels work on ordinary arrays that are too large to be copied into the engine's memory as a whole: on a range of
 * their parts at a time, where an array of a batch has a part for each image.
 *
 *   ordinary array   │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │ 6 │
 *                                ╲       ╱
 *   scratch                      │ 3 │ 4 │            the address is that where part 0 would be
 *
 * The parts come in their order, and running sums go on from one range to the next, so no bit depends on it. This is for
 * kernels that sum over a batch. Those whose results are independent are cut from outside (../parts.ts).
 */
import type { Floats } from "../../memory.ts";
import type { Arena } from "./arena.ts";

/** What is copied at once, in and out: it stays in L2, or is at least an image. */
const BYTES = 2 ** 20;

/** Some of the n parts of an array, beginning with part `from`. */
function partsOf(x: Floats, n: number, from: number, to: number): Floats {
  const size = x.length / n;
  return x.subarray(from * size, to * size);
}

/** How many of n parts, `bytes` each, are copied at once; all ranges are about equal. */
function atOnce(arena: Arena, n: number, bytes: number, least = 1): number {
  const most = Math.max(least, Math.floor(Math.min(BYTES, arena.room / 4) / bytes));
  return Math.ceil(n / Math.ceil(n / most));
}

/**
 * Runs `body` on ranges that make up 0 … n. Each address is where the array's part 0 is or would be, 0 for null. Those
 * of the arrays that `written` names are written, all of each.
 */
export function eachRange(
  arena: Arena,
  n: number,
  arrays: readonly (Floats | null)[],
  written: readonly number[],
  body: (from: number, to: number, addresses: readonly number[]) => void,
): void {
  const copied = (x: Floats | null): number => (x && !arena.owns(x) ? x.length / n : 0);
  const parts = atOnce(arena, n, 4 * arrays.reduce((sum, x) => sum + copied(x), 0));
  arena.within(() => {
    const places = arrays.map((x) => (copied(x) ? arena.scratch(parts * copied(x)) : 0));
    for (let from = 0; from < n; from += parts) {
      const to = Math.min(n, from + parts);
      const addresses = arrays.map((x, i) => {
        if (!x || !places[i]) return x?.byteOffset ?? 0;
        if (!written.includes(i)) arena.floats.set(partsOf(x, n, from, to), places[i] / 4);
        return places[i] - 4 * from * copied(x);
      });
      body(from, to, addresses);
      for (const i of written) {
        if (!places[i]) continue;
        const target = partsOf(arrays[i]!, n, from, to);
        target.set(arena.floats.subarray(places[i] / 4, places[i] / 4 + target.length));
      }
    }
  });
}

/** Brings parts of an ordinary array here, at least `most` at a time; see `Call.window`. */
export function windowOn(arena: Arena, x: Floats, n: number, most: number): (from: number, to: number) => number {
  const size = x.length / n;
  const parts = Math.min(n, atOnce(arena, n, 4 * size, most));
  const place = arena.scratch(parts * size);
  let [first, last] = [0, 0];
  return (from, to) => {
    if (from < first || to > last) {
      [first, last] = [from, Math.min(n, from + parts)];
      arena.floats.set(partsOf(x, n, first, last), place / 4);
    }
    return place - 4 * first * size;
  };
}
