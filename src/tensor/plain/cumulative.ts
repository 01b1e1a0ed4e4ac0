/** Running sums along the middle axis of x `[outer, length, inner]`, accumulated in float64 and rounded one by one. */
import type { AxisGeometry } from "../geometry/axis.ts";
import type { Floats } from "../memory.ts";

export function cumsum(x: Floats, y: Floats, { outer, length, inner }: AxisGeometry, reverse: boolean): void {
  const step = reverse ? -inner : inner;
  // Neighbouring lines are summed side by side, so that x is read in order.
  const totals = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    totals.fill(0);
    let row = (o * length + (reverse ? length - 1 : 0)) * inner;
    for (let l = 0; l < length; l++, row += step) {
      for (let i = 0; i < inner; i++) y[row + i] = totals[i] += x[row + i];
    }
  }
}
