/** Running sums. */
import { checkTensor } from "../tensor/check-tensor.ts";
import { axisGeometry } from "../tensor/geometry/axis.ts";
import { allocate } from "../tensor/memory.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { recordLinear } from "./graph.ts";

/**
 * y_i = x_0 + … + x_i along `axis`, in the shape of x. The sums are accumulated in float64.
 *
 * @example
 * cumsum(tensor([[1, 2, 3], [4, 5, 6]]), 1).toArray(); // [[1, 3, 6], [4, 9, 15]]
 *
 * @throws ShapeError if the axis does not exist.
 */
export function cumsum(x: Tensor, axis: number): Tensor {
  checkTensor("cumsum", "x", x);
  const g = axisGeometry("cumsum", x.shape, axis);
  const y = empty(x.shape, x);
  kernels.cumsum(valuesOf(x), valuesOf(y), g, false);
  return recordLinear(["cumsum", { axis }], y, [x], (gy) => {
    // x_i is a summand of y_i and of all that follow: gx_i = Σ_{j≥i} gy_j, the sums from the other end.
    const gx = allocate(x.size, gy);
    kernels.cumsum(gy, gx, g, true);
    return [gx];
  });
}
