/** A rate that rises and falls once, with the momentum the other way round. */
import { checkBetween, checkBoolean, checkOneOf } from "../../tensor/arguments.ts";
import type { OptionNames } from "../../tensor/check.ts";
import { checkGiven, checkRate, checkSteps, halfCosine, type Schedule } from "./schedule.ts";

/** Options of `schedules.oneCycle`. */
export interface OneCycleOptions {
  /** Length of the cycle. */
  steps: number;
  /** The fraction of the steps in which the rate rises. Default 0.3. */
  warmupFraction?: number;
  /** The rate starts at maxLr / startDivisor. Default 25. */
  startDivisor?: number;
  /** The rate ends at its start divided by this. Default 10,000. */
  endDivisor?: number;
  /** Momentum where the rate is highest. Default 0.85. */
  baseMomentum?: number;
  /** Momentum at the start and the end. Default 0.95. */
  maxMomentum?: number;
  /** The shape of the parts. Default "cosine". */
  anneal?: "cosine" | "linear";
  /** The rate falls to its start as fast as it rose, and only then to its end, at a constant momentum. Default false: at once. */
  threePhase?: boolean;
}

const ONE_CYCLE_NAMES: OptionNames<OneCycleOptions> = {
  steps: true,
  warmupFraction: true,
  startDivisor: true,
  endDivisor: true,
  baseMomentum: true,
  maxMomentum: true,
  anneal: true,
  threePhase: true,
};

/**
 * The one-cycle policy (Smith & Topin 2017, "Super-Convergence"): the rate rises to maxLr and falls to almost nothing,
 * while the momentum falls and rises. The paper's has three phases, PyTorch's default two.
 *
 * @example
 * await fit(model, { data, optimizer, epochs: 5, schedule: schedules.oneCycle(0.1, { steps: 2340 }) });
 */
export function oneCycle(maxLr: number, options: OneCycleOptions): { lr: Schedule; momentum: Schedule } {
  checkRate("oneCycle", maxLr);
  checkGiven("oneCycle", options, ONE_CYCLE_NAMES);
  const { steps, warmupFraction = 0.3, startDivisor = 25, endDivisor = 1e4, anneal = "cosine" } = options;
  const { baseMomentum = 0.85, maxMomentum = 0.95, threePhase = false } = options;
  checkSteps("oneCycle", "steps", steps);
  checkBetween("oneCycle", "warmupFraction", warmupFraction, 0);
  checkSteps("oneCycle", "startDivisor", startDivisor);
  checkSteps("oneCycle", "endDivisor", endDivisor);
  checkBetween("oneCycle", "baseMomentum", baseMomentum, 0);
  checkBetween("oneCycle", "maxMomentum", maxMomentum, 0);
  checkOneOf("oneCycle", "anneal", anneal, ["cosine", "linear"]);
  checkBoolean("oneCycle", "threePhase", threePhase);
  const between = anneal === "cosine" ? halfCosine : (from: number, to: number, t: number) => from + (to - from) * t;
  // The rate is highest at step `peak` (generally not a whole number), and lowest at the last step.
  const peak = warmupFraction * steps - 1;
  const ends = threePhase ? [peak, 2 * peak, steps - 1] : [peak, steps - 1];
  /** Through the values: each phase goes from one to the next. */
  const cycle =
    (...values: number[]): Schedule =>
    (step) => {
      const passed = ends.findIndex((end) => step < end);
      const phase = passed < 0 ? ends.length - 1 : passed;
      const start = phase === 0 ? 0 : ends[phase - 1];
      const t = (step - start) / Math.max(ends[phase] - start, Number.MIN_VALUE);
      return between(values[phase], values[phase + 1], Math.min(t, 1));
    };
  const startLr = maxLr / startDivisor;
  const fall = threePhase ? [startLr] : [];
  const rest = threePhase ? [maxMomentum] : [];
  return {
    lr: cycle(startLr, maxLr, ...fall, startLr / endDivisor),
    momentum: cycle(maxMomentum, baseMomentum, maxMomentum, ...rest),
  };
}
