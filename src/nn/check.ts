/** Checks of what layers and networks are made with, in messages that say who refuses, what it is called, and what would be right. */
import { describe } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";

/** A count: of channels, classes, layers. */
export function checkWhole(who: string, name: string, value: unknown, least = 1): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < least) {
    throw new ValueError(`${who}: ${name} must be a whole number of ${least} or more, got ${describe(value)}`);
  }
}

/** An axis. */
export function checkInteger(who: string, name: string, value: unknown): asserts value is number {
  if (!Number.isInteger(value)) throw new ValueError(`${who}: ${name} must be a whole number, got ${describe(value)}`);
}

/** One count for both directions, or one for each. */
export function checkPair(who: string, name: string, value: unknown, least = 1): void {
  const pair: unknown[] = Array.isArray(value) ? value : [value];
  const fits = pair.length === 2 || !Array.isArray(value);
  if (fits && pair.every((n) => Number.isInteger(n) && (n as number) >= least)) return;
  const got = Array.isArray(value) ? `[${value.map(describe).join(", ")}]` : describe(value);
  throw new ValueError(`${who}: ${name} must be a whole number of ${least} or more, or two of them, got ${got}`);
}

/** Negated, so that NaN is refused. */
export function checkBetween(who: string, name: string, value: unknown, low: number, high: number): void {
  if (!(typeof value === "number" && value >= low && value <= high)) {
    const range = high === Infinity ? `of ${low} or more` : `from ${low} to ${high}`;
    throw new ValueError(`${who}: ${name} must be a number ${range}, got ${describe(value)}`);
  }
}

export function checkFinite(who: string, name: string, value: unknown): void {
  if (!Number.isFinite(value)) throw new ValueError(`${who}: ${name} must be a finite number, got ${describe(value)}`);
}

export function checkFlag(who: string, name: string, value: unknown): void {
  if (typeof value !== "boolean") {
    throw new ValueError(`${who}: ${name} must be true or false, got ${describe(value)}`);
  }
}

export function checkChoice(who: string, name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) {
    throw new ValueError(`${who}: ${name} must be one of ${choices.join(", ")}, got ${describe(value)}`);
  }
}

/** @param example the call as it should be. */
export function checkRng(who: string, rng: unknown, example: string): asserts rng is Rng {
  const { uniform, normal, fork } = (rng ?? {}) as Partial<Rng>;
  if ([uniform, normal, fork].every((method) => typeof method === "function")) return;
  const got = rng === undefined ? "" : `, got ${describe(rng)}`;
  throw new UsageError(`${who}: needs an rng${got}: ${example}`);
}

export function checkInit(who: string, init: unknown): void {
  if (init !== undefined && typeof init !== "function") {
    throw new UsageError(
      `${who}: init must be a function that fills a tensor, as init.kaimingNormal is, got ${describe(init)}`,
    );
  }
}
