/** The contents of pickles, as represented here. */
import type { Fail } from "../errors.ts";

/**
 * A pickle can hold None, numbers, strings, bytes; lists and tuples (frozen arrays), dicts, sets; functions, and their
 * results.
 */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Pickled[]
  | Map<Pickled, Pickled>
  | Set<Pickled>
  | PickleFunction
  | typeof SKIPPED
  | object;

/** A function that a pickle may call. */
export type PickleFunction = (args: readonly Pickled[], fail: Fail) => Pickled;

/** Stands for a skipped object: everything done to it is ignored. */
export const SKIPPED: unique symbol = /* @__PURE__ */ Symbol("skipped");
