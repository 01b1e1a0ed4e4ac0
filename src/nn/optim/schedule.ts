/** What a schedule is, and the checks that schedules have in common. */
import { checkBetween, checkNumberIn } from "../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../tensor/check.ts";
import { UsageError } from "../../tensor/errors.ts";
import { cos } from "../../tensor/math/index.ts";

/** The value to use at a step, counted from 0. */
export type Schedule = (step: number) => number;

/** From `from` at t = 0 to `to` at t = 1 along half a cosine. */
export function halfCosine(from: number, to: number, t: number): number {
  return to + (from - to) * 0.5 * (1 + cos(Math.PI * t));
}

export function checkRate(schedule: string, lr: number): void {
  checkBetween(schedule, "the rate", lr, 0);
}

export function checkSteps(schedule: string, name: string, steps: number): void {
  checkNumberIn(schedule, name, steps, "a finite number above 0", (n) => n > 0 && n < Infinity);
}

/** Checks options that a schedule requires. */
export function checkGiven<Options>(
  schedule: string,
  options: Options,
  names: OptionNames<NonNullable<Options>>,
): void {
  if (options === undefined) {
    throw new UsageError(`${schedule}: options are missing: { ${Object.keys(names).join(", ")} }`);
  }
  checkOptions(schedule, options, names);
}
