/** Activations as modules, for `Sequential`. The functions themselves: src/autograd/elementwise.ts. */
import { type GeluOptions, gelu, leakyRelu, relu, sigmoid, softplus, tanh } from "../autograd/elementwise.ts";
import { checkFinite, checkOneOf } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** y = max(x, 0). */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** y = x where x > 0, slope·x elsewhere. Default slope 0.01. */
export class LeakyReLU extends Module {
  readonly #slope: number;

  constructor(slope = 0.01) {
    super();
    checkFinite("LeakyReLU", "slope", slope);
    this.#slope = slope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.#slope);
  }

  override describe(): string {
    return `slope ${this.#slope}`;
  }
}

/** y = 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** y = tanh x. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

const GELU_OPTIONS: OptionNames<GeluOptions> = { approximate: true };

/** y = x·Φ(x), exactly or by the tanh approximation. */
export class GELU extends Module {
  readonly #options: GeluOptions;

  constructor(options: GeluOptions = {}) {
    super();
    checkOptions("GELU", options, GELU_OPTIONS);
    checkOneOf("GELU", "approximate", options.approximate ?? "none", ["none", "tanh"]);
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return gelu(x, this.#options);
  }
}

export interface SoftplusLayerOptions {
  /** β. Default 1. */
  beta?: number;
  /** Where βx is above it, y = x. Default 20. */
  threshold?: number;
}

const SOFTPLUS_OPTIONS: OptionNames<SoftplusLayerOptions> = { beta: true, threshold: true };

/** y = ln(1 + e^(βx)) / β. */
export class Softplus extends Module {
  readonly #options: SoftplusLayerOptions;

  constructor(options: SoftplusLayerOptions = {}) {
    super();
    checkOptions("Softplus", options, SOFTPLUS_OPTIONS);
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined) checkFinite("Softplus", name, value);
    }
    if (options.beta === 0) throw new ValueError("Softplus: beta must not be 0, by which it divides");
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return softplus(x, this.#options);
  }
}
