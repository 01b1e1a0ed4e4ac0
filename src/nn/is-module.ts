/** Telling a module from anything else. */
import { describe } from "../tensor/check.ts";
import { isClassOf, isOurs } from "../tensor/copies.ts";
import { UsageError } from "../tensor/errors.ts";
import type { AnyModule } from "./module.ts";

/** Whether `value` is a module of this copy of the library. */
export function isModule(value: unknown): value is AnyModule {
  return isOurs(value, "module");
}

/**
 * Throws unless `value` is a module of this copy.
 *
 * @param op what it was given to.
 * @throws UsageError that says what it is instead.
 */
export function checkModule(op: string, value: unknown): asserts value is AnyModule {
  if (isModule(value)) return;
  if (isClassOf(value, "module")) {
    throw new UsageError(`${op}: needs a module, got the class ${value.name}: make one, new ${value.name}(…)`);
  }
  const list = Array.isArray(value) ? ": new Sequential(...modules) makes one of several" : "";
  throw new UsageError(`${op}: needs a module (a network, or a part of one), got ${describe(value)}${list}`);
}
