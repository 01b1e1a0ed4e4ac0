/** Geometry of losses: which targets fit which predictions. */
import { describe } from "../check.ts";
import { ShapeError, ValueError } from "../errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { AxisGeometry } from "./axis.ts";

/** Class scores `[N, C, …]` seen as `[outer = N, length = C, inner = …]`: one sample per (outer, inner). */
export interface ClassGeometry extends AxisGeometry {
  /** `[N, …]`: one loss per sample. */
  readonly shape: Shape;
  readonly samples: number;
}

/**
 * @param scores logits or log-probabilities, `[N, C]` or `[N, C, …]`.
 * @param weight shape of the class weights, `[C]`.
 * @throws ShapeError.
 */
export function classGeometry(op: string, scores: Shape, weight: Shape | undefined): ClassGeometry {
  if (scores.length < 2) {
    throw new ShapeError(`${op}: scores must be [N, C] or [N, C, ...], got ${formatShape(scores)}`);
  }
  const [N, C] = scores;
  if (weight && !sameShape(weight, [C])) {
    throw new ShapeError(
      `${op}: weight must be ${formatShape([C])}, one number per class, got ${formatShape(weight)} (scores ${formatShape(scores)})`,
    );
  }
  const inner = sizeOf(scores.slice(2));
  return { outer: N, length: C, inner, shape: [N, ...scores.slice(2)], samples: N * inner };
}

/**
 * Checks class labels: one per sample, each a class or `ignoreIndex`.
 *
 * @throws ShapeError for a wrong number of labels; ValueError with the position and value of a label that is not a
 * class.
 */
export function checkLabels(
  op: string,
  scores: Shape,
  labels: ArrayLike<number>,
  ignoreIndex: number,
  { samples, length, shape }: ClassGeometry,
): void {
  if (labels.length !== samples) {
    throw new ShapeError(
      `${op}: needs ${samples} labels ${formatShape(shape)}, got ${labels.length} (scores ${formatShape(scores)})`,
    );
  }
  for (let i = 0; i < samples; i++) {
    const label = labels[i];
    if (label !== ignoreIndex && !(Number.isInteger(label) && label >= 0 && label < length)) {
      throw new ValueError(
        `${op}: label ${describe(label)} at position ${i} must be a class from 0 to ${length - 1} (scores ${formatShape(scores)})`,
      );
    }
  }
}

/** @throws ShapeError unless the target has exactly the prediction's shape: broadcasting would hide a mistake. */
export function checkTarget(op: string, x: Shape, target: Shape): void {
  if (!sameShape(x, target)) {
    throw new ShapeError(`${op}: target ${formatShape(target)} must have the shape of x ${formatShape(x)}`);
  }
}
