/**
 * Functions of one number, a row for each: the value y = f(x), and the gradient gx = gy·f′(x).
 *
 * Each row has its own loops (elementwise.ts says why). This file does not compile without a row for each operation.
 */
import type { UnaryOp } from "../kernels.ts";
import { exp, log, log1p, sigmoid, tanh } from "../math/index.ts";
import type { Floats } from "../memory.ts";

/** `p` and `q` are the operation's parameters: kernels.ts lists them. */
interface UnaryRow {
  readonly value: (x: Floats, y: Floats, p: number, q: number) => void;
  readonly gradient: (gy: Floats, x: Floats, y: Floats, gx: Floats, p: number, q: number) => void;
}

/** For selu (Klambauer et al. 2017, eq. 14). */
export const SELU_ALPHA = 1.6732632423543772;
export const SELU_SCALE = 1.0507009873554805;
const SQRT_HALF = Math.SQRT1_2;
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);

const ROWS: Readonly<Record<UnaryOp, UnaryRow>> = {
  neg: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = -x[i];
    },
    gradient: (gy, _x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = -gy[i];
    },
  },
  exp: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = exp(x[i]);
    },
    gradient: (gy, _x, y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * y[i];
    },
  },
  log: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = log(x[i]);
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] / x[i];
    },
  },
  sqrt: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = Math.sqrt(x[i]);
    },
    gradient: (gy, _x, y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = (gy[i] * 0.5) / y[i];
    },
  },
  abs: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = Math.abs(x[i]);
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * Math.sign(x[i]);
    },
  },
  sign: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? 1 : x[i] < 0 ? -1 : 0;
    },
    gradient: noGradient,
  },
  round: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = roundHalfToEven(x[i]);
    },
    gradient: noGradient,
  },
  floor: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = Math.floor(x[i]);
    },
    gradient: noGradient,
  },
  ceil: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = Math.ceil(x[i]);
    },
    gradient: noGradient,
  },
  relu: {
    // This form keeps NaN: NaN < 0 is false.
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] < 0 ? 0 : x[i];
    },
    // 0 at 0. At NaN the gradient passes, as in PyTorch.
    gradient: (gy, _x, y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = y[i] <= 0 ? 0 : gy[i];
    },
  },
  leakyRelu: {
    value: (x, y, p) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? x[i] : p * x[i];
    },
    gradient: (gy, x, _y, gx, p) => {
      for (let i = 0; i < gy.length; i++) gx[i] = x[i] > 0 ? gy[i] : p * gy[i];
    },
  },
  sigmoid: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = sigmoid(x[i]);
    },
    gradient: (gy, _x, y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * y[i] * (1 - y[i]);
    },
  },
  tanh: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = tanh(x[i]);
    },
    gradient: (gy, _x, y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * (1 - y[i] * y[i]);
    },
  },
  silu: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] * sigmoid(x[i]);
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * siluDerivative(x[i]);
    },
  },
  hardswish: {
    // Comparisons with NaN are false, so NaN stays NaN.
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] * ((x[i] < -3 ? 0 : x[i] > 3 ? 6 : x[i] + 3) / 6);
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = x[i] < -3 ? 0 : x[i] <= 3 ? gy[i] * (x[i] / 3 + 0.5) : gy[i];
    },
  },
  selu: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = SELU_SCALE * (x[i] > 0 ? x[i] : SELU_ALPHA * expm1(x[i]));
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * SELU_SCALE * (x[i] <= 0 ? SELU_ALPHA * exp(x[i]) : 1);
    },
  },
  elu: {
    value: (x, y, p) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? x[i] : p * expm1(x[i]);
    },
    // At NaN the gradient passes, as in PyTorch.
    gradient: (gy, x, _y, gx, p) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * (x[i] <= 0 ? p * exp(x[i]) : 1);
    },
  },
  gelu: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = x[i] * normalCdf(x[i]);
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * (normalCdf(x[i]) + x[i] * normalDensity(x[i]));
    },
  },
  geluTanh: {
    value: (x, y) => {
      for (let i = 0; i < x.length; i++) y[i] = 0.5 * x[i] * (1 + geluTangent(x[i]));
    },
    gradient: (gy, x, _y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * geluTanhDerivative(x[i]);
    },
  },
  softplus: {
    value: (x, y, p, q) => {
      for (let i = 0; i < x.length; i++) y[i] = p * x[i] > q ? x[i] : log1p(exp(p * x[i])) / p;
    },
    gradient: (gy, x, _y, gx, p, q) => {
      for (let i = 0; i < gy.length; i++) gx[i] = p * x[i] > q ? gy[i] : gy[i] * sigmoid(p * x[i]);
    },
  },
  clamp: {
    // Comparisons with NaN are false, so NaN passes. Bounds in the wrong order give the upper one, as in PyTorch.
    value: (x, y, p, q) => {
      const low = Math.min(p, q);
      for (let i = 0; i < x.length; i++) y[i] = x[i] < low ? low : x[i] > q ? q : x[i];
    },
    // 1 at the bounds; 0 at NaN, as in PyTorch.
    gradient: (gy, x, _y, gx, p, q) => {
      for (let i = 0; i < gy.length; i++) gx[i] = x[i] >= p && x[i] <= q ? gy[i] : 0;
    },
  },
  rsqrt: {
    value: (x, y, p) => {
      for (let i = 0; i < x.length; i++) y[i] = 1 / Math.sqrt(x[i] + p);
    },
    // (x + p)^(−1/2) has the derivative −½·(x + p)^(−3/2).
    gradient: (gy, _x, y, gx) => {
      for (let i = 0; i < gy.length; i++) gx[i] = gy[i] * -0.5 * y[i] * y[i] * y[i];
    },
  },
};

