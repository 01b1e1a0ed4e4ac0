/** Tracks what is being trained: only one `fit` at a time can train a model or a part of one. */
import { UsageError } from "../../tensor/errors.ts";
import type { Module } from "../module.ts";

const training = /* @__PURE__ */ new WeakSet<object>();

/**
 * Claims the model, its parts and tensors, and the optimiser, until the returned function is called.
 *
 * @throws UsageError if one of them is already claimed.
 */
export function claim(op: string, model: Module<never, unknown>, optimizer: object): () => void {
  const refuse = (what: string): never => {
    throw new UsageError(`${op}: ${what} is being trained by another ${op} that has not ended: await it first`);
  };
  if (training.has(model)) refuse("this model");
  for (const [path, module] of model.namedModules())
    if (training.has(module)) refuse(`the part "${path}" of this model`);
  const state = model.stateDict();
  for (const [name, t] of Object.entries(state)) if (training.has(t)) refuse(`the tensor "${name}" of this model`);
  if (training.has(optimizer))
    throw new UsageError(`${op}: this optimiser is in use by another ${op} that has not ended`);
  const mine = [optimizer, ...model.namedModules().map(([, module]) => module), ...Object.values(state)];
  for (const object of mine) training.add(object);
  return () => {
    for (const object of mine) training.delete(object);
  };
}
