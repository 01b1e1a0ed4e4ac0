/** Geometry of the operations that give the same numbers, in the same order, another shape. They move nothing. */
import { checkList } from "../arguments.ts";
import { describe } from "../check.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, normalizeAxis, type Shape, sizeOf } from "../shape.ts";

/**
 * `shape` with its −1, if any, replaced by the length that uses every element of x.
 *
 * @throws ShapeError for a second −1, or unless the sizes agree.
 */
export function reshapedShape(op: string, x: Shape, shape: Shape): Shape {
  checkList(op, "shape", shape);
  const fail = (reason: string): never => {
    throw new ShapeError(`${op}: ${reason} (x ${formatShape(x)}, shape ${formatShape(shape)})`);
  };
  if (shape.some((length) => !Number.isInteger(length) || length < -1)) {
    fail("axis lengths must be whole numbers of 0 or more, or one -1");
  }
  const inferred = shape.indexOf(-1);
  if (inferred !== shape.lastIndexOf(-1)) fail("only one axis can be -1");
  const size = sizeOf(x);
  const known = sizeOf(shape.filter((length) => length !== -1));
  if (inferred < 0) {
    if (known !== size) fail(`${size} elements do not fill ${known}`);
    return [...shape];
  }
  if (known === 0 ? true : size % known !== 0) fail(`${size} elements do not divide by ${known}`);
  return shape.map((length) => (length === -1 ? size / known : length));
}

/** x with the axes `startAxis` to `endAxis` merged. A scalar becomes `[1]`. */
export function flattenedShape(op: string, x: Shape, startAxis: number, endAxis: number): Shape {
  const rank = Math.max(1, x.length);
  const start = normalizeAxis(op, startAxis, rank, x);
  const end = normalizeAxis(op, endAxis, rank, x);
  if (start > end) throw new ShapeError(`${op}: axis ${startAxis} comes after axis ${endAxis} (x ${formatShape(x)})`);
  return [...x.slice(0, start), sizeOf(x.slice(start, end + 1)), ...x.slice(end + 1)];
}

/** x without `axis` if its length is 1 (otherwise unchanged, as in PyTorch), or without every axis of length 1. */
export function squeezedShape(op: string, x: Shape, axis: number | undefined): Shape {
  if (axis === undefined) return x.filter((length) => length !== 1);
  const dropped = normalizeAxis(op, axis, x.length, x);
  return x[dropped] === 1 ? x.filter((_, d) => d !== dropped) : x;
}

/** x with a new axis of length 1 at position `axis` of the result. */
export function unsqueezedShape(op: string, x: Shape, axis: number): Shape {
  const at = newAxis(op, x, axis);
  return [...x.slice(0, at), 1, ...x.slice(at)];
}

/** A position for a new axis of x, counted from 0: −1 is after the last one. */
export function newAxis(op: string, x: Shape, axis: number): number {
  const at = Number.isInteger(axis) && axis < 0 ? axis + x.length + 1 : axis;
  if (!Number.isInteger(axis) || at < 0 || at > x.length) {
    throw new ShapeError(
      `${op}: the result has ${x.length + 1} axes, axis ${describe(axis)} is none of them (x ${formatShape(x)})`,
    );
  }
  return at;
}
