/**
 * Geometry of normalisation: x seen as `[outer, groups, inner]`, statistics per group over outer·inner elements.
 *
 *   batch norm   x `[N, C, H, W]`   outer N, groups C,          inner H·W
 *   layer norm   x `[…, D]`         outer 1, groups rows of x,  inner D
 *   group norm   x `[N, C, H, W]`   outer 1, groups N·G,        inner (C/G)·H·W
 */
export interface NormGeometry {
  readonly outer: number;
  readonly groups: number;
  readonly inner: number;
}

/** The softmax family's view of x: `[outer, length, inner]`, one distribution per (outer, inner) along `length`. */
export interface AxisGeometry {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}
