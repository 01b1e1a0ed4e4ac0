/** Watching a network while it runs, and letting parts of it compute something else: the networks know nothing about it. */
import type { Tensor } from "../tensor/tensor.ts";
import type { Module } from "./module.ts";

/** What an observer sees of one call: the module, its path below the observed root, and what went in and came out. */
export type Observer = (path: string, module: Module, x: Tensor, y: Tensor) => void;

/**
 * Calls `observer` after every `forward` of `root` and of each part below it, while `fn` (which must not be async) runs.
 *
 * The instruments of src/flow see interior activations this way. Each module's
 * `forward` is shadowed by an own property for the time of the call. A part that has several names is observed under
 * the first. Observations may be nested.
 */
export function observe<T>(root: Module, observer: Observer, fn: () => T): T {
  const replacements = new Map<Module, Module["forward"]>();
  for (const [path, module] of root.namedModules()) {
    if (replacements.has(module)) continue;
    const forward = module.forward;
    replacements.set(module, (x) => {
      const y = forward.call(module, x);
      observer(path, module, x, y);
      return y;
    });
  }
  return replacingForward(replacements, fn);
}

/** Runs `fn` (which must not be async) while each of these modules computes another function. */
export function replacingForward<T>(replacements: ReadonlyMap<Module, Module["forward"]>, fn: () => T): T {
  const putBack = replaceForward(replacements);
  try {
    return fn();
  } finally {
    putBack();
  }
}

/** Lets each of these modules compute another function, until the returned function is called. */
export function replaceForward(replacements: ReadonlyMap<Module, Module["forward"]>): () => void {
  const restore: (() => void)[] = [];
  for (const [module, forward] of replacements) {
    // Deleting the own property uncovers the prototype's method again; a replacement around this one has its own.
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
