/**
 * Shapes: lists of axis lengths, outermost first, and the index arithmetic on them.
 *
 * A tensor of shape `[N, C, H, W]` stores element (n, c, h, w) at ((n·C + c)·H + h)·W + w: row-major order.
 * Next: tensor.ts, which pairs a shape with its numbers.
 */
import { describe } from "./check.ts";
import { ShapeError, UsageError } from "./errors.ts";

/** Lengths of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements: the product of the axis lengths, 1 for a scalar `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Row-major strides: the distance in elements between neighbours along each axis. `[2, 3, 4]` gives `[12, 4, 1]`. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * `[8,3,32,32]`: a shape as error messages show it.
 *
 * @example
 * formatShape([8, 3, 32, 32]); // "[8,3,32,32]"
 */
export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** Throws unless every axis length is a non-negative integer. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape)) throw new UsageError(`${op}: a shape must be a list of lengths, got ${describe(shape)}`);
  for (const length of shape) {
    if (!Number.isInteger(length) || length < 0) {
      const got = shape.map(describe).join(",");
      throw new ShapeError(`${op}: axis lengths must be whole numbers of 0 or more, got [${got}]`);
    }
  }
}

/** Axis −1 is the last one, −2 the one before it. Returns the axis counted from 0. */
export function normalizeAxis(op: string, axis: number, rank: number, shape?: Shape): number {
  const normalized = Number.isInteger(axis) && axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    const of = shape ? ` (x ${formatShape(shape)})` : "";
    throw new ShapeError(`${op}: axis ${describe(axis)} does not exist in a tensor of rank ${rank}${of}`);
  }
  return normalized;
}

/** One axis, several, or all of them (undefined), as a sorted list without repetition. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, shape: Shape): number[] {
  if (axes === undefined) return shape.map((_, axis) => axis);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((a) => normalizeAxis(op, a, shape.length, shape));
  const sorted = [...new Set(list)].sort((a, b) => a - b);
  if (sorted.length !== list.length) {
    throw new ShapeError(`${op}: axes [${[axes].flat().join(",")}] name an axis twice (x ${formatShape(shape)})`);
  }
  return sorted;
}

/**
 * The common shape of two tensors under NumPy's rule: align from the last axis; lengths must be equal, or one of them
 * 1.
 *
 * `[8, 1, 5]` and `[3, 1]` give `[8, 3, 5]`.
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  for (const shape of [a, b]) {
    if (!Array.isArray(shape)) throw new UsageError(`${op}: a shape must be a list of lengths, got ${describe(shape)}`);
  }
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const i = axis - (rank - a.length);
    const j = axis - (rank - b.length);
    const p = i < 0 ? 1 : a[i];
    const q = j < 0 ? 1 : b[j];
    if (p !== q && p !== 1 && q !== 1) {
      throw new ShapeError(
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${axis - rank} is ${p} in one and ${q} in the other`,
      );
    }
    shape[axis] = p === 1 ? q : p;
  }
  return shape;
}
