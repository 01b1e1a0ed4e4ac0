/** Labels as probabilities. */
import { checkWhole } from "./arguments.ts";
import { describe } from "./check.ts";
import { ShapeError, UsageError, ValueError } from "./errors.ts";
import type { IndexTensor } from "./geometry/select.ts";
import { checkShape, formatShape, sizeOf } from "./shape.ts";
import { owned, type Tensor } from "./tensor.ts";

/**
 * A 1 at each label's class and 0 elsewhere, along a new last axis of length `classes`. The labels are whole numbers: a
 * list, or some with a shape, as `argmax` gives them. The result is a constant: nothing is recorded.
 *
 * @example
 * oneHot([2, 0], 3).toArray(); // [[0, 0, 1], [1, 0, 0]]
 *
 * @throws ShapeError if the labels do not fill their shape; ValueError with the position and value of a label that is no
 * class.
 */
export function oneHot(labels: ArrayLike<number> | IndexTensor, classes: number): Tensor {
  checkWhole("oneHot", "classes", classes, 0);
  const { data, shape } = withShape(labels);
  const y = new Float32Array(data.length * classes);
  for (let i = 0; i < data.length; i++) {
    const label = data[i];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new ValueError(
        `oneHot: the label at position ${i} must be a class from 0 to ${classes - 1}, got ${describe(label)}`,
      );
    }
    y[i * classes + label] = 1;
  }
  return owned(y, [...shape, classes]);
}

function withShape(labels: ArrayLike<number> | IndexTensor): IndexTensor {
  if (isList(labels)) return { data: labels, shape: [labels.length] };
  const { data, shape } = (labels ?? {}) as Partial<IndexTensor>;
  if (!isList(data) || shape === undefined) {
    throw new UsageError(`oneHot: labels must be whole numbers, a list or { data, shape }, got ${describe(labels)}`);
  }
  checkShape("oneHot", shape);
  if (data.length === sizeOf(shape)) return { data, shape };
  throw new ShapeError(`oneHot: the labels ${formatShape(shape)} must be ${sizeOf(shape)} numbers, got ${data.length}`);
}

function isList(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
