/** Softmax and its logarithm: scores along an axis become a distribution. Next: losses.ts, which measures with them. */

import { checkTensor } from "../tensor/check-tensor.ts";
import { axisGeometry } from "../tensor/geometry/axis.ts";
import { allocate } from "../tensor/memory.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { record } from "./graph.ts";

/**
 * y_i = e^x_i / Σ_j e^x_j along `axis`, in the shape of x. Large scores do not overflow.
 *
 * @example
 * softmax(tensor([0, Math.log(3)])).toArray(); // [0.25, 0.75]
 *
 * @throws ShapeError if the axis does not exist.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  checkTensor("softmax", "x", x);
  const g = axisGeometry("softmax", x.shape, axis);
  const y = empty(x.shape, x);
  kernels.softmax(valuesOf(x), valuesOf(y), g);
  return record(
    ["softmax", { axis }],
    y,
    [x],
    (gy) => {
      // ∂y_j/∂x_i = y_j (δ_ij − y_i), so gx_i = Σ_j gy_j y_j (δ_ij − y_i) = y_i (gy_i − Σ_j gy_j y_j).
      const gx = allocate(x.size, gy);
      kernels.softmaxGradient(gy, valuesOf(y), gx, g);
      return [gx];
    },
    [y],
  );
}

/**
 * y_i = x_i − ln Σ_j e^x_j along `axis`: the logarithm of softmax, without its underflow.
 *
 * @example
 * logSoftmax(tensor([0, Math.log(3)])).toArray(); // [-1.3863, -0.2877]
 *
 * @throws ShapeError if the axis does not exist.
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  checkTensor("logSoftmax", "x", x);
  const g = axisGeometry("logSoftmax", x.shape, axis);
  const y = empty(x.shape, x);
  kernels.logSoftmax(valuesOf(x), valuesOf(y), g);
  return record(
    ["logSoftmax", { axis }],
    y,
    [x],
    (gy) => {
      // ∂y_j/∂x_i = δ_ij − e^y_i, so gx_i = gy_i − e^y_i Σ_j gy_j.
      const gx = allocate(x.size, gy);
      kernels.logSoftmaxGradient(gy, valuesOf(y), gx, g);
      return [gx];
    },
    [y],
  );
}
