/** An instrument does not change what it measures: it restores everything it alters, even after an error. */
import { tap } from "../autograd/backward.ts";
import { nodesBefore } from "../autograd/graph.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";

/** How many instruments run a module at the moment. */
const measuring = new WeakMap<AnyModule, number>();

/** Whether `module` computes for an instrument, and not for a training that goes on around it. */
export function isMeasured(module: AnyModule): boolean {
  return (measuring.get(module) ?? 0) > 0;
}

/** Runs `fn` and restores every buffer of the model (running statistics). */
export function preservingBuffers<T>(model: Module, fn: () => T): T {
  const parts = new Set(model.namedModules().map(([, part]) => part));
  const count = (by: number): void => {
    for (const part of parts) measuring.set(part, (measuring.get(part) ?? 0) + by);
  };
  const buffers = model.namedBuffers().map(([, t]) => t);
  count(1);
  return puttingBack(
    () => preservingValues(buffers, fn),
    () => count(-1),
  );
}

/** Runs `fn` and restores the values of `tensors`, bit for bit. */
export function preservingValues<T>(tensors: readonly Tensor[], fn: () => T): T {
  const saved = tensors.map((t) => peek(t).slice());
  return puttingBack(fn, () => {
    tensors.forEach((t, i) => {
      t.assign(saved[i]);
    });
  });
}

/** Runs `fn`, then `putBack`: at once, or if `fn` returns a promise, when that has settled. */
export function puttingBack<T>(fn: () => T, putBack: () => void): T {
  let later = false;
  try {
    const result = fn();
    if (!(result instanceof Promise)) return result;
    later = true;
    // The same promise, but settled only after putBack.
    return result.finally(putBack) as T;
  } finally {
    if (!later) putBack();
  }
}

/**
 * Runs `fn` while every parameter of the model requires a gradient. Frozen parts are then recorded too, so an
 * instrument can see through a frozen stem to the blocks after it.
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
 * Runs `fn` while, of all leaves that `root` was computed from, only those in `wanted` require a gradient. That is half
 * the work if only the gradients of activations matter, not those of weights.
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
