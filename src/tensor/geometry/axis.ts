/**
 * Geometry of what works along one axis: the softmax family one distribution at a time, losses over classes, selections by
 * index.
 */
import { normalizeAxis, type Shape, sizeOf } from "../shape.ts";

/** x seen as `[outer, length, inner]`: one line of `length` numbers for each (outer, inner). */
export interface AxisGeometry {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** @throws ShapeError if the axis does not exist. */
export function axisGeometry(op: string, x: Shape, axis: number): AxisGeometry {
  const along = normalizeAxis(op, axis, x.length, x);
  return { outer: sizeOf(x.slice(0, along)), length: x[along], inner: sizeOf(x.slice(along + 1)) };
}
