/** A step as operations open one: with the kernels chosen, and its result made to outlive it. */
import { inStep } from "./memory.ts";
import { outliveStep } from "./tensor.ts";
import { chooseKernels } from "./tier.ts";

/** Runs `fn`. What it returns lives on (`outliveStep`); the memory of all else that it computed is recycled (memory.ts). */
export function asStep<T>(fn: () => T): T {
  chooseKernels();
  return inStep(fn, outliveStep);
}
