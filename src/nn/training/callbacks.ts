/** Functions that a program hands over: that they are functions, and that they answer at once where they must. */
import { describe } from "../../tensor/check.ts";
import { UsageError } from "../../tensor/errors.ts";

/** Throws unless `value` is a function, or undefined. */
export function checkFunction(op: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw new UsageError(`${op}: ${name} must be a function, got ${describe(value)}`);
  }
}

/** Throws unless `value` is a function, or undefined. It may be async; a generator would never run. */
export function checkCallback(op: string, name: string, value: unknown): void {
  checkFunction(op, name, value);
  if (/Generator/.test(Object.prototype.toString.call(value))) {
    throw new UsageError(`${op}: ${name} must be a function that runs when it is called, not a generator`);
  }
}

/** Throws unless `value` is a function that answers at once, or undefined. */
export function checkImmediate(op: string, name: string, value: unknown): void {
  checkFunction(op, name, value);
  const kind = Object.prototype.toString.call(value);
  if (kind !== "[object Function]" && value !== undefined) throw late(op, name);
}

/** Throws for what is to come later: a promise, whose failure then is nobody's business any more. */
export function refusePromise(op: string, name: string, value: unknown): void {
  const then = (value as { then?: unknown } | null | undefined)?.then;
  if (typeof then !== "function") return;
  Promise.resolve(value).catch(() => {});
  throw late(op, name);
}

function late(op: string, name: string): UsageError {
  return new UsageError(`${op}: ${name} must answer at once: it cannot be async, nor a generator`);
}
