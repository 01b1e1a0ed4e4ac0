/** The functions that networks put between their layers, element by element: y_i = f(x_i). */
import { checkNumber, checkOneOf } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { unary } from "./unary.ts";

/**
 * y = max(x, 0). y′ = 1 where x > 0, else 0 (also at 0). NaN stays NaN.
 *
 * @example
 * const x = tensor([-2, 3], { requiresGrad: true });
 * relu(x).toArray(); // [0, 3]
 * backward(sum(relu(x))).get(x)?.toArray(); // [0, 1]
 */
export function relu(x: Tensor): Tensor {
  return unary("relu", x);
}

/**
 * y = x where x > 0, else slope·x. y′ = 1 or slope (at 0: slope).
 *
 * @example
 * leakyRelu(tensor([-2, 3]), 0.1).toArray(); // [-0.2, 3]
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  checkNumber("leakyRelu", "slope", slope);
  return unary("leakyRelu", x, ["leakyRelu", { slope }], slope);
}

/**
 * y = 1 / (1 + e⁻ˣ). y′ = y(1 − y).
 *
 * @example
 * sigmoid(tensor([0, 2])).toArray(); // [0.5, 0.8808]
 */
export function sigmoid(x: Tensor): Tensor {
  return unary("sigmoid", x);
}

/**
 * y = tanh x. y′ = 1 − y².
 *
 * @example
 * tanh(tensor([0, 1])).toArray(); // [0, 0.7616]
 */
export function tanh(x: Tensor): Tensor {
  return unary("tanh", x);
}

/**
 * y = x·σ(x), σ the sigmoid (Elfwing, Uchibe & Doya 2017; "swish"). y′ = σ(x)·(1 + x·(1 − σ(x))).
 *
 * @example
 * silu(tensor([-1, 0, 2])).toArray(); // [-0.2689, 0, 1.7616]
 */
export function silu(x: Tensor): Tensor {
  return unary("silu", x);
}

/**
 * y = x·min(max(x + 3, 0), 6) / 6, a silu of straight lines (Howard et al. 2019, "Searching for MobileNetV3"). y′ = x/3 + ½
 * between −3 and 3, both included, 0 below and 1 above, as in PyTorch.
 *
 * @example
 * hardswish(tensor([-4, 1, 4])).toArray(); // [0, 0.6667, 4]
 */
export function hardswish(x: Tensor): Tensor {
  return unary("hardswish", x);
}

/**
 * y = λx where x > 0, else λα(eˣ − 1), λ ≈ 1.0507, α ≈ 1.6733 (Klambauer et al. 2017, "Self-Normalizing Neural Networks", eq. 2).
 * y′ = λ, or λαeˣ (at 0: λα).
 *
 * @example
 * selu(tensor([-1, 1])).toArray(); // [-1.1113, 1.0507]
 */
export function selu(x: Tensor): Tensor {
  return unary("selu", x);
}

/**
 * y = x where x > 0, else α(eˣ − 1) (Clevert, Unterthiner & Hochreiter 2016, "Fast and Accurate Deep Network Learning by
 * Exponential Linear Units", eq. 15). y′ = 1, or αeˣ (at 0: α).
 *
 * @example
 * elu(tensor([-1, 1])).toArray(); // [-0.6321, 1]
 */
export function elu(x: Tensor, alpha = 1): Tensor {
  checkNumber("elu", "alpha", alpha);
  return unary("elu", x, ["elu", { alpha }], alpha);
}

const GELU_OPTIONS: OptionNames<GeluOptions> = { approximate: true };

/** Options of `gelu`. */
export interface GeluOptions {
  /** `"none"` is the exact x·Φ(x); `"tanh"` the usual approximation. Default "none". */
  approximate?: "none" | "tanh";
}

/**
 * y = x·Φ(x) with Φ the standard normal distribution (Hendrycks & Gimpel 2016). y′ = Φ(x) + x·φ(x).
 *
 * With `approximate: "tanh"`: y = ½x(1 + tanh(√(2/π)·(x + 0.044715x³))).
 *
 * @example
 * gelu(tensor([-1, 1])).toArray(); // [-0.1587, 0.8413]
 * gelu(tensor([-1, 1]), { approximate: "tanh" }).toArray(); // [-0.1588, 0.8412]
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkOptions("gelu", options, GELU_OPTIONS);
  const { approximate = "none" } = options;
  checkOneOf("gelu", "approximate", approximate, ["none", "tanh"]);
  return unary(approximate === "tanh" ? "geluTanh" : "gelu", x, ["gelu", { approximate }]);
}

/** Options of `softplus`. */
export interface SoftplusOptions {
  /** β. Default 1. */
  beta?: number;
  /** Where βx is larger, y = x. Default 20. */
  threshold?: number;
}

const SOFTPLUS_OPTIONS: OptionNames<SoftplusOptions> = { beta: true, threshold: true };

/**
 * y = ln(1 + e^βx) / β, and y = x where βx > threshold. y′ = sigmoid(βx).
 *
 * @example
 * softplus(tensor([0, 30])).toArray(); // [0.6931, 30]
 */
export function softplus(x: Tensor, options: SoftplusOptions = {}): Tensor {
  checkOptions("softplus", options, SOFTPLUS_OPTIONS);
  const { beta = 1, threshold = 20 } = options;
  checkNumber("softplus", "beta", beta);
  checkNumber("softplus", "threshold", threshold);
  return unary("softplus", x, ["softplus", { beta, threshold }], beta, threshold);
}
