/** Adam and AdamW. Formulas: src/tensor/plain/update.ts. */
import type { Gradients } from "../../autograd/backward.ts";
import { checkBoolean } from "../../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { UsageError } from "../../tensor/errors.ts";
import { allocateLasting, toValues, type Values } from "../../tensor/memory.ts";
import { type Tensor, valuesOf, valuesToChange } from "../../tensor/tensor.ts";
import { kernels } from "../../tensor/tier.ts";
import {
  type CompleteGroup,
  checkGradients,
  checkOption,
  groupsOf,
  type Optimizer,
  type Parameters,
  showOptions,
} from "./optimizer.ts";
import { type OptimizerState, optimizerState, readOptimizerState } from "./state.ts";

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions {
  /** Learning rate. Default 0.001. */
  lr?: number;
  /** How much each step keeps of the running mean of gradients, and of their squares. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the root of the mean square. Default 1e-8. */
  eps?: number;
  /** Adam: adds weightDecay·w to the gradient, default 0. AdamW: shrinks w by lr·weightDecay, default 0.01. */
  weightDecay?: number;
  /** Divide by the root of the largest mean square so far (AMSGrad, Reddi et al. 2018). Default false. */
  amsgrad?: boolean;
  /** Raises the loss instead of lowering it. Default false. */
  maximize?: boolean;
}

const NAMES: OptionNames<AdamOptions> = {
  lr: true,
  betas: true,
  eps: true,
  weightDecay: true,
  amsgrad: true,
  maximize: true,
};

/** The state of one parameter: the running means of its gradient and of the square, and its number of steps. */
interface State {
  readonly mean: Values;
  readonly square: Values;
  /** The largest `square` so far; null unless AMSGrad. */
  readonly peak: Values | null;
  steps: number;
}

/**
 * What `Adam` and `AdamW` have in common; `decoupled` is AdamW's decay.
 *
 * @example
 * import type { Moments } from "skipstone";
 * const optimizer: Moments = new AdamW(model.parameters(), { lr: 1e-3 });
 * optimizer.groups.length; // 1
 */
export abstract class Moments implements Optimizer {
  readonly parameters: readonly Tensor[];
  declare lr: number;
  /** β₁. */
  declare momentum: number;
  declare readonly eps: number;
  declare readonly weightDecay: number;
  declare readonly amsgrad: boolean;
  declare readonly maximize: boolean;
  /** The parameters, with the options of each group. */
  readonly groups: readonly CompleteGroup<Required<AdamOptions>>[];
  readonly #name: string;
  readonly #moments = new Map<Tensor, State>();
  readonly #decoupled: boolean;
  readonly #beta2: number;

