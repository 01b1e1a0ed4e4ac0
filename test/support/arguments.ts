/** Arguments of kernels, seen from outside: arrays, and records of arrays (`PerGroup`, `NormGradients`). */
import type { Floats } from "../../src/tensor/memory.ts";

const isArray = (value: unknown): value is Floats => value instanceof Float32Array || value instanceof Float64Array;

/** The argument with `replace` in the place of each array. */
export function replacingArrays(argument: unknown, replace: (array: Floats) => Floats): unknown {
  if (isArray(argument)) return replace(argument);
  if (typeof argument !== "object" || argument === null || !Object.values(argument).some(isArray)) return argument;
  const members = Object.entries(argument).map(([name, member]) => [name, isArray(member) ? replace(member) : member]);
  return Object.fromEntries(members);
}
