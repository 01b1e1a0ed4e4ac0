/**
 * Geometry of reductions: which elements contribute to which output.
 *
 * Output k is the reduction over all r and i of x[kept[k] + reduced[r] + i·innerStride], where i < inner runs along the
 * innermost reduced axis. The offset tables are as long as the output and as the outer reduced axes, never as long as
 * x.
 */
import { normalizeAxes, type Shape, stridesOf } from "../shape.ts";

/** One axis, several, or undefined for all; −1 is the last. */
export type Axes = number | readonly number[] | undefined;

export interface ReduceGeometry {
  /** Shape of the output. */
  readonly shape: Shape;
  /** Shape of the output, with each reduced axis kept as 1. */
  readonly keptShape: Shape;
  /** Elements per output. */
  readonly count: number;
  readonly kept: Int32Array;
  readonly reduced: Int32Array;
  readonly inner: number;
  readonly innerStride: number;
}

/**
 * @param axes the axes to reduce.
 * @param keepDim keep reduced axes in the output's shape, with length 1.
 * @throws ShapeError if an axis does not exist or is named twice.
 */
export function reduceGeometry(op: string, x: Shape, axes: Axes, keepDim: boolean): ReduceGeometry {
  const reducedAxes = normalizeAxes(op, axes, x);
  const strides = stridesOf(x);
  const keptAxes = x.map((_, axis) => axis).filter((axis) => !reducedAxes.includes(axis));
  const keptShape = x.map((length, axis) => (reducedAxes.includes(axis) ? 1 : length));
  const count = reducedAxes.reduce((product, axis) => product * x[axis], 1);

  // The innermost run: trailing reduced axes that are adjacent in memory count as one.
  const outerAxes = [...reducedAxes];
  let inner = 1;
  let innerStride = 1;
  const last = outerAxes.pop();
  if (last !== undefined) {
    inner = x[last];
    innerStride = strides[last];
    while (outerAxes.length > 0 && strides[outerAxes[outerAxes.length - 1]] === inner * innerStride) {
      inner *= x[outerAxes.pop()!];
    }
  }
  return {
    shape: keepDim ? keptShape : keptAxes.map((axis) => x[axis]),
    keptShape,
    count,
    kept: offsetTable(x, strides, keptAxes),
    reduced: offsetTable(x, strides, outerAxes),
    inner,
    innerStride,
  };
}

/** Offsets of all index combinations along `axes`, the last axis varying fastest. */
function offsetTable(shape: Shape, strides: readonly number[], axes: readonly number[]): Int32Array {
  let offsets = Int32Array.of(0);
  for (const axis of axes) {
    const length = shape[axis];
    const next = new Int32Array(offsets.length * length);
    for (let i = 0, k = 0; i < offsets.length; i++) {
      for (let j = 0; j < length; j++) next[k++] = offsets[i] + j * strides[axis];
    }
    offsets = next;
  }
  return offsets;
}
