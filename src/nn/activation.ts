/** Activations as modules, for `Sequential`. The functions are in src/autograd/elementwise.ts. */
import {
  elu,
  type GeluOptions,
  gelu,
  hardswish,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "../autograd/elementwise.ts";
import { checkFinite, checkOneOf } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/**
 * y = max(x, 0).
 *
 * @example
 * new ReLU().forward(tensor([-2, 3])).toArray(); // [0, 3]
 * new Sequential(new Linear(4, 8, { rng }), new ReLU()).forward(zeros([2, 4])).shape; // [2, 8]
 */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/**
 * y = x where x > 0, slope·x elsewhere. Default slope 0.01.
 *
 * @example
 * new LeakyReLU(0.1).forward(tensor([-2, 3])).toArray(); // [-0.2, 3]
 */
export class LeakyReLU extends Module {
  readonly slope: number;

  constructor(slope = 0.01) {
    super();
    checkFinite("LeakyReLU", "slope", slope);
    this.slope = slope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }

  override describe(): string {
    return `slope ${this.slope}`;
  }
}

/**
 * y = 1 / (1 + e⁻ˣ).
 *
 * @example
 * new Sigmoid().forward(tensor([0, 2])).toArray(); // [0.5, 0.8808]
 */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/**
 * y = tanh x.
 *
 * @example
 * new Tanh().forward(tensor([0, 1])).toArray(); // [0, 0.7616]
 */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/**
 * y = x·σ(x).
 *
 * @example
 * new SiLU().forward(tensor([-1, 0, 2])).toArray(); // [-0.2689, 0, 1.7616]
 */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/**
 * y = x·min(max(x + 3, 0), 6) / 6.
 *
 * @example
 * new Hardswish().forward(tensor([-4, 1, 4])).toArray(); // [0, 0.6667, 4]
 */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}

/**
 * y = λx where x > 0, λα(eˣ − 1) elsewhere.
 *
 * @example
 * new SELU().forward(tensor([-1, 1])).toArray(); // [-1.1113, 1.0507]
 */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return selu(x);
  }
}

/**
 * y = x where x > 0, α(eˣ − 1) elsewhere. Default α 1.
 *
 * @example
 * new ELU(2).forward(tensor([-1, 1])).toArray(); // [-1.2642, 1]
 */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    checkFinite("ELU", "alpha", alpha);
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }

  override describe(): string {
    return `alpha ${this.alpha}`;
  }
}

const GELU_OPTIONS: OptionNames<GeluOptions> = { approximate: true };

/**
 * y = x·Φ(x), exactly or by the tanh approximation.
 *
 * @example
 * new GELU({ approximate: "tanh" }).forward(tensor([-1, 1])).toArray(); // [-0.1588, 0.8412]
 */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(options: GeluOptions = {}) {
    super();
    checkOptions("GELU", options, GELU_OPTIONS);
    const { approximate = "none" } = options;
    checkOneOf("GELU", "approximate", approximate, ["none", "tanh"]);
    this.approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
}

/** Options of `Softplus`. */
export interface SoftplusLayerOptions {
  /** β. Default 1. */
  beta?: number;
  /** y = x where βx is above this. Default 20. */
  threshold?: number;
}

const SOFTPLUS_OPTIONS: OptionNames<SoftplusLayerOptions> = { beta: true, threshold: true };

/**
 * y = ln(1 + e^(βx)) / β.
 *
 * @example
 * new Softplus({ beta: 2 }).forward(tensor([0, 1])).toArray(); // [0.3466, 1.0635]
 */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(options: SoftplusLayerOptions = {}) {
    super();
    checkOptions("Softplus", options, SOFTPLUS_OPTIONS);
    const { beta = 1, threshold = 20 } = options;
    checkFinite("Softplus", "beta", beta);
    checkFinite("Softplus", "threshold", threshold);
    if (beta === 0) throw new ValueError("Softplus: beta must not be 0: it is a divisor");
    this.beta = beta;
    this.threshold = threshold;
  }

  forward(x: Tensor): Tensor {
    return softplus(x, { beta: this.beta, threshold: this.threshold });
  }
}
