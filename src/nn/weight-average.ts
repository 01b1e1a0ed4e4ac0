/** The exponential moving average of a model's weights: often better than the weights at the end of a training. */
import { checkBetween } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { allocateLasting, numbersOf, toValues, type Values } from "../tensor/memory.ts";
import { owned, peek, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { copyState } from "./copy-state.ts";
import { type AnyModule, checkModule, type StateDict } from "./module.ts";
import { loadInto } from "./state.ts";

/** Options of `WeightAverage`. */
export interface WeightAverageOptions {
  /** d: how much of the average stays at each update. Default 0.999. */
  decay?: number;
}

const OPTIONS: OptionNames<WeightAverageOptions> = { decay: true };

/**
 * a ← d·a + (1 − d)·w for every parameter w, at each `update`; a starts as w (Polyak & Juditsky 1992; PyTorch's
 * `get_ema_multi_avg_fn`). Running statistics are the model's own.
 *
 * @example
 * const average = new WeightAverage(model, { decay: 0.9 });
 * await fit(model, { data, optimizer, steps: 3, onStep: () => average.update() });
 * const last = copyState(model);
 * model.loadStateDict(average.stateDict()); // evaluate the average
 * model.loadStateDict(last); // and train on
 *
 * @throws ValueError unless 0 ≤ decay ≤ 1.
 */
export class WeightAverage {
  readonly decay: number;
  readonly #model: AnyModule;
  readonly #averages = new Map<Tensor, Values>();

  constructor(model: AnyModule, options: WeightAverageOptions = {}) {
    checkModule("WeightAverage", model);
    checkOptions("WeightAverage", options, OPTIONS);
    const { decay = 0.999 } = options;
    checkBetween("WeightAverage", "decay", decay, 0, 1);
    this.decay = decay;
    this.#model = model;
    for (const t of model.parameters()) this.#averages.set(t, copyOf(t));
  }

  /** Moves the average towards the weights as they are now. A parameter that is new to the model joins with its value. */
  update(): void {
    for (const t of this.#model.parameters()) {
      const average = this.#averages.get(t);
      if (average) kernels.runningAverage(average, valuesOf(t), 1 - this.decay, 1);
      else this.#averages.set(t, copyOf(t));
    }
  }

  /** The model's state with the averages in the place of its parameters: copies. */
  stateDict(): StateDict {
    const state = copyState(this.#model);
    for (const [name, t] of Object.entries(this.#model.stateDict())) {
      const average = this.#averages.get(t);
      if (average) state[name] = owned(numbersOf(average).slice(), t.shape);
    }
    return state;
  }

  /** Goes on from what `stateDict` returned. @throws ValueError if it is another model's. Nothing has been changed then. */
  loadStateDict(state: StateDict): void {
    const read = copyState(this.#model);
    loadInto("WeightAverage", read, state, {});
    for (const [name, t] of Object.entries(this.#model.stateDict())) {
      if (this.#averages.has(t)) this.#averages.set(t, copyOf(t, read[name]));
    }
  }
}

/** The values of `from`, for `t`. */
function copyOf(t: Tensor, from: Tensor = t): Values {
  const copy = allocateLasting(t.size, valuesOf(t));
  copy.set(peek(from));
  return toValues(copy);
}
