/**
 * Learning-rate schedules: pure functions from the number of a step (0, 1, 2, …) to a rate.
 *
 * Having no state, a schedule can be plotted, tested and resumed at any step. Formulas are those of
 * `torch.optim.lr_scheduler`; a schedule that has reached its end stays there.
 */
import { ValueError } from "../../tensor/errors.ts";
import { cos, pow } from "../../tensor/math/index.ts";

/** The value to use at a step, counted from 0. */
export type Schedule = (step: number) => number;

/** Always `lr`. */
export function constant(lr: number): Schedule {
  return () => lr;
}

/** lr·factor^⌊step / every⌋. Default factor 0.1. */
export function stepDecay(lr: number, { every, factor = 0.1 }: { every: number; factor?: number }): Schedule {
  checkSteps("stepDecay", "every", every);
  return (step) => lr * pow(factor, Math.floor(step / every));
}

/**
 * lr·factor^(number of milestones passed): at step `milestones[0]` the rate drops for the first time. Default factor 0.1.
 * He et al. 2015 train CIFAR ResNets with `multiStepDecay(0.1, { milestones: [32_000, 48_000] })`.
 */
export function multiStepDecay(
  lr: number,
  { milestones, factor = 0.1 }: { milestones: readonly number[]; factor?: number },
): Schedule {
  return (step) => lr * pow(factor, milestones.filter((milestone) => step >= milestone).length);
}

/** lr·factor^step. */
export function exponentialDecay(lr: number, { factor }: { factor: number }): Schedule {
  return (step) => lr * pow(factor, step);
}

/** From lr·startFactor to lr·endFactor in a straight line over `steps`. Defaults 1/3 and 1. */
export function linear(
  lr: number,
  { steps, startFactor = 1 / 3, endFactor = 1 }: { steps: number; startFactor?: number; endFactor?: number },
): Schedule {
  checkSteps("linear", "steps", steps);
  return (step) => lr * (startFactor + (endFactor - startFactor) * Math.min(step / steps, 1));
}

/** lr·(1 − step/steps)^power, 0 from `steps` on. Default power 1. */
export function polynomial(lr: number, { steps, power = 1 }: { steps: number; power?: number }): Schedule {
  checkSteps("polynomial", "steps", steps);
  return (step) => lr * pow(1 - Math.min(step / steps, 1), power);
}

/**
 * From lr to minLr along half a cosine over `steps` (Loshchilov & Hutter 2017, without restarts). Default minLr 0. From
 * `steps` on it stays at minLr, where PyTorch's would rise again.
 */
export function cosine(lr: number, { steps, minLr = 0 }: { steps: number; minLr?: number }): Schedule {
  checkSteps("cosine", "steps", steps);
  return (step) => halfCosine(lr, minLr, Math.min(step / steps, 1));
}

/** Half a cosine from lr to minLr over `steps`, again and again, each time `factor` times as long. Default factor 1. */
export function cosineRestarts(
  lr: number,
  { steps, factor = 1, minLr = 0 }: { steps: number; factor?: number; minLr?: number },
): Schedule {
  checkSteps("cosineRestarts", "steps", steps);
  if (!(factor >= 1)) throw new ValueError(`cosineRestarts: factor must be 1 or more, got ${factor}`);
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

/** Rises from startFactor·then(0) to then(0) in a straight line over `steps`, and continues with `then` from its step 0. */
export function warmup(then: Schedule, { steps, startFactor = 0 }: { steps: number; startFactor?: number }): Schedule {
  if (steps === 0) return then;
  return sequence([linear(then(0), { steps, startFactor }), then], [steps]);
}

/**
 * One schedule after another: number i + 1 takes over at step `milestones[i]`, and counts from 0 there.
 *
 * @throws ValueError unless there is one milestone fewer than schedules, and they rise.
 */
export function sequence(schedules: readonly Schedule[], milestones: readonly number[]): Schedule {
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

export interface OneCycleOptions {
  /** Length of the cycle. */
  steps: number;
  /** Part of the steps in which the rate rises. Default 0.3. */
  warmupFraction?: number;
  /** The rate starts at maxLr / startDivisor. Default 25. */
  startDivisor?: number;
  /** The rate ends at its start divided by this. Default 10,000. */
  endDivisor?: number;
  /** Momentum while the rate is highest. Default 0.85. */
  baseMomentum?: number;
  /** Momentum at the start and the end. Default 0.95. */
  maxMomentum?: number;
  /** The shape of the two parts. Default "cosine". */
  anneal?: "cosine" | "linear";
}

/**
 * The one-cycle policy (Smith & Topin 2017, "Super-Convergence"): the rate rises to maxLr and falls to almost nothing,
 * while the momentum falls and rises.
 *
 * @example
 * await fit(model, { data, optimizer, epochs: 5, schedule: schedules.oneCycle(0.1, { steps: 2340 }) });
 */
export function oneCycle(maxLr: number, options: OneCycleOptions): { lr: Schedule; momentum: Schedule } {
  const { steps, warmupFraction = 0.3, startDivisor = 25, endDivisor = 1e4, anneal = "cosine" } = options;
  const { baseMomentum = 0.85, maxMomentum = 0.95 } = options;
  checkSteps("oneCycle", "steps", steps);
  const between = anneal === "cosine" ? halfCosine : (from: number, to: number, t: number) => from + (to - from) * t;
  // The highest rate is reached at step `peak` (not a whole number in general), the lowest at the last step.
  const peak = warmupFraction * steps - 1;
  const last = steps - 1;
  const cycle =
    (start: number, top: number, end: number): Schedule =>
    (step) =>
      step < peak
        ? between(start, top, step / peak)
        : between(top, end, Math.min((step - peak) / Math.max(last - peak, Number.MIN_VALUE), 1));
  const startLr = maxLr / startDivisor;
  return {
    lr: cycle(startLr, maxLr, startLr / endDivisor),
    momentum: cycle(maxMomentum, baseMomentum, maxMomentum),
  };
}

/** From `from` at t = 0 to `to` at t = 1 along half a cosine. */
function halfCosine(from: number, to: number, t: number): number {
  return to + (from - to) * 0.5 * (1 + cos(Math.PI * t));
}

function checkSteps(schedule: string, name: string, steps: number): void {
  if (!(steps > 0)) throw new ValueError(`${schedule}: ${name} must be above 0, got ${steps}`);
}
