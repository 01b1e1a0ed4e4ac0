/** A rate that drops where a metric stops improving: the only schedule with a state. */
import { checkBetween, checkNumberIn, checkOneOf, checkWhole } from "../../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";

/** Options of `schedules.plateau`. */
export interface PlateauOptions {
  /** Whether smaller or larger metrics are better. Default "min", as for a loss. */
  mode?: "min" | "max";
  /** Multiplies the rate at each drop. Default 0.1. */
  factor?: number;
  /** So many metrics in a row may be no better than the best; the next one drops the rate. Default 10. */
  patience?: number;
  /** By how much a metric must be better than the best to count. Default 1e-4. */
  threshold?: number;
  /** Whether the threshold is relative to the best, or a difference. Default "rel". */
  thresholdMode?: "rel" | "abs";
  /** So many metrics after a drop are not counted against it. Default 0. */
  cooldown?: number;
  /** The rate does not fall below it. Default 0. */
  minLr?: number;
  /** A drop by no more than this is left out. Default 1e-8. */
  eps?: number;
}

const NAMES: OptionNames<PlateauOptions> = {
  mode: true,
  factor: true,
  patience: true,
  threshold: true,
  thresholdMode: true,
  cooldown: true,
  minLr: true,
  eps: true,
};

/** What a `Plateau` has seen: numbers, by name. */
export type PlateauState = Readonly<Record<"lr" | "best" | "badMetrics" | "cooldown", number>>;

/**
 * What `schedules.plateau` returns: a schedule for `fit` that is told a metric now and then.
 *
 * @example
 * import type { Plateau } from "skipstone";
 * const plateau: Plateau = schedules.plateau(0.1, { patience: 0 });
 * plateau.step(2);
 * plateau.step(2); // no better
 * plateau.lr(); // 0.01
 */
export class Plateau {
  /** The rate now, whatever the step. */
  readonly lr: (step?: number) => number;
  readonly #options: Required<PlateauOptions>;
  #state: PlateauState;

  /** For `schedules.plateau`, which checks the options. */
  constructor(lr: number, options: Required<PlateauOptions>) {
    this.#options = options;
    this.#state = { lr, best: options.mode === "min" ? Infinity : -Infinity, badMetrics: 0, cooldown: 0 };
    this.lr = () => this.#state.lr;
  }

  /**
   * Takes the next metric, usually once an epoch. NaN is no improvement.
   *
   * @throws UsageError for anything but a number.
   */
  step(metric: number): void {
    if (typeof metric !== "number")
      throw new UsageError(`plateau: the metric must be a number, got ${describe(metric)}`);
    const { factor, patience, minLr, eps } = this.#options;
    let { lr, best, badMetrics, cooldown } = this.#state;
    if (this.#isBetter(metric, best)) [best, badMetrics] = [metric, 0];
    else badMetrics++;
    if (cooldown > 0) [cooldown, badMetrics] = [cooldown - 1, 0];
    if (badMetrics > patience) {
      const next = Math.max(lr * factor, minLr);
      if (lr - next > eps) lr = next;
      [cooldown, badMetrics] = [this.#options.cooldown, 0];
    }
    this.#state = { lr, best, badMetrics, cooldown };
  }

  #isBetter(metric: number, best: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    if (mode === "min") return metric < (thresholdMode === "rel" ? best * (1 - threshold) : best - threshold);
    return metric > (thresholdMode === "rel" ? best * (1 + threshold) : best + threshold);
  }

  /** What it has seen, for a checkpoint: those of `fit` have it. */
  stateDict(): PlateauState {
    return this.#state;
  }

  /** Goes on from what `stateDict` returned. @throws ValueError for anything else. */
  loadStateDict(state: PlateauState): void {
    const { lr, best, badMetrics, cooldown } = state ?? {};
    const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 0;
    if (!(lr >= 0 && lr < Infinity) || typeof best !== "number" || !isCount(badMetrics) || !isCount(cooldown)) {
      throw new ValueError(`plateau: loadStateDict takes what stateDict returned, got ${JSON.stringify(state)}`);
    }
    this.#state = { lr, best, badMetrics, cooldown };
  }
}

/**
 * Multiplies the rate by `factor` where a metric has not improved for more than `patience` times (PyTorch's ReduceLROnPlateau).
 * It must be told the metric; `fit` asks it for the rate and keeps its state in checkpoints (tell it first, then ask for
 * the checkpoint). Groups with rates of their own follow in proportion.
 *
 * @example
 * const schedule = schedules.plateau(0.1, { patience: 2 });
 * await fit(model, { data, optimizer, epochs: 3, schedule, onEpoch: ({ loss }) => schedule.step(loss) });
 */
export function plateau(lr: number, options: PlateauOptions = {}): Plateau {
  checkBetween("plateau", "the rate", lr, 0);
  checkOptions("plateau", options, NAMES);
  const { mode = "min", factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = "rel" } = options;
  const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
  checkOneOf("plateau", "mode", mode, ["min", "max"]);
  checkNumberIn("plateau", "factor", factor, "a number in [0, 1)", (n) => n >= 0 && n < 1);
  checkWhole("plateau", "patience", patience, 0);
  checkBetween("plateau", "threshold", threshold, 0);
  checkOneOf("plateau", "thresholdMode", thresholdMode, ["rel", "abs"]);
  checkWhole("plateau", "cooldown", cooldown, 0);
  checkBetween("plateau", "minLr", minLr, 0);
  checkBetween("plateau", "eps", eps, 0);
  return new Plateau(lr, { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps });
}
