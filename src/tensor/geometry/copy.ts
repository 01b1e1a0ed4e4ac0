/**
 * Geometry of moving elements without computing: transpose, slice, pad, concat, expand are all one strided copy,
 * `y[yOffset + Σ i_d·yStride_d] = x[xOffset + Σ i_d·xStride_d]` over all indices below `shape`.
 *
 * Each function here checks one operation's arguments. It returns the output's shape and the copy (or copies) that fill
 * it. The adjoint of a copy that reaches every element at most once is the reversed copy into zeros.
 */
import { checkList } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, normalizeAxis, type Shape, sameShape, stridesOf } from "../shape.ts";
import { mergeAxes, stretchedStrides } from "./broadcast.ts";
import { newAxis } from "./reshape.ts";

export interface CopyGeometry {
  readonly shape: Shape;
  readonly xOffset: number;
  readonly xStrides: readonly number[];
  readonly yOffset: number;
  readonly yStrides: readonly number[];
}

/** The same walk in the other direction: the copy's adjoint needs it. */
export function reversed(g: CopyGeometry): CopyGeometry {
  return { shape: g.shape, xOffset: g.yOffset, xStrides: g.yStrides, yOffset: g.xOffset, yStrides: g.xStrides };
}

/** An operation that is one copy: the output's shape, and how to fill it. */
export interface MoveGeometry {
  readonly shape: Shape;
  readonly copy: CopyGeometry;
}

/**
 * The copy with its axes merged (broadcast.ts). Fewer and longer runs for the kernel, the same elements: `[N,C,H,W]` cut along C
 * becomes N runs of C·H·W.
 */
export function copyGeometry(
  shape: Shape,
  xStrides: readonly number[],
  yStrides: readonly number[],
  xOffset = 0,
  yOffset = 0,
): CopyGeometry {
  const { lengths, stridesA, stridesB } = mergeAxes(shape, xStrides, yStrides);
  return { shape: lengths, xOffset, xStrides: stridesA, yOffset, yStrides: stridesB };
}

/**
 * y[i₀, i₁, …] = x with its axes in the order `axes`: axis k of y is axis `axes[k]` of x.
 *
 * @throws ShapeError unless `axes` names every axis of x exactly once.
 */
export function permuteGeometry(op: string, x: Shape, axes: readonly number[]): MoveGeometry {
  checkList(op, "axes", axes);
  const order = axes.map((axis) => normalizeAxis(op, axis, x.length, x));
  if (new Set(order).size !== x.length || order.length !== x.length) {
    throw new ShapeError(
      `${op}: axes [${axes.join(",")}] must name each of the ${x.length} axes exactly once (x ${formatShape(x)})`,
    );
  }
  const strides = stridesOf(x);
  const shape = order.map((axis) => x[axis]);
  return {
    shape,
    copy: copyGeometry(
      shape,
      order.map((axis) => strides[axis]),
      stridesOf(shape),
    ),
  };
}

/** `[start, stop)`, or every `step`-th of it, along one axis; null for the whole axis, or for one bound's default. */
export type SliceRange = readonly [start: number | null, stop: number | null, step?: number] | null;

/**
 * y = x[start:stop:step, …]. Negative positions count from the end, positions beyond the axis are clipped, and axes
 * without a range are kept whole. As in PyTorch, steps are positive.
 *
 * @throws ShapeError for more ranges than axes, and for positions or steps that are not whole numbers (step 1 or more).
 */
export function sliceGeometry(op: string, x: Shape, ranges: readonly SliceRange[]): MoveGeometry {
  checkList(op, "ranges", ranges);
  ranges.forEach((range, axis) => {
    if (range !== null && range !== undefined) checkList(op, `the range of axis ${axis}`, range);
  });
  const fail = (reason: string): never => {
    const shown = ranges.map((range) => (range ? `[${range.join(",")}]` : "null")).join(", ");
    throw new ShapeError(`${op}: ${reason} (x ${formatShape(x)}, ranges ${shown || "none"})`);
  };
  if (ranges.length > x.length) fail(`${ranges.length} ranges for ${x.length} axes`);
  const strides = stridesOf(x);
  const shape: number[] = [];
  const xStrides: number[] = [];
  let xOffset = 0;
  for (let axis = 0; axis < x.length; axis++) {
    const [start, stop, step = 1] = ranges[axis] ?? [null, null];
    if (!Number.isInteger(step) || step < 1) fail(`the step of axis ${axis} must be a whole number of 1 or more`);
    const place = (position: number | null, otherwise: number): number => {
      if (position === null) return otherwise;
      if (!Number.isInteger(position)) fail(`the positions of axis ${axis} must be whole numbers or null`);
      return Math.min(Math.max(position < 0 ? position + x[axis] : position, 0), x[axis]);
    };
    const first = place(start, 0);
    shape.push(Math.max(0, Math.ceil((place(stop, x[axis]) - first) / step)));
    xStrides.push(strides[axis] * step);
    xOffset += first * strides[axis];
  }
  return { shape, copy: copyGeometry(shape, xStrides, stridesOf(shape), xOffset) };
}

