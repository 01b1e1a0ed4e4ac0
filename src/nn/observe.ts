/** Watches a network while it runs, and lets its parts compute something else, without the network's knowledge. */
import { UsageError } from "../tensor/errors.ts";
import { callNow, checkFinished, checkNow } from "../tensor/sync.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { type AnyModule, checkModule, type Module } from "./module.ts";

/** What an observer sees of one call: the module, its path below the observed root, its input and its output. */
export type Observer = (path: string, module: Module, x: Tensor, y: Tensor) => void;

/**
 * Calls `observer` after every `forward` of `root` and of each part below it, while `fn` (which must not be async) runs.
 *
 * The instruments of src/flow see interior activations this way. For the duration of the call, an own property shadows
 * each module's `forward`. A part with several names is observed under the first. Observations may be nested. Calls
 * with anything other than one tensor in and out (several inputs, a record of outputs) are not shown; those of the
 * parts below are.
 *
 * @example
 * const seen: string[] = [];
 * observe(model, (path, _part, _x, y) => seen.push(`${path} ${formatShape(y.shape)}`), () => model.forward(images));
 * seen.at(-1); // " [4,10]"
 */
export function observe<T>(root: AnyModule, observer: Observer, fn: () => T): T {
  checkModule("observe", root);
  checkNow("observe", "observer", observer);
  return replacingForward(observing(root, observer), fn);
}

/** For each part of `root`: its `forward`, followed by `observer`. */
export function observing(root: AnyModule, observer: Observer): ReadonlyMap<AnyModule, Forward> {
  const replacements = new Map<AnyModule, Forward>();
  for (const [path, module] of root.namedModules()) {
    if (replacements.has(module)) continue;
    const forward = module.forward as (...args: unknown[]) => unknown;
    replacements.set(module, (...args: unknown[]) => {
      const y = forward.apply(module, args);
      const [x] = args;
      if (isTensor(x) && isTensor(y)) checkFinished("observe", "observer", observer(path, module as Module, x, y));
      return y;
    });
  }
  return replacements;
}

/** A `forward` with any input and output. */
export type Forward = AnyModule["forward"];

/** Runs `fn` (which must not be async) while each of these modules computes another function. */
function replacingForward<T>(replacements: ReadonlyMap<AnyModule, Forward>, fn: () => T): T {
  const putBack = replaceForward(replacements);
  try {
    return callNow("observe", "fn", fn);
  } finally {
    putBack();
  }
}

/** Lets each of these modules compute another function until the returned function is called. */
export function replaceForward(replacements: ReadonlyMap<AnyModule, Forward>): () => void {
  const fixed = [...replacements.keys()].find((module) => !Object.isExtensible(module));
  if (fixed) {
    throw new UsageError(
      `${fixed.constructor.name}: it cannot be observed, because Object.freeze or the like was called on it`,
    );
  }
  const restore: (() => void)[] = [];
  for (const [module, forward] of replacements) {
    // Deleting the own property uncovers the prototype's method again; an outer replacement has its own property.
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
