/**
 * Geometry of 2-D pooling: for every output row and column, the window of input rows and columns it looks at.
 *
 * Ordinary pooling (kernel, stride, padding, dilation, ceil mode) and adaptive pooling (windows that tile the image)
 * differ only in these windows, so the kernels know one description: output (i, j) looks at rows
 * `rows.start[i] + u·rows.step` for u < `rows.count[i]` and columns likewise. Windows are already clipped to the image.
 */
import type { Shape } from "../shape.ts";

export interface Windows {
  /** First input index of each window, inside the image. */
  readonly start: Int32Array;
  /** Taps of each window that lie inside the image. */
  readonly count: Int32Array;
  /** Distance between taps (dilation). */
  readonly step: number;
  /** What this direction contributes to an average's divisor: taps counted, including padding where asked. */
  readonly divisor: Int32Array;
}

export interface PoolGeometry {
  /** N·C: images are pooled one plane at a time. */
  readonly planes: number;
  readonly H: number;
  readonly W: number;
  readonly Ho: number;
  readonly Wo: number;
  readonly rows: Windows;
  readonly columns: Windows;
  /** `[N, C, Ho, Wo]`. */
  readonly shape: Shape;
}
