/** A surface as flat faces in the plane of the picture, the farthest first, so that nearer ones cover it. */
import type { Grid } from "../../report/chart.ts";

export interface Face {
  readonly corners: readonly (readonly [u: number, v: number])[];
  /** Mean of the corners' values, for the colour. */
  readonly value: number;
}

/** Angles of the view: turned by 45°, from 35° above. */
const TURN = Math.PI / 4;
const ABOVE = (35 * Math.PI) / 180;

/**
 * Parallel projection: x and y become −1 … 1 (divided by √2, so that the turned square fits), the value a height 0 … 1.
 *
 *   u = x cos t − y sin t,   depth = x sin t + y cos t,   v = depth sin a + height cos a
 *
 * Values above the domain, and values that are not finite, are cut off at its top.
 */
export function projectSurface(
  { xs, ys, values }: Grid,
  { domain: [low, high], log }: { domain: readonly [number, number]; log: boolean },
): Face[] {
  const scaled = (v: number): number => {
    const inside = Number.isFinite(v) ? Math.min(high, Math.max(low, v)) : high;
    return log ? Math.log(inside / low) / Math.log(high / low) : (inside - low) / (high - low);
  };
  const unit = (axis: readonly number[], i: number): number =>
    ((2 * (axis[i] - axis[0])) / (axis[axis.length - 1] - axis[0]) - 1) / Math.SQRT2;
  const place = (row: number, column: number): { u: number; v: number; depth: number } => {
    const [x, y] = [unit(xs, column), unit(ys, row)];
    const depth = x * Math.sin(TURN) + y * Math.cos(TURN);
    return {
      u: x * Math.cos(TURN) - y * Math.sin(TURN),
      v: depth * Math.sin(ABOVE) + (scaled(values[row][column]) - 0.5) * Math.cos(ABOVE),
      depth,
    };
  };
  const faces: (Face & { depth: number })[] = [];
  for (let row = 0; row + 1 < ys.length; row++) {
    for (let column = 0; column + 1 < xs.length; column++) {
      const around = [
        [row, column],
        [row, column + 1],
        [row + 1, column + 1],
        [row + 1, column],
      ];
      const corners = around.map(([r, c]) => place(r, c));
      const mean =
        around.reduce((sum, [r, c]) => sum + Math.min(high, Math.max(low, finite(values[r][c], high))), 0) / 4;
      faces.push({
        corners: corners.map(({ u, v }) => [u, v] as const),
        value: mean,
        depth: corners.reduce((sum, { depth }) => sum + depth, 0),
      });
    }
  }
  return faces.sort((a, b) => b.depth - a.depth).map(({ corners, value }) => ({ corners, value }));
}

function finite(value: number, otherwise: number): number {
  return Number.isFinite(value) ? value : otherwise;
}
