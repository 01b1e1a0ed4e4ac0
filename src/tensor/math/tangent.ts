/**
 * tanh x, the hyperbolic tangent.
 *
 * Near 0, where the result is at most ½: x + x³·P(x²)/Q(x²), a quotient of polynomials from Cephes (S. Moshier, `tanh.c`).
 * Beyond: 1 − 2/(e²ˣ + 1), with the sum and the quotient in two parts each, so that only the last subtraction is rounded.
 */
import { excess, exp, LN2_HIGH, LN2_LOW } from "./exponential.ts";
import { powerOfTwo } from "./words.ts";

export function tanh(x: number): number {
  const size = Math.abs(x);
  // Below 2⁻²⁸ the next term is negligible; −0 stays −0.
  if (size < 3.725290298461914e-9) return x;
  if (size < 0.55) return x + x * x * x * quotient(x * x);
  // From 5 on the quotient is so small that its error does not show. NaN fails the comparison, and passes through.
  const y = size > 5 ? 1 - 2 / (exp(2 * size) + 1) : beyond(size);
  return x < 0 ? -y : y;
}

/** Negative: the series is x − x³/3 + … */
function quotient(square: number): number {
  const p = (-0.9643991794250523 * square - 99.28772310019185) * square - 1614.6876844170845;
  const q = ((square + 112.81167849163293) * square + 2235.4883906010045) * square + 4844.063053251255;
  return p / q;
}

/** tanh x for 0.55 ≤ x ≤ 5. */
function beyond(x: number): number {
  const k = Math.trunc(2 * x * Math.LOG2E + 0.5);
  const power = powerOfTwo(k);
  const high = 2 * x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  // e²ˣ + 1 = (2ᵏ + 1) + 2ᵏ·high + 2ᵏ·(excess − low), and each sum's rounding error goes on to the next.
  const first = power + 1 + power * high;
  const small = power + 1 - first + power * high + power * (excess(high - low) - low);
  const sum = first + small;
  const error = small - (sum - first);
  // 2/sum = head + tail, the head of 24 bits, so that its product with the sum's head is exact, and so is 1 − head.
  const half = 1 / sum;
  const head = Math.fround(2 * half);
  const sumHead = Math.fround(sum);
  const tail = (2 - head * sumHead - head * (sum - sumHead + error)) * half;
  return 1 - head - tail;
}
