/**
 * Geometry of moving elements without computing: transpose, slice, pad, concat, expand are all one strided copy,
 * `y[yOffset + Σ i_d·yStride_d] = x[xOffset + Σ i_d·xStride_d]` over all indices below `shape`.
 */
import type { Shape } from "../shape.ts";

export interface CopyGeometry {
  readonly shape: Shape;
  readonly xOffset: number;
  readonly xStrides: readonly number[];
  readonly yOffset: number;
  readonly yStrides: readonly number[];
}

/** The same walk in the other direction: what the copy's adjoint needs. */
export function reversed(g: CopyGeometry): CopyGeometry {
  return { shape: g.shape, xOffset: g.yOffset, xStrides: g.yStrides, yOffset: g.xOffset, yStrides: g.xStrides };
}
