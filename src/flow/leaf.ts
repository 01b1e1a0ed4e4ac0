/** Where an instrument starts to differentiate. */
import { detach } from "../autograd/backward.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The same numbers as a leaf of a new graph, whose gradient is wanted. */
export function leafOf(x: Tensor): Tensor {
  const leaf = detach(x);
  leaf.requiresGrad = true;
  return leaf;
}
