/** The logistic function and its integral, in a form for each sign: e to a positive power would overflow. */
import { exp } from "./exponential.ts";
import { log1p } from "./logarithm.ts";

/** σ(x) = 1/(1 + e⁻ˣ) */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** ln(1 + eˣ) */
export function softplus(x: number): number {
  return Math.max(x, 0) + log1p(exp(-Math.abs(x)));
}
