/** Functions of one number by their definitions, a row for each: the kernels' tests and the derivative cases go by it. */
import type { UnaryOp } from "../../src/tensor/kernels.ts";

export interface UnaryRow {
  /** The definition, in float64. */
  readonly f: (x: number) => number;
  /** Parameters of the kernel. */
  readonly p?: number;
  readonly q?: number;
  /** Where it is tested: everywhere, where it is positive, away from a kink at 0, away from multiples of ½. */
  readonly where?: "positive" | "not at 0" | "off the steps";
  /** f(ax + by) = a·f(x) + b·f(y). */
  readonly linear?: true;
  /**
   * Units in the last place by which the SIMD tier may differ from the plain one: of the value, and of the gradient. 0 where the
   * result is exact or rounded once, else from the number of roundings; null where it is left to the plain tier.
   */
  readonly ulps: readonly [value: number | null, gradient: number | null];
  /** Where f′ crosses 0 its terms cancel: the gradient's units are those of gy then. */
  readonly cancels?: true;
}

/** Φ by the trapezoid rule on the density, from −12: an independent definition. */
function normalCdf(x: number): number {
  const n = 20_000;
  const h = (x + 12) / n;
  let sum = 0;
  for (let i = 0; i <= n; i++) sum += Math.exp(-0.5 * (-12 + i * h) ** 2) * (i === 0 || i === n ? 0.5 : 1);
  return (sum * h) / Math.sqrt(2 * Math.PI);
}

/** By the distance to both neighbours. */
function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below === 0.5) return below % 2 === 0 ? below : below + 1;
  return x - below < 0.5 ? below : below + 1;
}

const PLAIN = [null, null] as const;

export const UNARY: Readonly<Record<UnaryOp, UnaryRow>> = {
  neg: { f: (x) => -x, linear: true, ulps: [0, 0] },
  exp: { f: Math.exp, ulps: [2, 1] },
  log: { f: Math.log, where: "positive", ulps: [null, 0] },
  sqrt: { f: Math.sqrt, where: "positive", ulps: [0, 1] },
  abs: { f: Math.abs, where: "not at 0", ulps: [0, 0] },
  sign: { f: Math.sign, where: "not at 0", ulps: [0, 0] },
  round: { f: roundHalfToEven, where: "off the steps", ulps: [0, 0] },
  floor: { f: Math.floor, where: "off the steps", ulps: [0, 0] },
  ceil: { f: Math.ceil, where: "off the steps", ulps: [0, 0] },
  relu: { f: (x) => Math.max(x, 0), where: "not at 0", ulps: [0, 0] },
  leakyRelu: { f: (x) => Math.max(x, 0) + 0.2 * Math.min(x, 0), p: 0.2, where: "not at 0", ulps: [1, 1] },
  sigmoid: { f: (x) => 1 / (1 + Math.exp(-x)), ulps: [4, 4] },
  tanh: { f: Math.tanh, ulps: [4, 4] },
  silu: { f: (x) => x / (1 + Math.exp(-x)), ulps: [6, 6], cancels: true },
  hardswish: { f: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, ulps: [3, 3], cancels: true },
  selu: {
    f: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
    where: "not at 0",
    ulps: [6, 3],
  },
  elu: { f: (x) => (x > 0 ? x : 0.7 * Math.expm1(x)), p: 0.7, where: "not at 0", ulps: [6, 3] },
  gelu: { f: (x) => x * normalCdf(x), ulps: PLAIN },
  geluTanh: { f: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), ulps: PLAIN },
  softplus: { f: (x) => (2 * x > 1.5 ? x : Math.log(1 + Math.exp(2 * x)) / 2), p: 2, q: 1.5, ulps: PLAIN },
  clamp: { f: (x) => Math.min(Math.max(x, -0.5), 0.75), p: -0.5, q: 0.75, ulps: [0, 0] },
  rsqrt: { f: (x) => 1 / Math.sqrt(x + 0.3), p: 0.3, where: "positive", ulps: PLAIN },
};

export const UNARY_OPS = Object.keys(UNARY) as readonly UnaryOp[];
