/** A copy of what a model has learnt, to go back to. */
import { detach } from "../autograd/backward.ts";
import type { Module, StateDict } from "./module.ts";

/**
 * A copy of the model's parameters and running statistics, which further training does not change (`stateDict` gives the
 * model's own tensors). `loadStateDict` puts it back; it can be saved, or sent to a worker, as any state can. The copies are
 * constants: a model that keeps them in a property has no more parameters by that.
 *
 * @example
 * const before = copyState(model);
 * await fit(model, { data, optimizer, steps: 3 });
 * model.loadStateDict(before); // as it was
 */
export function copyState(model: Pick<Module, "stateDict">): StateDict {
  return Object.fromEntries(Object.entries(model.stateDict()).map(([name, t]) => [name, detach(t).clone()]));
}
