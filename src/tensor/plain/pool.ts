/**
 * Pooling: one number for each window of an image. geometry/pool.ts lists a window's pixels.
 *
 * A maximum remembers where it was found, because its gradient goes there; the average of n pixels sends an nth to each
 * of them.
 */
import type { PoolGeometry } from "../geometry/pool.ts";
import type { Floats } from "../memory.ts";

/** y → the maximum of each window; indices → where in its plane, h·W + w. The first of equals; NaN wins. */
export function maxPool2d(x: Floats, y: Floats, indices: Int32Array, g: PoolGeometry): void {
  const { planes, H, W, Ho, Wo, rows, columns } = g;
  for (let plane = 0, k = 0; plane < planes; plane++) {
    const offset = plane * H * W;
    for (let i = 0; i < Ho; i++) {
      for (let j = 0; j < Wo; j++, k++) {
        const firstRow = rows.start[i] * W;
        const endRow = firstRow + rows.count[i] * rows.step * W;
        const first = columns.start[j];
        const end = first + columns.count[j] * columns.step;
        let best = Number.NEGATIVE_INFINITY;
        let at = firstRow + first;
        for (let row = firstRow; row < endRow; row += rows.step * W) {
          for (let w = first; w < end; w += columns.step) {
            const value = x[offset + row + w];
            if (value > best || Number.isNaN(value)) {
              best = value;
              at = row + w;
            }
          }
        }
        y[k] = best;
        indices[k] = at;
      }
    }
  }
}

/** gx → at each pixel, the sum of gy over the windows in which it was the maximum. */
export function maxPool2dGradient(gy: Floats, indices: Int32Array, gx: Floats, g: PoolGeometry): void {
  const { planes, H, W, Ho, Wo } = g;
  gx.fill(0);
  for (let plane = 0, k = 0; plane < planes; plane++) {
    const offset = plane * H * W;
    for (const end = k + Ho * Wo; k < end; k++) gx[offset + indices[k]] += gy[k];
  }
}

/** y → the sum of each window over its divisor. */
export function avgPool2d(x: Floats, y: Floats, g: PoolGeometry): void {
  const { planes, H, W, Ho, Wo, rows, columns } = g;
  for (let plane = 0, k = 0; plane < planes; plane++) {
    for (let i = 0; i < Ho; i++) {
      const firstRow = (plane * H + rows.start[i]) * W;
      const endRow = firstRow + rows.count[i] * rows.step * W;
      for (let j = 0; j < Wo; j++, k++) {
        const first = columns.start[j];
        const end = first + columns.count[j] * columns.step;
        let sum = 0;
        for (let row = firstRow; row < endRow; row += rows.step * W) {
          for (let w = first; w < end; w += columns.step) sum += x[row + w];
        }
        y[k] = sum / (rows.divisor[i] * columns.divisor[j]);
      }
    }
  }
}

/** gx → at each pixel, the sum of gy / divisor over the windows that contain it. */
export function avgPool2dGradient(gy: Floats, gx: Floats, g: PoolGeometry): void {
  const { planes, H, W, Ho, Wo, rows, columns } = g;
  gx.fill(0);
  for (let plane = 0, k = 0; plane < planes; plane++) {
    for (let i = 0; i < Ho; i++) {
      const firstRow = (plane * H + rows.start[i]) * W;
      const endRow = firstRow + rows.count[i] * rows.step * W;
      for (let j = 0; j < Wo; j++, k++) {
        const first = columns.start[j];
        const end = first + columns.count[j] * columns.step;
        const share = gy[k] / (rows.divisor[i] * columns.divisor[j]);
        for (let row = firstRow; row < endRow; row += rows.step * W) {
          for (let w = first; w < end; w += columns.step) gx[row + w] += share;
        }
      }
    }
  }
}
