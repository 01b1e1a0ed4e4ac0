/** Activations as modules, for `Sequential`. The functions themselves: src/autograd/elementwise.ts. */
import { type GeluOptions, gelu, leakyRelu, relu, sigmoid, softplus, tanh } from "../autograd/elementwise.ts";
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

/** y = x·Φ(x), exactly or by the tanh approximation. */
export class GELU extends Module {
  readonly #options: GeluOptions;

  constructor(options: GeluOptions = {}) {
    super();
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return gelu(x, this.#options);
  }
}

/** y = ln(1 + e^(βx)) / β. */
export class Softplus extends Module {
  readonly #options: { beta?: number; threshold?: number };

  constructor(options: { beta?: number; threshold?: number } = {}) {
    super();
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return softplus(x, this.#options);
  }
}
