/**
 * Functions that must finish before they return.
 *
 * When a function returns, its step ends, recording resumes, or a model gets its mode back. An async function returns
 * at its first `await`, a generator at once: the rest of it would run outside. So they are refused: before they run
 * where possible, otherwise when their result gives them away.
 */
import { checkFunction } from "./arguments.ts";
import { UsageError } from "./errors.ts";

/**
 * What a function given as `() => T & Finished<T>` must return besides a T: nothing; or, where T is a promise or a
 * generator, a string that nobody returns, which the compiler then shows.
 */
export type Finished<T> = [
  Extract<T, PromiseLike<unknown> | Generator<unknown, unknown, unknown> | AsyncGenerator<unknown, unknown, unknown>>,
] extends [never]
  ? unknown
  : "it must finish before it returns: it cannot be async or a generator";

/**
 * fn(...args).
 *
 * @param name the operation's name for fn.
 * @throws UsageError if fn is not a function, or returns before it has finished.
 */
export function callNow<Args extends readonly unknown[], T>(
  op: string,
  name: string,
  fn: (...args: Args) => T,
  ...args: Args
): T {
  checkNow(op, name, fn);
  const result = fn(...args);
  checkFinished(op, name, result);
  return result;
}

/** The part of `callNow` that can be checked before fn runs. */
export function checkNow(op: string, name: string, fn: unknown): void {
  checkFunction(op, name, fn);
  const kind = Object.prototype.toString.call(fn);
  if (kind === "[object AsyncFunction]") throw refusal(op, name, "an async one");
  if (kind === "[object GeneratorFunction]" || kind === "[object AsyncGeneratorFunction]") {
    throw refusal(op, name, "a generator");
  }
}

/** For a function that may be async and is awaited: a generator would never run. */
export function checkCallback(op: string, name: string, fn: unknown): void {
  checkFunction(op, name, fn);
  if (/Generator/.test(Object.prototype.toString.call(fn))) {
    throw new UsageError(`${op}: ${name} must be a function that runs when it is called, not a generator`);
  }
}

/** The part that can be checked once fn has returned. */
export function checkFinished(op: string, name: string, result: unknown): void {
  // Also an array of promises, as from list.map(async …).
  const promises = (Array.isArray(result) ? result : [result]).filter(isPromise);
  if (promises.length > 0) {
    // Nobody will await these promises: their rejection must not end the program.
    for (const promise of promises) Promise.resolve(promise).catch(() => {});
    throw refusal(op, name, `one that returned ${Array.isArray(result) ? "an array of promises" : "a promise"}`);
  }
  if (isGenerator(result)) throw refusal(op, name, "one that returned a generator");
}

function refusal(op: string, name: string, got: string): UsageError {
  return new UsageError(
    `${op}: ${name} must finish before it returns, got ${got}: await what it needs beforehand and pass in the results`,
  );
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function isGenerator(value: unknown): boolean {
  const kind = Object.prototype.toString.call(value);
  return kind === "[object Generator]" || kind === "[object AsyncGenerator]";
}
