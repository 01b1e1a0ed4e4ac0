/** The k largest or smallest numbers along an axis, sorted. */
import { checkBoolean, checkInteger, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { axisGeometry } from "../tensor/geometry/axis.ts";
import { gatherGeometry } from "../tensor/geometry/select.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import { type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { selected } from "./selected.ts";

/** Options of `topK`. */
export interface TopKOptions {
  /** Default −1, the last. */
  axis?: number;
  /** The largest, in falling order; false: the smallest, in rising order. Default true. */
  largest?: boolean;
}

const TOP_K_OPTIONS: OptionNames<TopKOptions> = { axis: true, largest: true };

/**
 * The k largest elements along an axis, `values`, sorted, and their positions, `indices`. Of equal ones the first comes
 * first, which PyTorch leaves open, and NaN counts as largest, as there. The gradient of a value goes to the element it was
 * taken from: y = P x with a matrix P of zeros and ones, so ∂L/∂x = Pᵀ gy.
 *
 * @example
 * topK(tensor([3, 7, 5, 7]), 3); // values [7, 7, 5], indices.data [1, 3, 2]
 *
 * @throws ShapeError if the axis does not exist; ValueError unless k is a whole number from 0 to its length.
 */
export function topK(
  x: Tensor,
  k: number,
  options: TopKOptions = {},
): { values: Tensor; indices: { readonly data: Int32Array; readonly shape: Shape } } {
  checkTensor("topK", "x", x);
  checkOptions("topK", options, TOP_K_OPTIONS);
  const { axis = -1, largest = true } = options;
  checkInteger("topK", "axis", axis);
  checkBoolean("topK", "largest", largest);
  const along = normalizeAxis("topK", axis, x.rank, x.shape);
  checkWhole("topK", "k", k, 0, x.shape[along]);
  const shape = x.shape.map((length, d) => (d === along ? k : length));
  const indices = { data: new Int32Array(sizeOf(shape)), shape };
  kernels.topK(valuesOf(x), indices.data, k, largest, axisGeometry("topK", x.shape, along));
  const values = selected(["topK", { k, axis, largest }], x, gatherGeometry("topK", x.shape, along, indices));
  return { values, indices };
}
