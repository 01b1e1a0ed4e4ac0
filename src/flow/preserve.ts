/** An instrument does not change what it measures: whatever it alters for a while is put back, also after an error. */
import { tap } from "../autograd/backward.ts";
import { nodesBefore } from "../autograd/graph.ts";
import type { Module } from "../nn/module.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";

/** Runs `fn` and puts every buffer of the model (running statistics) back as it was. */
export function preservingBuffers<T>(model: Module, fn: () => T): T {
  return preservingValues(
    model.namedBuffers().map(([, t]) => t),
    fn,
  );
}

/** Runs `fn` and puts the values of `tensors` back, bit for bit. */
export function preservingValues<T>(tensors: readonly Tensor[], fn: () => T): T {
  const saved = tensors.map((t) => peek(t).slice());
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
 * Runs `fn` while every parameter of the model asks for a gradient. What frozen parts compute is recorded then too, so that
 * an instrument can see through a frozen stem to the blocks behind it.
 */
export function recordingFrozen<T>(model: Module, fn: () => T): T {
  const frozen = model.parameters().filter((t) => !t.requiresGrad);
  for (const t of frozen) t.requiresGrad = true;
  try {
    return fn();
  } finally {
    for (const t of frozen) t.requiresGrad = false;
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

/** Whether operations are recorded: not inside `noGrad`, as in an evaluation. */
export function isRecording(): boolean {
  const leaf = owned(new Float32Array(1), [1], true);
  return tap(leaf, () => {}).node !== null;
}
