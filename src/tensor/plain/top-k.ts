/** The k first numbers of a sorted line, found without sorting the rest. */
import type { AxisGeometry } from "../geometry/axis.ts";
import type { Floats } from "../memory.ts";

/**
 * indices → positions of the k largest or smallest numbers of each line, in order; of equal ones the first comes first.
 *
 * A number is put into its place among the k best so far, or skipped if it belongs behind them, as most do.
 */
export function topK(x: Floats, indices: Int32Array, k: number, largest: boolean, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  if (k === 0) return;
  const isBefore = largest ? isLarger : isSmaller;
  const best = new Int32Array(k);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * length * inner + i;
      const ranked = (rank: number): number => x[start + best[rank] * inner];
      let last = Number.NaN;
      for (let position = 0; position < length; position++) {
        const v = x[start + position * inner];
        const found = Math.min(position, k);
        // The first comparison alone decides about most: with it, 1000 lines of 1000 numbers take a third of the time.
        if (found === k && ((largest ? v <= last : v >= last) || !isBefore(v, last))) continue;
        const place = placeOf(v, found, ranked, isBefore);
        best.copyWithin(place + 1, place, Math.min(found, k - 1));
        best[place] = position;
        if (position >= k - 1) last = ranked(k - 1);
      }
      for (let rank = 0; rank < k; rank++) indices[(o * k + rank) * inner + i] = best[rank];
    }
  }
}

/** How many of the `count` sorted numbers stay before v. */
function placeOf(
  v: number,
  count: number,
  at: (rank: number) => number,
  isBefore: (p: number, q: number) => boolean,
): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(v, at(middle))) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** NaN is larger than every number. */
function isLarger(p: number, q: number): boolean {
  return p > q || (Number.isNaN(p) && !Number.isNaN(q));
}

function isSmaller(p: number, q: number): boolean {
  return isLarger(q, p);
}
