/** A copy of a model's state, to go back to. */
import { detach } from "../autograd/backward.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Module, StateDict } from "./module.ts";

/**
 * A copy of the model's parameters and running statistics, which further training does not change (`stateDict` gives
 * the model's own tensors). `loadStateDict` restores it. Like any state, it can be saved or sent to a worker. The
 * copies are constants: a model that keeps them in a property has no more parameters than before.
 *
 * @example
 * const before = copyState(model);
 * await fit(model, { data, optimizer, steps: 3 });
 * model.loadStateDict(before); // as it was
 */
export function copyState(model: Pick<Module, "stateDict">): StateDict {
  if (typeof (model as Partial<Module> | undefined)?.stateDict !== "function") {
    throw new UsageError(`copyState: takes a model, a Module, got ${describe(model)}`);
  }
  return Object.fromEntries(Object.entries(model.stateDict()).map(([name, t]) => [name, detach(t).clone()]));
}
