/** Geometry of picking elements by index: indexSelect (whole slices) and gather (single elements). */
import { describe } from "../check.ts";
import { ShapeError, UsageError, ValueError } from "../errors.ts";
import { formatShape, normalizeAxis, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { AxisGeometry } from "./axis.ts";
import { axisGeometry } from "./axis.ts";

/** Whole numbers with a shape: `argmax` returns them and `gather` takes them. */
export interface IndexTensor {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
}

export interface SelectGeometry {
  readonly shape: Shape;
  /** x as `[outer, length, inner]`. */
  readonly axes: AxisGeometry;
  /** The checked indices along `length`. */
  readonly index: Int32Array;
}

/**
 * y = x[…, index[j], …]: `index.length` slices of x along `axis`.
 *
 * @throws ShapeError if the axis does not exist; ValueError with the position and value of an index out of range.
 */
export function selectGeometry(op: string, x: Shape, axis: number, index: ArrayLike<number>): SelectGeometry {
  const axes = axisGeometry(op, x, axis);
  const along = normalizeAxis(op, axis, x.length, x);
  const checked = checkedIndex(op, index, x[along], x, along);
  return { shape: x.map((length, d) => (d === along ? checked.length : length)), axes, index: checked };
}

/**
 * y[i…] = x[i…] with the coordinate along `axis` replaced by index[i…]. y has the shape of `index`. Every element is
 * picked by its own position in x, so the kernels see a selection from x flattened.
 *
 * @throws ShapeError unless `index` has the rank of x and is no longer along any other axis; ValueError with the
 * position and value of an index out of range.
 */
export function gatherGeometry(op: string, x: Shape, axis: number, index: IndexTensor): SelectGeometry {
  const along = normalizeAxis(op, axis, x.length, x);
  const shape = (index as IndexTensor | null)?.shape;
  if (!Array.isArray(shape)) {
    throw new UsageError(
      `${op}: the index must be whole numbers with a shape, { data, shape }, got ${describe(index)}`,
    );
  }
  const fits = shape.length === x.length && shape.every((length, d) => d === along || length <= x[d]);
  if (!fits || index.data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${op}: the index ${formatShape(shape)} must have the rank of x, fit inside it in every axis but ${along}, and be filled by its ${index.data.length} values (x ${formatShape(x)})`,
    );
  }
  const checked = checkedIndex(op, index.data, x[along], x, along);
  const strides = stridesOf(x);
  const coordinates = new Array<number>(shape.length).fill(0);
  const positions = new Int32Array(checked.length);
  for (let k = 0; k < positions.length; k++) {
    let position = checked[k] * strides[along];
    for (let d = 0; d < shape.length; d++) if (d !== along) position += coordinates[d] * strides[d];
    positions[k] = position;
    for (let d = shape.length - 1; d >= 0 && ++coordinates[d] === shape[d]; d--) coordinates[d] = 0;
  }
  return { shape, axes: { outer: 1, length: sizeOf(x), inner: 1 }, index: positions };
}

function checkedIndex(op: string, index: ArrayLike<number>, length: number, x: Shape, axis: number): Int32Array {
  if (!Array.isArray(index) && !ArrayBuffer.isView(index)) {
    throw new UsageError(`${op}: the index must be an array of whole numbers, got ${describe(index)}`);
  }
  for (let k = 0; k < index.length; k++) {
    if (!Number.isInteger(index[k]) || index[k] < 0 || index[k] >= length) {
      throw new ValueError(
        `${op}: index ${index[k]} at position ${k} must be a whole number from 0 to ${length - 1} (x ${formatShape(x)}, axis ${axis})`,
      );
    }
  }
  return Int32Array.from(index);
}
