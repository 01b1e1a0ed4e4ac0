/** Stochastic gradient descent, with momentum as PyTorch defines it. Formula: src/tensor/plain/update.ts. */
import type { Gradients } from "../../autograd/backward.ts";
import { checkBoolean, checkFinite } from "../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
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

/** Options of `SGD`. */
export interface SgdOptions {
  /** Learning rate. */
  lr: number;
  /** How much of the velocity each step keeps. Default 0. */
  momentum?: number;
  /** How much of the gradient is withheld from the velocity. Default 0. */
  dampening?: number;
  /** Adds weightDecay·w to the gradient. Default 0. */
  weightDecay?: number;
  /** Look ahead along the velocity (Nesterov's momentum). Default false. */
  nesterov?: boolean;
  /** Raises the loss instead of lowering it. Default false. */
  maximize?: boolean;
}

const NAMES: OptionNames<SgdOptions> = {
  lr: true,
  momentum: true,
  dampening: true,
  weightDecay: true,
  nesterov: true,
  maximize: true,
};

/**
 * Stochastic gradient descent.
 *
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-4 });
 * optimizer.step(backward(loss));
 *
 * @throws ValueError for options out of range, or Nesterov's momentum without momentum or with dampening.
 */
export class SGD implements Optimizer {
  readonly parameters: readonly Tensor[];
  declare lr: number;
  declare momentum: number;
  declare readonly dampening: number;
  declare readonly weightDecay: number;
  declare readonly nesterov: boolean;
  declare readonly maximize: boolean;
  /** The parameters, with the options of each group. */
  readonly groups: readonly CompleteGroup<Required<SgdOptions>>[];
  readonly #velocities = new Map<Tensor, Values>();

  constructor(parameters: Parameters<SgdOptions>, options: SgdOptions) {
    checkOptions("SGD", options, NAMES);
    if (options?.lr === undefined) throw new UsageError("SGD: needs a learning rate: new SGD(parameters, { lr: 0.1 })");
    const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false, maximize = false } = options;
    const defaults = { lr, momentum, dampening, weightDecay, nesterov, maximize };
    const check = (name: string, value: unknown): void => checkOption("SGD", name, value, 0);
    check("lr", lr);
    check("momentum", momentum);
    this.groups = groupsOf<Required<SgdOptions>>(
      "SGD",
      parameters as Parameters<Required<SgdOptions>>,
      defaults,
      NAMES,
    );
    for (const { options } of this.groups) {
      checkOption("SGD", "momentum", options.momentum, 0);
      checkOption("SGD", "weightDecay", options.weightDecay, 0);
      checkFinite("SGD", "dampening", options.dampening);
      checkBoolean("SGD", "nesterov", options.nesterov);
      checkBoolean("SGD", "maximize", options.maximize);
      if (options.nesterov && (options.momentum === 0 || options.dampening !== 0)) {
        throw new ValueError(
          `SGD: nesterov needs momentum above 0 and no dampening, got momentum ${options.momentum} and dampening ${options.dampening}`,
        );
      }
    }
    // Frozen, because a parameter added to the list would not be trained.
    this.parameters = Object.freeze(this.groups.flatMap((group) => group.parameters));
    showOptions("SGD", this, defaults, check);
  }

  step(grads: Gradients): void {
    checkGradients("SGD", this.parameters, grads);
    for (const { lrRatio } of this.groups) checkOption("SGD", "a group's lr", this.lr * lrRatio, 0);
    for (const { parameters, options, lrRatio, own } of this.groups) {
      const { dampening, weightDecay, nesterov, maximize } = options;
      const lr = this.lr * lrRatio;
      const momentum = own.momentum ?? this.momentum;
      for (const w of parameters) {
        if (!grads.has(w)) continue;
        let velocity = this.#velocities.get(w) ?? null;
        const first = velocity === null;
        if (first && momentum !== 0) {
          velocity = toValues(allocateLasting(w.size, valuesOf(w)));
          this.#velocities.set(w, velocity);
        }
        const step = { lr, momentum, dampening, weightDecay, nesterov, maximize, first };
        kernels.sgd(valuesToChange(w), valuesOf(grads.get(w)), velocity, step);
      }
    }
  }

  /** The velocities, the rate and the momentum: copies. */
  stateDict(): OptimizerState {
    return optimizerState(this, (w) => {
      const velocity = this.#velocities.get(w);
      return velocity ? { tensors: { momentum_buffer: velocity }, numbers: {} } : null;
    });
  }

  /** Goes on from what `stateDict` returned. @throws ValueError if it is another optimiser's. Nothing has been changed then. */
  loadStateDict(state: OptimizerState): void {
    const read = readOptimizerState("SGD", this.parameters, state, () => ({
      tensors: ["momentum_buffer"],
      numbers: [],
    }));
    this.lr = state.numbers["lr"];
    this.momentum = state.numbers["momentum"];
    this.#velocities.clear();
    for (const [w, { tensors }] of read) this.#velocities.set(w, toValues(tensors["momentum_buffer"]));
  }
}
