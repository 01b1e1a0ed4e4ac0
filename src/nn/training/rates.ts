/** The rates of a training step: values from a schedule are checked before an optimiser or a parameter sees them. */
import { checkFunction } from "../../tensor/arguments.ts";
import { checkOptions, describe } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { checkFinished, checkNow } from "../../tensor/sync.ts";
import { warn } from "../../tensor/warn.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedules.ts";

/** A schedule for the learning rate, or one for the momentum too. */
export interface Schedules {
  readonly lr: Schedule;
  readonly momentum?: Schedule;
  /** What a schedule with a state has seen, as `schedules.plateau`: numbers for a checkpoint. */
  stateDict?(): Readonly<Record<string, number>>;
  /** Goes on from what `stateDict` returned. */
  loadStateDict?(state: Readonly<Record<string, number>>): void;
}

/** @throws UsageError for anything but a schedule or schedules. */
export function schedulesOf(schedule: Schedule | Schedules | undefined): Partial<Schedules> {
  if (schedule === undefined) return {};
  if (typeof schedule === "function") {
    checkNow("fit", "schedule", schedule);
    return { lr: schedule };
  }
  if (typeof schedule !== "object" || schedule === null) {
    throw new UsageError(
      `fit: schedule must be a function from a step to a rate, such as schedules.constant(0.1), or { lr, momentum } of such, got ${describe(schedule)}`,
    );
  }
  const names = { lr: true, momentum: true, stateDict: true, loadStateDict: true } as const;
  checkOptions<Schedules>("fit: schedule", schedule, names);
  for (const [name, rate] of Object.entries({ lr: schedule.lr, momentum: schedule.momentum })) {
    if (rate === undefined) continue;
    checkFunction("fit", `${name} of the schedule`, rate, "a function from a step to a number");
    checkNow("fit", `${name} of the schedule`, rate);
  }
  return schedule;
}

/** Sets the rates of a step, once all of them are known to be valid. */
export function setRates(optimizer: Optimizer, schedule: Partial<Schedules>, step: number): void {
  const lr = schedule.lr?.(step);
  const momentum = schedule.momentum?.(step);
  checkFinished("fit", "schedule", lr);
  checkFinished("fit", "momentum of the schedule", momentum);
  if (schedule.lr) checkRate("schedule gives the learning rate", lr, step);
  if (schedule.momentum) checkRate("schedule gives the momentum", momentum, step);
  try {
    // The optimiser may be stricter: Adam's β₁ is below 1. It accepts any finite learning rate, so that one is set
    // last.
    if (momentum !== undefined) optimizer.momentum = momentum;
    if (lr !== undefined) optimizer.lr = lr;
  } catch (error) {
    throw error instanceof ValueError ? new ValueError(`fit: the schedule at step ${step}: ${error.message}`) : error;
  }
  checkRate("optimiser has the learning rate", optimizer.lr, step);
}

/** Puts the schedule into the state that a checkpoint has of it. @throws ValueError if it has none, or another's. */
export function restoreSchedule(schedule: Partial<Schedules>, state: Readonly<Record<string, number>> | null): void {
  if (schedule.loadStateDict) {
    if (!state) throw new ValueError("fit: resume: the checkpoint does not have the schedule's state");
    schedule.loadStateDict(state);
  } else if (state) {
    warn("fit: the checkpoint has the state of a schedule, and this one keeps none: the training goes on differently");
  }
}

function checkRate(what: string, value: unknown, step: number): void {
  if (typeof value === "number" && value >= 0 && Number.isFinite(Math.fround(value))) return;
  throw new ValueError(
    `fit: the ${what} ${describe(value)} at step ${step}: it must be a finite number of 0 or more (nothing was changed)`,
  );
}