/**
 * y = x with `pads[axis] = [before, after]` elements added around it, or cut off where negative; the copy moves what stays.
 *
 * @throws ShapeError unless there is one pair of whole numbers for each axis, which cut off no more than there is.
 */
export function padGeometry(op: string, x: Shape, pads: readonly (readonly [number, number])[]): MoveGeometry {
  checkList(op, "pads", pads);
  pads.forEach((pair, axis) => {
    checkList(op, `the pads of axis ${axis}`, pair);
  });
  const shown = pads.map((pair) => `[${[...pair].join(",")}]`).join(", ");
  if (pads.length !== x.length) {
    throw new ShapeError(
      `${op}: needs one pair [before, after] for each axis (x ${formatShape(x)}, pads ${shown || "none"})`,
    );
  }
  if (pads.some((pair) => pair.length !== 2 || !pair.every(Number.isInteger))) {
    throw new ShapeError(`${op}: pads must be pairs of whole numbers (x ${formatShape(x)}, pads ${shown})`);
  }
  const shape = x.map((length, axis) => pads[axis][0] + length + pads[axis][1]);
  const cutBefore = pads.map(([before]) => Math.max(0, -before));
  const kept = x.map((length, axis) => length - cutBefore[axis] - Math.max(0, -pads[axis][1]));
  const short = kept.findIndex((length) => length < 0);
  if (short >= 0) {
    throw new ShapeError(
      `${op}: pads must cut off at most the ${x[short]} elements of axis ${short} (x ${formatShape(x)}, pads ${shown})`,
    );
  }
  const [xStrides, yStrides] = [stridesOf(x), stridesOf(shape)];
  const offset = (skipped: readonly number[], strides: readonly number[]): number =>
    skipped.reduce((sum, count, axis) => sum + count * strides[axis], 0);
  const added = pads.map(([before]) => Math.max(0, before));
  return { shape, copy: copyGeometry(kept, xStrides, yStrides, offset(cutBefore, xStrides), offset(added, yStrides)) };
}

/**
 * y = the tensors one after the other along `axis`; one copy for each.
 *
 * @throws ShapeError for no tensors, or unless they agree in every other axis.
 */
export function concatGeometry(
  op: string,
  shapes: readonly Shape[],
  axis: number,
): { shape: Shape; copies: readonly CopyGeometry[] } {
  if (shapes.length === 0) throw new ShapeError(`${op}: needs at least one tensor`);
  const [first] = shapes;
  const along = normalizeAxis(op, axis, first.length, first);
  const agree = (s: Shape): boolean =>
    s.length === first.length && s.every((length, d) => d === along || length === first[d]);
  if (!shapes.every(agree)) {
    throw new ShapeError(
      `${op}: shapes must agree in every axis but ${along}, got ${shapes.map(formatShape).join(", ")}`,
    );
  }
  const shape = first.map((length, d) => (d === along ? shapes.reduce((sum, s) => sum + s[along], 0) : length));
  const yStrides = stridesOf(shape);
  let position = 0;
  const copies = shapes.map((s) => {
    const copy = copyGeometry(s, stridesOf(s), yStrides, 0, position * yStrides[along]);
    position += s[along];
    return copy;
  });
  return { shape, copies };
}

/**
 * y = the tensors, all of one shape, along a new axis; one copy for each.
 *
 * @throws ShapeError for no tensors, for different shapes, and for an axis beyond the rank of y.
 */
export function stackGeometry(
  op: string,
  shapes: readonly Shape[],
  axis: number,
): { shape: Shape; copies: readonly CopyGeometry[] } {
  if (shapes.length === 0) throw new ShapeError(`${op}: needs at least one tensor`);
  const [first] = shapes;
  if (!shapes.every((s) => sameShape(s, first))) {
    throw new ShapeError(`${op}: shapes must be equal, got ${shapes.map(formatShape).join(", ")}`);
  }
  const at = newAxis(op, first, axis);
  const lifted = [...first.slice(0, at), 1, ...first.slice(at)];
  return concatGeometry(
    op,
    shapes.map(() => lifted),
    at,
  );
}

/**
 * y = x repeated along its axes of length 1, and along new leading axes, up to `shape`; −1 keeps an axis as it is.
 *
 * @throws ShapeError where x does not stretch to `shape`.
 */
export function expandGeometry(op: string, x: Shape, shape: Shape): MoveGeometry {
  checkList(op, "shape", shape);
  const lifted = shape.length - x.length;
  const target = shape.map((length, axis) => (length === -1 && axis >= lifted ? x[axis - lifted] : length));
  const fits =
    lifted >= 0 &&
    target.every(
      (length, axis) =>
        Number.isInteger(length) &&
        length >= 0 &&
        (axis < lifted || x[axis - lifted] === length || x[axis - lifted] === 1),
    );
  if (!fits) {
    throw new ShapeError(
      `${op}: x ${formatShape(x)} does not stretch to ${formatShape(shape)}: only axes of length 1 do, and new ones in front`,
    );
  }
  return { shape: target, copy: copyGeometry(target, stretchedStrides(x, target), stridesOf(target)) };
}
