/** An instrument does not change what it measures: whatever it alters for a while is put back, also after an error. */
import { nodesBefore } from "../autograd/graph.ts";
import type { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Runs `fn` and puts every buffer of the model (running statistics) back as it was. */
export function preservingBuffers<T>(model: Module, fn: () => T): T {
  return preservingValues(
    model.namedBuffers().map(([, t]) => t),
    fn,
  );
}

/** Runs `fn` and puts the values of `tensors` back, bit for bit. */
export function preservingValues<T>(tensors: readonly Tensor[], fn: () => T): T {
  const saved = tensors.map((t) => t.data.slice());
  return puttingBack(fn, () => {
    tensors.forEach((t, i) => {
      t.assign(saved[i]);
    });
  });
}

/** Runs `fn`, and `putBack` when it is done: at once, or where it returns a promise, when that has settled. */
export function puttingBack<T>(fn: () => T, putBack: () => void): T {
  let later = false;
  try {
    const result = fn();
    if (!(result instanceof Promise)) return result;
    later = true;
    // The same promise for whoever waits, only that it comes after putBack.
    return result.finally(putBack) as T;
  } finally {
    if (!later) putBack();
  }
}

/**
 * Runs `fn` while, of all leaves that `root` was computed from, only those in `wanted` ask for a gradient. Where gradients of
 * activations count and those of weights do not, that is half the work.
 */
export function differentiatingOnly<T>(root: Tensor, wanted: readonly Tensor[], fn: () => T): T {
  const leaves = new Set(nodesBefore(root).flatMap(({ inputs }) => inputs.filter((t) => t.requiresGrad)));
  for (const t of wanted) leaves.delete(t);
  for (const t of leaves) t.requiresGrad = false;
  try {
    return fn();
  } finally {
    for (const t of leaves) t.requiresGrad = true;
  }
}
