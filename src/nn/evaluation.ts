/** A whole model in evaluation for a while. */
import { isResting } from "./mode.ts";
import { type AnyModule, checkModule } from "./module.ts";

/** Sets the mode of `model` and of every part, and returns what puts each one's own back. */
export function switchMode(model: AnyModule, training: boolean): () => void {
  checkModule("switchMode", model);
  // What each was asked for: a frozen part is in evaluation, and will be in training again when it is unfrozen.
  const before = model.namedModules().map(([, module]) => [module, !isResting(module)] as const);
  model.train(training);
  return () => {
    for (const [module, mode] of before) module.training = mode;
  };
}

/** Runs `fn` with `model` in evaluation mode: running statistics are used and not moved, nothing is dropped. */
export function inEvaluation<T>(model: AnyModule, fn: () => T): T {
  const putBack = switchMode(model, false);
  try {
    return fn();
  } finally {
    putBack();
  }
}
