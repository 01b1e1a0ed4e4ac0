/** Whether everything that learns has a name. */
import type { Gradients } from "../../autograd/backward.ts";
import { UsageError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Module } from "../module.ts";

/**
 * @param alsoAllowed leaves outside the model that may have a gradient.
 * @throws UsageError if a leaf received a gradient that is neither a named parameter of the model nor allowed: it would be
 * neither trained nor saved.
 */
export function checkNamedLeaves(
  op: string,
  model: Module<never, unknown>,
  grads: Gradients,
  alsoAllowed: Iterable<Tensor>,
): void {
  const known = new Set([...model.parameters(), ...alsoAllowed]);
  for (const [leaf] of grads.entries()) {
    if (leaf.node || known.has(leaf)) continue;
    throw new UsageError(
      `${op}: a tensor ${formatShape(leaf.shape)} received a gradient, but it is no named parameter of this ${model.constructor.name}, nor the optimiser's: it would be neither trained nor saved`,
    );
  }
}
