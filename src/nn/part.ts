/** What the files below module.ts need of a module: its identity, its mode, and its parts. */
import { describe } from "../tensor/check.ts";
import { isClassOf, isOurs } from "../tensor/copies.ts";
import { UsageError } from "../tensor/errors.ts";

/** A module, or a part of one: `Module` (module.ts) has these. */
export interface Part {
  training: boolean;
  forward: (...args: never[]) => unknown;
  describe(): string;
  namedChildren(): [string, Part][];
  namedModules(): [string, Part][];
}

/** Whether `value` is a module of this copy of the library. */
export function isPart(value: unknown): value is Part {
  return isOurs(value, "module");
}

/**
 * Throws unless `value` is a module of this copy.
 *
 * @param op the operation that got the value.
 * @throws UsageError that describes the value.
 */
export function checkPart(op: string, value: unknown): asserts value is Part {
  if (isPart(value)) return;
  if (isClassOf(value, "module")) {
    throw new UsageError(`${op}: needs a module, got the class ${value.name}: make one, new ${value.name}(…)`);
  }
  const list = Array.isArray(value) ? ": new Sequential(...modules) combines several" : "";
  throw new UsageError(`${op}: needs a module (a network, or a part of one), got ${describe(value)}${list}`);
}
