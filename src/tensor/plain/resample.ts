/** Resizing: each result is a weighted sum over a rectangle of pixels, whose tables geometry/interpolate.ts makes. */
import type { ResampleGeometry } from "../geometry/interpolate.ts";
import type { Floats } from "../memory.ts";

/** y[i, j] → Σ rows' weight · columns' weight · x, plane by plane. */
export function resample(x: Floats, y: Floats, { planes, H, W, Ho, Wo, rows, columns }: ResampleGeometry): void {
  for (let plane = 0, at = 0; plane < planes; plane++) {
    for (let i = 0; i < Ho; i++) {
      for (let j = 0; j < Wo; j++, at++) {
        const none = rows.offsets[i] === rows.offsets[i + 1] || columns.offsets[j] === columns.offsets[j + 1];
        // −0 changes nothing that is added to it, not even −0. The sum of nothing is 0.
        let sum = none ? 0 : -0;
        for (let u = rows.offsets[i]; u < rows.offsets[i + 1]; u++) {
          const row = (plane * H + rows.starts[i] + u - rows.offsets[i]) * W + columns.starts[j] - columns.offsets[j];
          for (let v = columns.offsets[j]; v < columns.offsets[j + 1]; v++) {
            sum += rows.weights[u] * columns.weights[v] * x[row + v];
          }
        }
        y[at] = sum;
      }
    }
  }
}
