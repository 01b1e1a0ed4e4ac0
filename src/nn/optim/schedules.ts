/**
 * Learning-rate schedules: pure functions from a step's number (0, 1, 2, …) to a rate.
 *
 * Having no state, a schedule can be plotted, tested and resumed at any step (but for `plateau`: plateau.ts). Formulas are those of
 * `torch.optim.lr_scheduler`; a schedule that has reached its end stays there.
 */
import { checkBetween, checkFunction, checkList } from "../../tensor/arguments.ts";
import { describe } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { pow } from "../../tensor/math/index.ts";
import { checkGiven, checkRate, checkSteps, halfCosine, type Schedule } from "./schedule.ts";

export { type OneCycleOptions, oneCycle } from "./one-cycle.ts";
export { type PlateauOptions, plateau } from "./plateau.ts";
export type { Schedule } from "./schedule.ts";

/**
 * Always `lr`.
 *
 * @example
 * schedules.constant(0.1)(1000); // 0.1
 */
export function constant(lr: number): Schedule {
  checkRate("constant", lr);
  return () => lr;
}

/** Options of `schedules.stepDecay`. */
export interface StepDecayOptions {
  /** Steps between two drops. */
  every: number;
  /** Multiplies the rate at each drop. Default 0.1. */
  factor?: number;
}

/**
 * lr·factor^⌊step / every⌋. Default factor 0.1.
 *
 * @example
 * [0, 29, 30, 60].map(schedules.stepDecay(0.1, { every: 30 })); // [0.1, 0.1, 0.01, 0.001]
 */
export function stepDecay(lr: number, options: StepDecayOptions): Schedule {
  checkRate("stepDecay", lr);
  checkGiven("stepDecay", options, { every: true, factor: true });
  const { every, factor = 0.1 } = options;
  checkBetween("stepDecay", "factor", factor, 0);
  checkSteps("stepDecay", "every", every);
  return (step) => lr * pow(factor, Math.floor(step / every));
}

/** Options of `schedules.multiStepDecay`. */
export interface MultiStepDecayOptions {
  /** The steps at which the rate drops. */
  milestones: readonly number[];
  /** Multiplies the rate at each drop. Default 0.1. */
  factor?: number;
}

/**
 * lr·factor^(number of milestones passed): at step `milestones[0]` the rate drops for the first time. Default factor 0.1.
 * He et al. 2015 train CIFAR ResNets with `multiStepDecay(0.1, { milestones: [32_000, 48_000] })`.
 *
 * @example
 * const schedule = schedules.multiStepDecay(0.1, { milestones: [32_000, 48_000] });
 * [0, 32_000, 48_000].map(schedule); // [0.1, 0.01, 0.001]
 */
export function multiStepDecay(lr: number, options: MultiStepDecayOptions): Schedule {
  checkRate("multiStepDecay", lr);
  checkGiven("multiStepDecay", options, { milestones: true, factor: true });
  const { milestones, factor = 0.1 } = options;
  checkBetween("multiStepDecay", "factor", factor, 0);
  checkMilestones("multiStepDecay", milestones);
  return (step) => lr * pow(factor, milestones.filter((milestone) => step >= milestone).length);
}

/** Options of `schedules.exponentialDecay`. */
export interface ExponentialDecayOptions {
  /** Multiplies the rate at each step. */
  factor: number;
}

/**
 * lr·factor^step.
 *
 * @example
 * [0, 1, 2].map(schedules.exponentialDecay(1, { factor: 0.5 })); // [1, 0.5, 0.25]
 */
export function exponentialDecay(lr: number, options: ExponentialDecayOptions): Schedule {
  checkRate("exponentialDecay", lr);
  checkGiven("exponentialDecay", options, { factor: true });
  const { factor } = options;
  checkBetween("exponentialDecay", "factor", factor, 0);
  return (step) => lr * pow(factor, step);
}

/** Options of `schedules.linear`. */
export interface LinearOptions {
  /** Length of the line. */
  steps: number;
  /** The rate starts at lr times this. Default 1/3. */
  startFactor?: number;
  /** The rate ends at lr times this. Default 1. */
  endFactor?: number;
}

/**
 * From lr·startFactor to lr·endFactor in a straight line over `steps`. Defaults 1/3 and 1.
 *
 * @example
 * [0, 5, 10].map(schedules.linear(0.1, { startFactor: 1, endFactor: 0, steps: 10 })); // [0.1, 0.05, 0]
 */
export function linear(lr: number, options: LinearOptions): Schedule {
  checkRate("linear", lr);
  checkGiven("linear", options, { steps: true, startFactor: true, endFactor: true });
  const { steps, startFactor = 1 / 3, endFactor = 1 } = options;
  checkBetween("linear", "startFactor", startFactor, 0);
  checkBetween("linear", "endFactor", endFactor, 0);
  checkSteps("linear", "steps", steps);
  return (step) => lr * (startFactor + (endFactor - startFactor) * Math.min(step / steps, 1));
}

/** Options of `schedules.polynomial`. */
export interface PolynomialOptions {
  /** The step at which the rate reaches 0. */
  steps: number;
  /** 1 (the default) is a straight line. */
  power?: number;
}

/**
 * lr·(1 − step/steps)^power, 0 from `steps` on. Default power 1.
 *
 * @example
 * [0, 5, 10].map(schedules.polynomial(0.1, { steps: 10, power: 2 })); // [0.1, 0.025, 0]
 */
