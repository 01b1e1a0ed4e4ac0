/** RMSprop, as PyTorch defines it. Formula: src/tensor/plain/update.ts. */
import type { Gradients } from "../../autograd/backward.ts";
import { checkBoolean } from "../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../tensor/check.ts";
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

/** Options of `RMSprop`. */
export interface RmspropOptions {
  /** Learning rate. Default 0.01. */
  lr?: number;
  /** How much each step keeps of the running mean of the squared gradient. Default 0.99. */
  alpha?: number;
  /** Added to the root of the mean square. Default 1e-8. */
  eps?: number;
  /** Adds weightDecay·w to the gradient. Default 0. */
  weightDecay?: number;
  /** How much of the velocity each step keeps. Default 0. */
  momentum?: number;
  /** Divide by the gradient's standard deviation instead of the root of its mean square. Default false. */
  centered?: boolean;
  /** Raises the loss instead of lowering it. Default false. */
  maximize?: boolean;
}

const NAMES: OptionNames<RmspropOptions> = {
  lr: true,
  alpha: true,
  eps: true,
  weightDecay: true,
  momentum: true,
  centered: true,
  maximize: true,
};

/** The state of one parameter: the running means of its gradient's square and, if centred, of itself; its velocity; its number of steps. */
interface State {
  readonly square: Values;
  readonly mean: Values | null;
  /** From the first step with momentum on. */
  velocity: Values | null;
  steps: number;
}

/**
 * RMSprop (Tieleman & Hinton 2012), which divides the gradient by the root of its mean square; centred (Graves 2013): by its
 * standard deviation.
 *
 * @example
 * const optimizer = new RMSprop(model.parameters(), { lr: 0.01, momentum: 0.9 });
 * optimizer.step(backward(loss));
 *
 * @throws ValueError for options out of range.
 */
export class RMSprop implements Optimizer {
  readonly parameters: readonly Tensor[];
  declare lr: number;
  declare momentum: number;
  declare readonly alpha: number;
  declare readonly eps: number;
  declare readonly weightDecay: number;
  declare readonly centered: boolean;
  declare readonly maximize: boolean;
  /** The parameters, with the options of each group. */
  readonly groups: readonly CompleteGroup<Required<RmspropOptions>>[];
  readonly #states = new Map<Tensor, State>();

  constructor(parameters: Parameters<RmspropOptions>, options: RmspropOptions = {}) {
    checkOptions("RMSprop", options, NAMES);
    const { lr = 0.01, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0 } = options;
    const { centered = false, maximize = false } = options;
    const defaults = { lr, alpha, eps, weightDecay, momentum, centered, maximize };
    const check = (name: string, value: unknown): void => checkOption("RMSprop", name, value, 0);
    check("lr", lr);
    this.groups = groupsOf<Required<RmspropOptions>>(
      "RMSprop",
      parameters as Parameters<Required<RmspropOptions>>,
      defaults,
      NAMES,
    );
    for (const { options } of [{ options: defaults }, ...this.groups]) {
      checkOption("RMSprop", "alpha", options.alpha, 0, 1);
      check("eps", options.eps);
      check("weightDecay", options.weightDecay);
      check("momentum", options.momentum);
      checkBoolean("RMSprop", "centered", options.centered);
      checkBoolean("RMSprop", "maximize", options.maximize);
    }
    // Frozen, because a parameter added to the list would not be trained.
    this.parameters = Object.freeze(this.groups.flatMap((group) => group.parameters));
    showOptions("RMSprop", this, defaults, check);
  }

  step(grads: Gradients): void {
    checkGradients("RMSprop", this.parameters, grads);
    for (const { lrRatio } of this.groups) checkOption("RMSprop", "a group's lr", this.lr * lrRatio, 0);
    for (const { parameters, options, lrRatio, own } of this.groups) {
      const { alpha, eps, weightDecay, centered, maximize } = options;
      const momentum = own.momentum ?? this.momentum;
      const step = { lr: this.lr * lrRatio, alpha, eps, momentum, weightDecay, maximize };
      for (const w of parameters) {
        if (!grads.has(w)) continue;
        const zeros = (): Values => toValues(allocateLasting(w.size, valuesOf(w)));
        let state = this.#states.get(w);
        if (!state) {
          state = { square: zeros(), mean: centered ? zeros() : null, velocity: null, steps: 0 };
          this.#states.set(w, state);
        }
        if (momentum !== 0) state.velocity ??= zeros();
        state.steps++;
        // Without momentum the velocity rests, as PyTorch's does.
        const velocity = momentum === 0 ? null : state.velocity;
        kernels.rmsprop(valuesToChange(w), valuesOf(grads.get(w)), state.square, state.mean, velocity, step);
      }
    }
  }

  /** The means, velocities and steps of each parameter, the rate and the momentum: copies. */
  stateDict(): OptimizerState {
    return optimizerState(this, (w) => {
      const state = this.#states.get(w);
      if (!state) return null;
      const { square, mean, velocity, steps } = state;
      const tensors = {
        square_avg: square,
        ...(velocity ? { momentum_buffer: velocity } : {}),
        ...(mean ? { grad_avg: mean } : {}),
      };
      return { tensors, numbers: { step: steps } };
    });
  }

  /** Goes on from what `stateDict` returned. @throws ValueError if it is another optimiser's. Nothing has been changed then. */
  loadStateDict(state: OptimizerState): void {
    const centered = new Set(this.groups.flatMap(({ parameters, options }) => (options.centered ? parameters : [])));
    const read = readOptimizerState("RMSprop", this.parameters, state, (w) => ({
      tensors: ["square_avg", ...(centered.has(w) ? ["grad_avg"] : [])],
      optional: ["momentum_buffer"],
      numbers: ["step"],
    }));
    this.lr = state.numbers["lr"];
    this.momentum = state.numbers["momentum"];
    this.#states.clear();
    for (const [w, { tensors, numbers }] of read) {
      const { square_avg, grad_avg, momentum_buffer } = tensors;
      this.#states.set(w, {
        square: toValues(square_avg),
        mean: grad_avg ? toValues(grad_avg) : null,
        velocity: momentum_buffer ? toValues(momentum_buffer) : null,
        steps: numbers["step"],
      });
    }
  }
}
