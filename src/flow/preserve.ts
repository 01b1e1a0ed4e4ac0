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
  try {
    return fn();
  } finally {
    tensors.forEach((t, i) => {
      t.assign(saved[i]);
    });
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

/** Runs `fn` while each of these modules computes another function. */
export function replacingForward<T>(replacements: ReadonlyMap<Module, (x: Tensor) => Tensor>, fn: () => T): T {
  const putBack = replaceForward(replacements);
  try {
    return fn();
  } finally {
    putBack();
  }
}

/** Lets each of these modules compute another function, until the returned function is called. */
export function replaceForward(replacements: ReadonlyMap<Module, (x: Tensor) => Tensor>): () => void {
  const restore: (() => void)[] = [];
  for (const [module, forward] of replacements) {
    // Deleting the own property uncovers the prototype's method again; an observation around this has its own.
    const own = Object.getOwnPropertyDescriptor(module, "forward");
    restore.push(() => {
      if (own) Object.defineProperty(module, "forward", own);
      else delete (module as { forward?: unknown }).forward;
    });
    module.forward = forward;
  }
  return () => {
    for (const putBack of restore) putBack();
  };
}
