/** Adam and AdamW. The formulas: src/tensor/kernels/update.ts. */
import type { Gradients } from "../../autograd/backward.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { UsageError } from "../../tensor/errors.ts";
import { kernels } from "../../tensor/kernels.ts";
import { allocateLasting, toValues, type Values } from "../../tensor/memory.ts";
import { type Tensor, valuesOf, valuesToChange } from "../../tensor/tensor.ts";
import {
  checkGradients,
  checkOption,
  fixOptions,
  type Group,
  groupsOf,
  type Optimizer,
  type Parameters,
} from "./optimizer.ts";

export interface AdamOptions {
  /** Learning rate. Default 0.001. */
  lr?: number;
  /** How much of the running mean of gradients, and of their squares, the next step keeps. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the root of the mean square. Default 1e-8. */
  eps?: number;
  /** Adam: adds weightDecay·w to the gradient, default 0. AdamW: shrinks w by lr·weightDecay, default 0.01. */
  weightDecay?: number;
}

const NAMES: OptionNames<AdamOptions> = { lr: true, betas: true, eps: true, weightDecay: true };

/**
 * Adam (Kingma & Ba 2015).
 *
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * optimizer.step(backward(loss));
 *
 * @throws ValueError for options out of range.
 */
export class Adam implements Optimizer {
  readonly #core: Core;

  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions = {}) {
    this.#core = new Core("Adam", parameters, options, 0, false);
    fixOptions("Adam", this, ["betas", "eps", "weightDecay"]);
  }

  get lr(): number {
    return this.#core.lr;
  }

  set lr(value: number) {
    this.#core.lr = value;
  }

  /** β₁. */
  get momentum(): number {
    return this.#core.momentum;
  }

  set momentum(value: number) {
    this.#core.momentum = value;
  }

  get parameters(): readonly Tensor[] {
    return this.#core.parameters;
  }

  step(grads: Gradients): void {
    this.#core.step(grads);
  }
}

/**
 * AdamW (Loshchilov & Hutter 2019): Adam whose weight decay acts on the weights alone, not through the moments.
 *
 * @throws ValueError for options out of range.
 */
export class AdamW implements Optimizer {
  readonly #core: Core;

  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions = {}) {
    this.#core = new Core("AdamW", parameters, options, 0.01, true);
    fixOptions("AdamW", this, ["betas", "eps", "weightDecay"]);
  }

  get lr(): number {
    return this.#core.lr;
  }

  set lr(value: number) {
    this.#core.lr = value;
  }

  /** β₁. */
  get momentum(): number {
    return this.#core.momentum;
  }

  set momentum(value: number) {
    this.#core.momentum = value;
  }

  get parameters(): readonly Tensor[] {
    return this.#core.parameters;
  }

  step(grads: Gradients): void {
    this.#core.step(grads);
  }
}

/** What has been learnt about one parameter: the running means of its gradient and of the square, and its steps. */
interface Moments {
  readonly mean: Values;
  readonly square: Values;
  steps: number;
}

/** Both algorithms; `decoupled` is AdamW's decay. */
class Core implements Optimizer {
  readonly parameters: readonly Tensor[];
  readonly #name: string;
  readonly #groups: readonly Group<Required<AdamOptions>>[];
  readonly #moments = new Map<Tensor, Moments>();
  readonly #decoupled: boolean;
  #lr: number;
  #momentum: number;

  constructor(
    name: string,
    parameters: Parameters<AdamOptions>,
    options: AdamOptions,
    defaultDecay: number,
    decoupled: boolean,
  ) {
    checkOptions(name, options, NAMES);
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = defaultDecay } = options;
    const defaults = { lr, betas, eps, weightDecay };
    checkOption(name, "lr", lr, 0);
    this.#groups = groupsOf<Required<AdamOptions>>(
      name,
      parameters as Parameters<Required<AdamOptions>>,
      defaults,
      NAMES,
    );
    for (const { options } of [{ options: defaults }, ...this.#groups]) {
      if (!Array.isArray(options.betas) || options.betas.length !== 2) {
        throw new UsageError(`${name}: betas must be two numbers, [0.9, 0.999], got ${describe(options.betas)}`);
      }
      checkOption(name, "betas[0]", options.betas[0], 0, 1);
      checkOption(name, "betas[1]", options.betas[1], 0, 1);
      checkOption(name, "eps", options.eps, 0);
      checkOption(name, "weightDecay", options.weightDecay, 0);
    }
    this.#name = name;
    this.#lr = lr;
    this.#momentum = betas[0];
    // Frozen: one that is added to the list would not be trained.
    this.parameters = Object.freeze(this.#groups.flatMap((group) => group.parameters));
    this.#decoupled = decoupled;
  }

  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    checkOption(this.#name, "lr", value, 0);
    this.#lr = value;
  }

  get momentum(): number {
    return this.#momentum;
  }

  set momentum(value: number) {
    checkOption(this.#name, "momentum", value, 0, 1);
    this.#momentum = value;
  }

  step(grads: Gradients): void {
    checkGradients(this.#name, this.parameters, grads);
    for (const { lrRatio } of this.#groups) checkOption(this.#name, "a group's lr", this.lr * lrRatio, 0);
    for (const { parameters, options, lrRatio, own } of this.#groups) {
      const lr = this.lr * lrRatio;
      const beta1 = own.betas?.[0] ?? this.momentum;
      const beta2 = options.betas[1];
      for (const w of parameters) {
        if (!grads.has(w)) continue;
        let moments = this.#moments.get(w);
        if (!moments) {
          const zeros = (): Values => toValues(allocateLasting(w.size, valuesOf(w)));
          moments = { mean: zeros(), square: zeros(), steps: 0 };
          this.#moments.set(w, moments);
        }
        moments.steps++;
        kernels.adam(valuesToChange(w), valuesOf(grads.get(w)), moments.mean, moments.square, {
          lr,
          beta1,
          beta2,
          eps: options.eps,
          weightDecay: options.weightDecay,
          decoupled: this.#decoupled,
          step: moments.steps,
        });
      }
    }
  }
}
