/**
 * Softmax and its logarithm along one axis of x `[outer, length, inner]`. The largest element is subtracted before
 * exponentiating: e¹⁰⁰ overflows float32, e⁰ does not, and the quotient is the same.
 */
import type { AxisGeometry } from "../geometry/axis.ts";
import { exp, log } from "../math/index.ts";
import type { Floats } from "../memory.ts";

export function softmax(x: Floats, y: Floats, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const from = o * length * inner + i;
      const end = from + length * inner;
      const max = largest(x, from, end, inner);
      let sum = 0;
      for (let p = from; p < end; p += inner) sum += exp(x[p] - max);
      for (let p = from; p < end; p += inner) y[p] = exp(x[p] - max) / sum;
    }
  }
}

export function logSoftmax(x: Floats, y: Floats, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const from = o * length * inner + i;
      const end = from + length * inner;
      const max = largest(x, from, end, inner);
      let sum = 0;
      for (let p = from; p < end; p += inner) sum += exp(x[p] - max);
      const logSum = log(sum);
      for (let p = from; p < end; p += inner) y[p] = x[p] - max - logSum;
    }
  }
}

export function softmaxGradient(gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const from = o * length * inner + i;
      const end = from + length * inner;
      let sum = 0;
      for (let p = from; p < end; p += inner) sum += gy[p] * y[p];
      for (let p = from; p < end; p += inner) gx[p] = y[p] * (gy[p] - sum);
    }
  }
}

export function logSoftmaxGradient(gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const from = o * length * inner + i;
      const end = from + length * inner;
      let sum = 0;
      for (let p = from; p < end; p += inner) sum += gy[p];
      for (let p = from; p < end; p += inner) gx[p] = gy[p] - exp(y[p]) * sum;
    }
  }
}

/** The largest of every `step`-th element. It ignores NaN, which spreads through the exponentials. */
function largest(x: Floats, from: number, end: number, step: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let p = from; p < end; p += step) if (x[p] > max) max = x[p];
  return max;
}
