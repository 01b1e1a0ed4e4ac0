/** Puts a whole model into evaluation for a while. */
import { isResting } from "./mode.ts";
import { type AnyModule, checkModule } from "./module.ts";

/** Sets the mode of `model` and of every part. Returns a function that restores each one's own. */
export function switchMode(model: AnyModule, training: boolean): () => void {
  checkModule("switchMode", model);
  // The requested modes: a frozen part is in evaluation, and returns to training when it is unfrozen.
  const before = model.namedModules().map(([, module]) => [module, !isResting(module)] as const);
  model.train(training);
  return () => {
    for (const [module, mode] of before) module.training = mode;
  };
}

/** Runs `fn` with `model` in evaluation mode: running statistics are used but not moved, and nothing is dropped. */
export function inEvaluation<T>(model: AnyModule, fn: () => T): T {
  const putBack = switchMode(model, false);
  try {
    return fn();
  } finally {
    putBack();
  }
}
