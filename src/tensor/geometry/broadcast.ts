/**
 * Geometry of element-wise operations on two tensors under broadcasting.
 *
 * The output is walked as rows of `inner` elements. Neighbouring axes that both inputs cross in the same way are first
 * merged, so `[N,C,H,W] · [1,C,1,1]` becomes three axes N, C, H·W with inner = H·W, and equal shapes become one row.
 */
import { broadcastShapes, type Shape, sameShape, sizeOf, stridesOf } from "../shape.ts";

export interface BroadcastGeometry {
  /** Shape of the output. */
  readonly shape: Shape;
  readonly size: number;
  /** Equal shapes: one plain loop. */
  readonly same: boolean;
  /** Merged axes except the innermost, outermost first, with each input's stride along them (0: stretched). */
  readonly outer: readonly number[];
  readonly outerStridesA: readonly number[];
  readonly outerStridesB: readonly number[];
  /** The innermost merged axis; its strides are 0 or 1. */
  readonly inner: number;
  readonly innerStrideA: number;
  readonly innerStrideB: number;
}

/** @throws ShapeError naming `op` if the shapes do not broadcast. */
export function broadcastGeometry(op: string, a: Shape, b: Shape): BroadcastGeometry {
  if (sameShape(a, b)) {
    const size = sizeOf(a);
    return {
      shape: a,
      size,
      same: true,
      outer: [],
      outerStridesA: [],
      outerStridesB: [],
      inner: size,
      innerStrideA: 1,
      innerStrideB: 1,
    };
  }
  const shape = broadcastShapes(op, a, b);
  const merged = mergeAxes(shape, stretchedStrides(a, shape), stretchedStrides(b, shape));
  return {
    shape,
    size: sizeOf(shape),
    same: false,
    inner: merged.lengths.pop() ?? 1,
    innerStrideA: merged.stridesA.pop() ?? 0,
    innerStrideB: merged.stridesB.pop() ?? 0,
    outer: merged.lengths,
    outerStridesA: merged.stridesA,
    outerStridesB: merged.stridesB,
  };
}

/** Axes, outermost first, and how two arrays cross each of them. */
interface CrossedAxes {
  readonly lengths: number[];
  readonly stridesA: number[];
  readonly stridesB: number[];
}

/** Fewer axes for the same walk: those of length 1 are dropped, and neighbours that both sides cross in one stride become one. */
export function mergeAxes(shape: Shape, stridesA: readonly number[], stridesB: readonly number[]): CrossedAxes {
  const merged: CrossedAxes = { lengths: [], stridesA: [], stridesB: [] };
  shape.forEach((length, axis) => {
    if (length === 1) return;
    const [a, b] = [stridesA[axis], stridesB[axis]];
    const last = merged.lengths.length - 1;
    if (last >= 0 && merged.stridesA[last] === a * length && merged.stridesB[last] === b * length) {
      merged.lengths[last] *= length;
      merged.stridesA[last] = a;
      merged.stridesB[last] = b;
    } else {
      merged.lengths.push(length);
      merged.stridesA.push(a);
      merged.stridesB.push(b);
    }
  });
  return merged;
}

/** Strides of a tensor `from` read as if it had shape `to`: 0 along every stretched axis. */
export function stretchedStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lifted = to.length - from.length;
  return to.map((_, axis) => (axis < lifted || from[axis - lifted] === 1 ? 0 : strides[axis - lifted]));
}

/** The axes of `to` along which `from` was stretched: the gradient of broadcasting sums over them. */
export function stretchedAxes(from: Shape, to: Shape): number[] {
  const lifted = to.length - from.length;
  const axes: number[] = [];
  for (let axis = 0; axis < to.length; axis++) {
    if (axis < lifted || (from[axis - lifted] === 1 && to[axis] !== 1)) axes.push(axis);
  }
  return axes;
}