/** y → f(x). */
export function unary(op: UnaryOp, x: Floats, y: Floats, p = 0, q = 0): void {
  ROWS[op].value(x, y, p, q);
}

/** gx → gy · f′(x), where y = f(x). */
export function unaryGradient(op: UnaryOp, gy: Floats, x: Floats, y: Floats, gx: Floats, p = 0, q = 0): void {
  ROWS[op].gradient(gy, x, y, gx, p, q);
}

/** Of functions that are flat between their steps. */
function noGradient(_gy: Floats, _x: Floats, _y: Floats, gx: Floats): void {
  gx.fill(0);
}

/** To the nearest whole number, of two equally near ones to the even: beyond 2⁵² a double has no fraction left. */
function roundHalfToEven(x: number): number {
  const size = Math.abs(x);
  if (!(size > 0 && size < 2 ** 52)) return x;
  const whole = size + 2 ** 52 - 2 ** 52;
  return x < 0 ? -whole : whole;
}

function siluDerivative(x: number): number {
  const s = sigmoid(x);
  return s * (1 + x * (1 - s));
}

/** eˣ − 1 = 2t/(1 − t) with t = tanh(x/2), which does not cancel near 0. For x ≤ 0. */
function expm1(x: number): number {
  const t = tanh(0.5 * x);
  return (2 * t) / (1 - t);
}

/** tanh(√(2/π)·(x + 0.044715x³)) =: t; the approximate gelu is ½x(1 + t). */
function geluTangent(x: number): number {
  return tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
}

function geluTanhDerivative(x: number): number {
  const t = geluTangent(x);
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
}

/** φ(x), the standard normal density. */
function normalDensity(x: number): number {
  return INV_SQRT_2PI * exp(-0.5 * x * x);
}

/** Φ(x) = ½ erfc(−x/√2), with erfc to double precision. */
function normalCdf(x: number): number {
  return 0.5 * erfc(-x * SQRT_HALF);
}

/**
 * The complementary error function: the Taylor series of erf near 0, Lentz's continued fraction beyond (Abramowitz &
 * Stegun 7.1.5 and 7.1.14), both to about 1e-15.
 */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    // erf x = 2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n+1))
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  // erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from the inside out
  let fraction = x;
  for (let k = 60; k >= 1; k--) fraction = x + (0.5 * k) / fraction;
  return exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