  constructor(
    name: string,
    parameters: Parameters<AdamOptions>,
    options: AdamOptions,
    defaultDecay: number,
    decoupled: boolean,
  ) {
    checkOptions(name, options, NAMES);
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = defaultDecay } = options;
    const { amsgrad = false, maximize = false } = options;
    const defaults = { lr, betas, eps, weightDecay, amsgrad, maximize };
    checkOption(name, "lr", lr, 0);
    this.groups = groupsOf<Required<AdamOptions>>(
      name,
      parameters as Parameters<Required<AdamOptions>>,
      defaults,
      NAMES,
    );
    for (const { options } of [{ options: defaults }, ...this.groups]) {
      if (!Array.isArray(options.betas) || options.betas.length !== 2) {
        throw new UsageError(`${name}: betas must be two numbers, [0.9, 0.999], got ${describe(options.betas)}`);
      }
      checkOption(name, "betas[0]", options.betas[0], 0, 1);
      checkOption(name, "betas[1]", options.betas[1], 0, 1);
      checkOption(name, "eps", options.eps, 0);
      checkOption(name, "weightDecay", options.weightDecay, 0);
      checkBoolean(name, "amsgrad", options.amsgrad);
      checkBoolean(name, "maximize", options.maximize);
    }
    this.#name = name;
    // Frozen, because a parameter added to the list would not be trained.
    this.parameters = Object.freeze(this.groups.flatMap((group) => group.parameters));
    this.#decoupled = decoupled;
    this.#beta2 = betas[1];
    const shown = { lr, momentum: betas[0], eps, weightDecay, amsgrad, maximize };
    showOptions(name, this, shown, (option, value) =>
      checkOption(name, option, value, 0, option === "momentum" ? 1 : Infinity),
    );
  }

  /** β₁, which is also `momentum`, and β₂. */
  get betas(): readonly [number, number] {
    return [this.momentum, this.#beta2];
  }

  set betas(_: readonly [number, number]) {
    throw new UsageError(
      `${this.#name}: betas cannot be set: set momentum (β₁), or make a new ${this.#name} with { betas }`,
    );
  }

  step(grads: Gradients): void {
    checkGradients(this.#name, this.parameters, grads);
    for (const { lrRatio } of this.groups) checkOption(this.#name, "a group's lr", this.lr * lrRatio, 0);
    for (const { parameters, options, lrRatio, own } of this.groups) {
      const lr = this.lr * lrRatio;
      const beta1 = own.betas?.[0] ?? this.momentum;
      const { eps, weightDecay, maximize } = options;
      const beta2 = options.betas[1];
      const decoupled = this.#decoupled;
      for (const w of parameters) {
        if (!grads.has(w)) continue;
        let moments = this.#moments.get(w);
        if (!moments) {
          const zeros = (): Values => toValues(allocateLasting(w.size, valuesOf(w)));
          moments = { mean: zeros(), square: zeros(), peak: options.amsgrad ? zeros() : null, steps: 0 };
          this.#moments.set(w, moments);
        }
        moments.steps++;
        const { mean, square, peak, steps } = moments;
        const step = { lr, beta1, beta2, eps, weightDecay, decoupled, maximize, step: steps };
        kernels.adam(valuesToChange(w), valuesOf(grads.get(w)), mean, square, peak, step);
      }
    }
  }

  /** The moments and steps of each parameter, the rate and the momentum: copies. */
  stateDict(): OptimizerState {
    return optimizerState(this, (w) => {
      const moments = this.#moments.get(w);
      if (!moments) return null;
      const { mean, square, peak, steps } = moments;
      const tensors = { exp_avg: mean, exp_avg_sq: square, ...(peak ? { max_exp_avg_sq: peak } : {}) };
      return { tensors, numbers: { step: steps } };
    });
  }

  /** Goes on from what `stateDict` returned. @throws ValueError if it is another optimiser's. Nothing has been changed then. */
  loadStateDict(state: OptimizerState): void {
    const withPeak = new Set(this.groups.flatMap(({ parameters, options }) => (options.amsgrad ? parameters : [])));
    const read = readOptimizerState(this.#name, this.parameters, state, (w) => ({
      tensors: ["exp_avg", "exp_avg_sq", ...(withPeak.has(w) ? ["max_exp_avg_sq"] : [])],
      numbers: ["step"],
    }));
    this.lr = state.numbers["lr"];
    this.momentum = state.numbers["momentum"];
    this.#moments.clear();
    for (const [w, { tensors, numbers }] of read) {
      const [mean, square] = [toValues(tensors["exp_avg"]), toValues(tensors["exp_avg_sq"])];
      const peak = withPeak.has(w) ? toValues(tensors["max_exp_avg_sq"]) : null;
      this.#moments.set(w, { mean, square, peak, steps: numbers["step"] });
    }
  }
}

/**
 * Adam (Kingma & Ba 2015).
 *
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * optimizer.step(backward(loss));
 *
 * @throws ValueError for options out of range.
 */
export class Adam extends Moments {
  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions = {}) {
    super("Adam", parameters, options, 0, false);
  }
}

/**
 * AdamW (Loshchilov & Hutter 2019): Adam with weight decay on the weights alone, not through the moments.
 *
 * @example
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
 * optimizer.step(backward(loss));
 *
 * @throws ValueError for options out of range.
 */
export class AdamW extends Moments {
  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions = {}) {
    super("AdamW", parameters, options, 0.01, true);
  }
}
