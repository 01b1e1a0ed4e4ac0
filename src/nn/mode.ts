/** Training or evaluation: switching a whole model, and putting every part back as it was. */
import type { Module } from "./module.ts";

/** Sets the mode of `model` and of every part, and returns what puts each one's own back. */
export function switchMode(model: Module<never, unknown>, training: boolean): () => void {
  const before = model.namedModules().map(([, module]) => [module, module.training] as const);
  model.train(training);
  return () => {
    for (const [module, mode] of before) module.training = mode;
  };
}

/** Runs `fn` with `model` in evaluation mode: running statistics are used and not moved, nothing is dropped. */
export function inEvaluation<T>(model: Module<never, unknown>, fn: () => T): T {
  const putBack = switchMode(model, false);
  try {
    return fn();
  } finally {
    putBack();
  }
}