export function polynomial(lr: number, options: PolynomialOptions): Schedule {
  checkRate("polynomial", lr);
  checkGiven("polynomial", options, { steps: true, power: true });
  const { steps, power = 1 } = options;
  checkBetween("polynomial", "power", power, 0);
  checkSteps("polynomial", "steps", steps);
  return (step) => lr * pow(1 - Math.min(step / steps, 1), power);
}

/** Options of `schedules.cosine`. */
export interface CosineOptions {
  /** Length of the half cosine. */
  steps: number;
  /** The rate at the end. Default 0. */
  minLr?: number;
}

/**
 * From lr to minLr along half a cosine over `steps` (Loshchilov & Hutter 2017, without restarts). Default minLr 0. From
 * `steps` on it stays at minLr, whereas PyTorch's rises again.
 *
 * @example
 * const schedule = schedules.cosine(0.1, { steps: 100 });
 * [0, 50, 100].map(schedule); // [0.1, 0.05, 0]
 */
export function cosine(lr: number, options: CosineOptions): Schedule {
  checkRate("cosine", lr);
  checkGiven("cosine", options, { steps: true, minLr: true });
  const { steps, minLr = 0 } = options;
  checkBetween("cosine", "minLr", minLr, 0);
  checkSteps("cosine", "steps", steps);
  return (step) => halfCosine(lr, minLr, Math.min(step / steps, 1));
}

/** Options of `schedules.cosineRestarts`. */
export interface CosineRestartsOptions {
  /** Length of the first half cosine. */
  steps: number;
  /** Each half cosine is this many times as long as the one before. Default 1. */
  factor?: number;
  /** The rate at the end of each. Default 0. */
  minLr?: number;
}

/**
 * Repeats half a cosine from lr to minLr over `steps`, each time `factor` times as long. Default factor 1.
 *
 * @example
 * const schedule = schedules.cosineRestarts(0.1, { steps: 100, factor: 2 });
 * [0, 50, 100, 200].map(schedule); // [0.1, 0.05, 0.1, 0.05]
 */
export function cosineRestarts(lr: number, options: CosineRestartsOptions): Schedule {
  checkRate("cosineRestarts", lr);
  checkGiven("cosineRestarts", options, { steps: true, factor: true, minLr: true });
  const { steps, factor = 1, minLr = 0 } = options;
  checkBetween("cosineRestarts", "minLr", minLr, 0);
  checkSteps("cosineRestarts", "steps", steps);
  checkBetween("cosineRestarts", "factor", factor, 1);
  return (step) => {
    let start = 0;
    let length = steps;
    if (factor === 1) start = Math.floor(step / steps) * steps;
    else {
      while (step >= start + length) {
        start += length;
        length *= factor;
      }
    }
    return halfCosine(lr, minLr, (step - start) / length);
  };
}

/** Options of `schedules.warmup`. */
export interface WarmupOptions {
  /** Steps over which the rate rises. */
  steps: number;
  /** The rate starts at then(0) times this. Default 0. */
  startFactor?: number;
}

/**
 * Rises from startFactor·then(0) to then(0) in a straight line over `steps`, and continues with `then` from its step 0.
 *
 * @example
 * const schedule = schedules.warmup(schedules.cosine(0.1, { steps: 100 }), { steps: 10, startFactor: 0 });
 * [0, 5, 10, 60].map(schedule); // [0, 0.05, 0.1, 0.05]
 */
export function warmup(then: Schedule, options: WarmupOptions): Schedule {
  checkSchedule("warmup", then);
  checkGiven("warmup", options, { steps: true, startFactor: true });
  const { steps, startFactor = 0 } = options;
  if (steps === 0) return then;
  return sequence([linear(then(0), { steps, startFactor }), then], [steps]);
}

/**
 * One schedule after another: schedule i + 1 takes over at step `milestones[i]`, and counts from 0 there.
 *
 * @example
 * const schedule = schedules.sequence([schedules.constant(0.01), schedules.cosine(0.1, { steps: 10 })], [5]);
 * [0, 5, 10].map(schedule); // [0.01, 0.1, 0.05]
 *
 * @throws ValueError unless there is one milestone fewer than schedules, in rising order.
 */
export function sequence(schedules: readonly Schedule[], milestones: readonly number[]): Schedule {
  checkList("sequence", "schedules", schedules);
  for (const schedule of schedules) checkSchedule("sequence", schedule);
  checkMilestones("sequence", milestones);
  if (milestones.length !== schedules.length - 1 || milestones.some((m, i) => i > 0 && m <= milestones[i - 1])) {
    throw new ValueError(
      `sequence: ${schedules.length} schedules need ${schedules.length - 1} rising milestones, got [${milestones.join(", ")}]`,
    );
  }
  return (step) => {
    const passed = milestones.filter((milestone) => step >= milestone).length;
    return schedules[passed](step - (passed === 0 ? 0 : milestones[passed - 1]));
  };
}

function checkMilestones(schedule: string, milestones: readonly number[]): void {
  if (!Array.isArray(milestones) || !milestones.every((m) => Number.isFinite(m))) {
    throw new UsageError(`${schedule}: milestones must be a list of steps, got ${describe(milestones)}`);
  }
}

function checkSchedule(op: string, schedule: Schedule): void {
  checkFunction(op, "a schedule", schedule, "a function from a step to a number");
}
