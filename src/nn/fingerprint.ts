/** A short name for the weights of a model. */
import { checkObject } from "../tensor/arguments.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { checksum } from "../tensor/checksum.ts";
import { type AnyModule, isModule, type StateDict } from "./module.ts";

/**
 * Eight hexadecimal digits from the names, shapes and bits of all parameters and buffers, in their order: two trainings that agree in it have
 * the same weights to the bit, but for one chance in 2³² (FNV-1a, a checksum: no protection against someone who wants to
 * deceive). A certificate's `weights` are the same digits.
 *
 * @example
 * const model = new Linear(2, 1, { rng: new Rng(0) });
 * const before = fingerprint(model);
 * model.weight.assign([1, 2]);
 * fingerprint(model) === before; // false
 *
 * @param of a model, or a state dict.
 * @throws UsageError for anything else.
 */
export function fingerprint(of: AnyModule | StateDict): string {
  checkObject("fingerprint", "the model or state dict", of);
  const state = Object.entries(isModule(of) ? of.stateDict() : of);
  for (const [name, t] of state) checkTensor("fingerprint", name, t);
  return checksum(state);
}
