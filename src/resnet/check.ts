/** Checks of options, with messages that name who refuses, the option, its value and what would be right. */
import { ValueError } from "../tensor/errors.ts";

export function checkChoice(who: string, name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) {
    throw new ValueError(`${who}: ${name} must be one of ${choices.join(", ")}, got "${value}"`);
  }
}

export function checkWhole(who: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new ValueError(`${who}: ${name} must be a whole number of 1 or more, got ${value}`);
  }
}

/** Negated, so that NaN is refused. */
export function checkBetween(who: string, name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) {
    throw new ValueError(`${who}: ${name} must be a number from ${low} to ${high}, got ${value}`);
  }
}
