/**
 * What a function was given, checked before anything is computed: for plain JavaScript, where nothing was checked before.
 * A wrong kind of value is a UsageError, a value of the right kind out of its range a ValueError. Options: check.ts.
 */
import { describe } from "./check.ts";
import { UsageError, ValueError } from "./errors.ts";
import type { Rng } from "./rng.ts";

/** Throws unless `value` is a whole number from `least` to `most`. */
export function checkWhole(op: string, name: string, value: unknown, least: number, most: number = Infinity): void {
  const range = most === Infinity ? `of ${least} or more` : `from ${least} to ${most}`;
  checkNumberIn(op, name, value, `a whole number ${range}`, (n) => Number.isInteger(n) && n >= least && n <= most);
}

/** Throws unless `value` is a number in the range that `isOne` tells, and `what` says in words. */
export function checkNumberIn(
  op: string,
  name: string,
  value: unknown,
  what: string,
  isOne: (n: number) => boolean,
): asserts value is number {
  if (typeof value === "number" && isOne(value)) return;
  const Wrong = typeof value === "number" ? ValueError : UsageError;
  throw new Wrong(`${op}: ${name} must be ${what}, got ${describe(value)}`);
}

/** Throws unless `value` is the seed of a generator. */
export function checkSeed(op: string, value: unknown): void {
  checkNumberIn(op, "seed", value, "a whole number", Number.isInteger);
}

/** Throws unless `value` is a random generator. One of a second copy of the library draws the same numbers, and will do. */
export function checkRng(op: string, value: unknown): asserts value is Rng {
  const { uniform, fork } = (value ?? {}) as Partial<Rng>;
  if (typeof uniform === "function" && typeof fork === "function") return;
  const hint = typeof value === "number" ? `: new Rng(${value})` : "";
  throw new UsageError(`${op}: rng must be a random generator, an Rng, got ${describe(value)}${hint}`);
}

export function checkFunction(op: string, name: string, value: unknown): void {
  if (typeof value !== "function") throw new UsageError(`${op}: ${name} must be a function, got ${describe(value)}`);
}

export function checkBoolean(op: string, name: string, value: unknown): void {
  if (typeof value !== "boolean") throw new UsageError(`${op}: ${name} must be true or false, got ${describe(value)}`);
}

export function checkText(op: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw new UsageError(`${op}: ${name} must be a text, got ${describe(value)}`);
}

/** Throws unless `value` is an array. */
export function checkList(op: string, name: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw new UsageError(`${op}: ${name} must be an array, got ${describe(value)}`);
}

/** Throws unless `value` is an array of texts. */
export function checkTexts(op: string, name: string, value: unknown): asserts value is readonly string[] {
  checkList(op, name, value);
  value.forEach((text, i) => {
    checkText(op, `${name}[${i}]`, text);
  });
}

/** Throws unless `value` is an object with names: no array, no Map, no Promise. */
export function checkObject(op: string, name: string, value: unknown): asserts value is object {
  if (Object.prototype.toString.call(value) !== "[object Object]") {
    throw new UsageError(`${op}: ${name} must be an object, got ${describe(value)}`);
  }
}

/** Throws unless `value` is one of `known`. */
export function checkOneOf(op: string, name: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  throw new UsageError(`${op}: ${name} must be ${known.map((v) => `"${v}"`).join(" or ")}, got ${describe(value)}`);
}
