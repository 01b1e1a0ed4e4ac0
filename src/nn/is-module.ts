/**
 * Telling a module from anything else, and a module of this copy of the library from one of another copy.
 *
 * Two copies (two bundles, a duplicate in node_modules, the builds of a page and of its worker) have kernels, steps and
 * recording of their own each: what one computes, the other does not know of. So they do not work together: a module of
 * another copy is refused wherever it is met, and not half accepted.
 */
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { AnyModule } from "./module.ts";

/** What every module carries, on its prototype: the same symbol in every copy of the library, with a value of its own in each. */
const MODULE_MARK: symbol = /* @__PURE__ */ Symbol.for("skipstone.module");

/** What every tensor carries. */
const TENSOR_MARK: symbol = /* @__PURE__ */ Symbol.for("skipstone.tensor");

/** The value of the mark in this copy. */
const THIS_COPY: object = { library: "skipstone", kind: "module" };

/** Marks the prototype of all modules. Called by the first of them, because an import should do nothing. */
export function markModules(prototype: object): void {
  if (!Object.hasOwn(prototype, MODULE_MARK)) Object.defineProperty(prototype, MODULE_MARK, { value: THIS_COPY });
}

/** Whether `value` is a module of this copy. */
export function isModule(value: unknown): value is AnyModule {
  return typeof value === "object" && value !== null && markOf(value) === THIS_COPY;
}

/** Whether `value`, which is no tensor of this copy, is a module or a tensor of another one. */
export function isForeign(value: object): boolean {
  const mark = markOf(value);
  return (mark !== undefined && mark !== THIS_COPY) || TENSOR_MARK in value;
}

/**
 * Throws unless `value` is a module of this copy.
 *
 * @param op what it was given to.
 * @throws UsageError that says what it is instead.
 */
export function checkModule(op: string, value: unknown): asserts value is AnyModule {
  if (isModule(value)) return;
  if (typeof value === "object" && value !== null && isForeign(value)) throw twoCopies(op, value);
  if (typeof value === "function" && typeof value.prototype === "object" && markOf(value.prototype) !== undefined) {
    throw new UsageError(`${op}: needs a module, got the class ${value.name}: make one, new ${value.name}(…)`);
  }
  const list = Array.isArray(value) ? ": new Sequential(...modules) makes one of several" : "";
  throw new UsageError(`${op}: needs a module (a network, or a part of one), got ${describe(value)}${list}`);
}

/** What is wrong with `value`, which is of another copy. */
export function twoCopies(op: string, value: object): UsageError {
  return new UsageError(
    `${op}: two copies of Skipstone are loaded: this ${value.constructor.name} was made by another one than what it was given to, and they do not work together. Load one: look for a duplicate (npm ls skipstone), or for two bundles that each contain it`,
  );
}

function markOf(value: object): unknown {
  return (value as { readonly [mark: symbol]: unknown })[MODULE_MARK];
}
