/**
 * Checks of a function's arguments before anything is computed: in plain JavaScript nothing has checked them yet.
 *
 * Every message has one form, `op: name must be …, got …`. The wrong kind of value is a UsageError, the right kind out
 * of range a ValueError. The caller of a check skips it for an optional argument that is absent. Options: check.ts;
 * tensors: tensor.ts; functions that must answer at once: sync.ts.
 */
import { describe } from "./check.ts";
import { UsageError, ValueError } from "./errors.ts";
import type { Rng } from "./rng.ts";

/** Throws unless `value` is a number that `fits`; `what` describes such a number. */
export function checkNumberIn(
  op: string,
  name: string,
  value: unknown,
  what: string,
  fits: (n: number) => boolean,
): asserts value is number {
  if (typeof value === "number" && fits(value)) return;
  const Wrong = typeof value === "number" ? ValueError : UsageError;
  throw new Wrong(`${op}: ${name} must be ${what}, got ${describe(value)}`);
}

/** Throws unless `value` is a whole number from `least` to `most`: a count. */
export function checkWhole(
  op: string,
  name: string,
  value: unknown,
  least = 1,
  most: number = Infinity,
): asserts value is number {
  const range = most === Infinity ? `of ${least} or more` : `from ${least} to ${most}`;
  checkNumberIn(op, name, value, `a whole number ${range}`, (n) => Number.isInteger(n) && n >= least && n <= most);
}

/** Throws unless `value` is a whole number: an axis, a generator's seed. */
export function checkInteger(op: string, name: string, value: unknown): asserts value is number {
  checkNumberIn(op, name, value, "a whole number", Number.isInteger);
}

/** Throws unless `value` is one count for both directions of an image, or two counts, one for each. */
export function checkPair(op: string, name: string, value: unknown, least = 1): void {
  const counts: readonly unknown[] = Array.isArray(value) ? value : [value, value];
  if (counts.length === 2 && counts.every((n) => Number.isInteger(n) && (n as number) >= least)) return;
  const Wrong = counts.length === 2 && counts.every((n) => typeof n === "number") ? ValueError : UsageError;
  const got = Array.isArray(value) ? `[${value.map(describe).join(", ")}]` : describe(value);
  throw new Wrong(`${op}: ${name} must be a whole number of ${least} or more, or two of them, got ${got}`);
}

/** Throws unless `value` is a number other than NaN. */
export function checkNumber(op: string, name: string, value: unknown): asserts value is number {
  checkNumberIn(op, name, value, "a number", (n) => !Number.isNaN(n));
}

export function checkFinite(op: string, name: string, value: unknown): asserts value is number {
  checkNumberIn(op, name, value, "a finite number", Number.isFinite);
}

/** Throws unless `value` is a number above 0: a limit, where ∞ means no limit. */
export function checkAboveZero(op: string, name: string, value: unknown): asserts value is number {
  checkNumberIn(op, name, value, "a number above 0", (n) => n > 0);
}

/** Throws unless `value` is a finite number from `low` to `high`. */
export function checkBetween(
  op: string,
  name: string,
  value: unknown,
  low: number,
  high: number = Infinity,
): asserts value is number {
  const what = high === Infinity ? `a finite number of ${low} or more` : `a number from ${low} to ${high}`;
  checkNumberIn(op, name, value, what, (n) => n >= low && n <= high && n < Infinity);
}

/**
 * Throws unless `value` is a random generator. One from another copy of the library draws the same numbers, so it
 * passes.
 *
 * @param example a correct call.
 */
export function checkRng(op: string, value: unknown, example = "new Rng(seed)"): asserts value is Rng {
  const { uniform, normal, fork } = (value ?? {}) as Partial<Rng>;
  if ([uniform, normal, fork].every((method) => typeof method === "function")) return;
  throw new UsageError(`${op}: rng must be a random generator, got ${describe(value)}: ${example}`);
}

/** @param what describes the function: what it takes or does. */
export function checkFunction(op: string, name: string, value: unknown, what = "a function"): void {
  if (typeof value !== "function") throw new UsageError(`${op}: ${name} must be ${what}, got ${describe(value)}`);
}

export function checkBoolean(op: string, name: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw new UsageError(`${op}: ${name} must be true or false, got ${describe(value)}`);
}

export function checkText(op: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw new UsageError(`${op}: ${name} must be a string, got ${describe(value)}`);
}

/** Throws unless `value` is one of these strings. */
export function checkOneOf(op: string, name: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const Wrong = typeof value === "string" ? ValueError : UsageError;
  const texts = known.map((text) => `"${text}"`);
  const what = texts.length < 3 ? texts.join(" or ") : `one of ${texts.join(", ")}`;
  throw new Wrong(`${op}: ${name} must be ${what}, got ${describe(value)}`);
}

/** Throws unless `value` is an array. */
export function checkList(op: string, name: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw new UsageError(`${op}: ${name} must be an array, got ${describe(value)}`);
}

/** Throws unless `value` is an array of strings. */
export function checkTexts(op: string, name: string, value: unknown): asserts value is readonly string[] {
  checkList(op, name, value);
  value.forEach((text, i) => {
    checkText(op, `${name}[${i}]`, text);
  });
}

/** Throws unless `value` is an object with named properties: no array, no Map, no Promise. */
export function checkObject(op: string, name: string, value: unknown): asserts value is object {
  if (Object.prototype.toString.call(value) !== "[object Object]") {
    throw new UsageError(`${op}: ${name} must be an object, got ${describe(value)}`);
  }
}

/** Throws UsageError unless every element is a number. */
export function checkNumbers(op: string, values: ArrayLike<unknown>): void {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== "number") {
      throw new UsageError(`${op}: the value at ${i} must be a number, is ${describe(values[i])}`);
    }
  }
}
