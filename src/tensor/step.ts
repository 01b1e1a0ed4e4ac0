/** A step as operations open one: with the kernels chosen, and its result made to outlive it. */
import { inStep } from "./memory.ts";
import { chooseKernels } from "./tier.ts";

/** Runs `fn`. What it returns lives on (`outliveStep`); the memory of all else that it computed is recycled (memory.ts). */
export function asStep<T>(fn: () => T): T {
  chooseKernels();
  return inStep(fn, outliveStep);
}

/**
 * Makes everything in `value` outlive the current step: a tensor, or tensors in arrays, maps, sets, objects, and objects with
 * an `outliveStep` of their own. Getters are not called.
 */
export function outliveStep(value: unknown): void {
  for (const object of outliving(value)) {
    const own = (object as { outliveStep?: unknown }).outliveStep;
    if (typeof own === "function") own.call(object);
  }
}

/** The objects in `value`, itself included, as far as they have no `outliveStep`, and those that have it. */
export function* outliving(value: unknown): Generator<object> {
  const found = new Set<unknown>([value]);
  // `found` grows while it is read. Not recursive: a list may be linked, and any depth is fine.
  for (const next of found) {
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next)) continue;
    yield next;
    if (typeof (next as { outliveStep?: unknown }).outliveStep === "function") continue;
    if (Array.isArray(next) || next instanceof Set) for (const member of next) found.add(member);
    else if (next instanceof Map) for (const entry of next) for (const part of entry) found.add(part);
    else for (const { value } of Object.values(Object.getOwnPropertyDescriptors(next))) found.add(value);
  }
}
