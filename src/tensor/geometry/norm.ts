/**
 * Geometry of normalisation: x seen as `[outer, groups, inner]`, statistics per group over outer·inner elements.
 *
 *   batch norm   x `[N, C, H, W]`   outer N, groups C,          inner H·W
 *   layer norm   x `[…, D]`         outer 1, groups rows of x,  inner D
 *   group norm   x `[N, C, H, W]`   outer 1, groups N·G,        inner (C/G)·H·W
 */
import { checkList } from "../arguments.ts";
import { describe } from "../check.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../shape.ts";

export interface NormGeometry {
  readonly outer: number;
  readonly groups: number;
  readonly inner: number;
}

/** The other tensors besides x, by their names in error messages; null or undefined where absent. */
export type NormParameters = Readonly<Record<string, Shape | null | undefined>>;

/**
 * Batch norm's view of x `[N, C]` or `[N, C, …]`.
 *
 * @param parameters shapes of weight, bias and running statistics, each `[C]`.
 * @throws ShapeError for a rank below 2; for parameters that are not `[C]`; and in training for fewer than two values
 * per channel, whose variance says nothing (x̂ would be 0 for every x).
 */
export function batchNormGeometry(op: string, x: Shape, parameters: NormParameters, training: boolean): NormGeometry {
  if (x.length < 2) throw new ShapeError(`${op}: x must be [N, C] or [N, C, ...], got ${formatShape(x)}`);
  const [N, C] = x;
  checkParameters(op, x, parameters, [C], "one number per channel");
  const inner = sizeOf(x.slice(2));
  if (training && N * inner < 2) {
    throw new ShapeError(
      `${op}: training needs more than one value per channel, x ${formatShape(x)} has ${N * inner}: use a larger batch, or eval mode`,
    );
  }
  return { outer: N, groups: C, inner };
}

/** Groups of a layer or group norm, and the shape in which weight and bias broadcast against x. */
export interface AffineNormGeometry extends NormGeometry {
  readonly affineShape: Shape;
}

/**
 * Layer norm's view of x: every slice of shape `normalizedShape`, x's last axes, is a group.
 *
 * @throws ShapeError unless x ends in `normalizedShape` and weight and bias have exactly that shape.
 */
export function layerNormGeometry(
  op: string,
  x: Shape,
  normalizedShape: Shape,
  parameters: NormParameters,
): AffineNormGeometry {
  checkList(op, "normalizedShape", normalizedShape);
  const tail = x.slice(x.length - normalizedShape.length);
  if (normalizedShape.length === 0 || normalizedShape.length > x.length || !sameShape(tail, normalizedShape)) {
    throw new ShapeError(`${op}: x ${formatShape(x)} does not end in normalizedShape ${formatShape(normalizedShape)}`);
  }
  checkParameters(op, x, parameters, normalizedShape, "normalizedShape");
  const inner = sizeOf(normalizedShape);
  const groups = sizeOf(x.slice(0, x.length - normalizedShape.length));
  return { outer: 1, groups, inner, affineShape: normalizedShape };
}

/**
 * Group norm's view of x `[N, C, …]`: C/G neighbouring channels of one image are a group; weight and bias are `[C]`.
 *
 * @throws ShapeError for a rank below 2, if G does not divide C, and for parameters that are not `[C]`.
 */
export function groupNormGeometry(
  op: string,
  x: Shape,
  groups: number,
  parameters: NormParameters,
): AffineNormGeometry {
  if (x.length < 2) throw new ShapeError(`${op}: x must be [N, C] or [N, C, ...], got ${formatShape(x)}`);
  const [N, C] = x;
  if (!Number.isInteger(groups) || groups < 1 || C % groups !== 0) {
    throw new ShapeError(`${op}: ${C} channels do not divide into ${describe(groups)} groups (x ${formatShape(x)})`);
  }
  checkParameters(op, x, parameters, [C], "one number per channel");
  return {
    outer: 1,
    groups: N * groups,
    inner: (C / groups) * sizeOf(x.slice(2)),
    affineShape: [C, ...x.slice(2).map(() => 1)],
  };
}

function checkParameters(op: string, x: Shape, parameters: NormParameters, expected: Shape, why: string): void {
  for (const [name, shape] of Object.entries(parameters)) {
    if (shape && !sameShape(shape, expected)) {
      throw new ShapeError(
        `${op}: ${name} must be ${formatShape(expected)}, ${why}, got ${formatShape(shape)} (x ${formatShape(x)})`,
      );
    }
  }
}
