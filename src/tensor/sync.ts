/**
 * Functions that must have finished when they return.
 *
 * A step ends, recording goes on, a model gets its mode back when a function returns. An async function returns at its first
 * `await`, and a generator at once: the rest of it would run outside. So they are refused, before they run where that can be
 * seen, and else when what they return shows it.
 */
import { describe } from "./check.ts";
import { UsageError } from "./errors.ts";

type Unfinished =
  | PromiseLike<unknown>
  | Generator<unknown, unknown, unknown>
  | AsyncGenerator<unknown, unknown, unknown>;

/**
 * What a function that is given as `() => T & Finished<T>` must return besides a T: nothing; and where T is a promise or a
 * generator, a text that nobody returns, which the compiler shows.
 */
export type Finished<T> = [Extract<T, Unfinished>] extends [never]
  ? unknown
  : "it must have finished when it returns: it cannot be async, nor a generator";

/**
 * fn().
 *
 * @throws UsageError if fn is no function, or one that returns before it has finished.
 */
export function callNow<Args extends readonly unknown[], T>(op: string, fn: (...args: Args) => T, ...args: Args): T {
  checkNow(op, fn);
  const result = fn(...args);
  if (isPromise(result)) {
    // Nobody will wait for it: what becomes of it is not to end the program.
    result.then(undefined, () => {});
    throw refusal(op, "one that returned a promise");
  }
  if (isGenerator(result)) throw refusal(op, "one that returned a generator");
  return result;
}

/** The part of `callNow` that is known before fn runs. */
export function checkNow(op: string, fn: unknown): void {
  if (typeof fn !== "function") throw new UsageError(`${op}: needs a function, got ${describe(fn)}`);
  const kind = Object.prototype.toString.call(fn);
  if (kind === "[object AsyncFunction]") throw refusal(op, "an async one");
  if (kind === "[object GeneratorFunction]" || kind === "[object AsyncGeneratorFunction]") {
    throw refusal(op, "a generator");
  }
}

function refusal(op: string, got: string): UsageError {
  return new UsageError(
    `${op}: its function must have finished when it returns, got ${got}: await what it needs before, and pass the results in`,
  );
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function isGenerator(value: unknown): boolean {
  const kind = Object.prototype.toString.call(value);
  return kind === "[object Generator]" || kind === "[object AsyncGenerator]";
}
