/** Taking elements by their positions, forward and back: indexSelect, gather and topK differ in which. */
import type { SelectGeometry } from "../tensor/geometry/select.ts";
import type { Values } from "../tensor/memory.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { zeros } from "./arrays.ts";
import type { Operation } from "./attributes.ts";
import { recordLinear } from "./graph.ts";

/** y = the elements of x that `g` names. */
export function selected(operation: Operation, x: Tensor, g: SelectGeometry): Tensor {
  const y = empty(g.shape, x);
  kernels.indexSelect(valuesOf(x), g.index, valuesOf(y), g.axes);
  return recordLinear(operation, y, [x], (gy) => {
    // An index that appears k times sends k gradients to the same element: they add up.
    const gx: Values = zeros(x.size, gy);
    kernels.indexAdd(gy, g.index, gx, g.axes);
    return [gx];
  });
}
