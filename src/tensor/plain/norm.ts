/**
 * Normalisation of x `[outer, groups, inner]` by the mean and variance of each group (geometry/norm.ts).
 *
 * Everything per group is a JavaScript number, hence float64; only the results are rounded to the tensor's type.
 */
import type { NormGeometry } from "../geometry/norm.ts";
import type { NormGradients, PerGroup } from "../kernels.ts";
import type { Floats } from "../memory.ts";

export function moments(x: Floats, mean: Floats, variance: Floats, g: NormGeometry): void {
  const { outer, groups, inner } = g;
  const n = outer * inner;
  const step = groups * inner;
  for (let c = 0; c < groups; c++) {
    let sum = 0;
    for (let o = 0, from = c * inner; o < outer; o++, from += step) {
      for (let p = from; p < from + inner; p++) sum += x[p];
    }
    const m = sum / n;
    // A second pass over the deviations: E[x²] − E[x]² would cancel where the mean is large.
    let squares = 0;
    for (let o = 0, from = c * inner; o < outer; o++, from += step) {
      for (let p = from; p < from + inner; p++) squares += (x[p] - m) * (x[p] - m);
    }
    mean[c] = m;
    variance[c] = squares / n;
  }
}

export function normalize(
  x: Floats,
  { mean, rstd, weight, bias }: PerGroup<Floats>,
  add: Floats | null,
  relu: boolean,
  y: Floats,
  g: NormGeometry,
): void {
  const { outer, groups, inner } = g;
  let from = 0;
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < groups; c++, from += inner) {
      const m = mean[c];
      const scale = weight ? rstd[c] * weight[c] : rstd[c];
      const shift = bias ? bias[c] : 0;
      for (let p = from; p < from + inner; p++) y[p] = (x[p] - m) * scale + shift;
    }
  }
  if (add) for (let p = 0; p < from; p++) y[p] += add[p];
  if (relu) for (let p = 0; p < from; p++) y[p] = y[p] < 0 ? 0 : y[p];
}

export function normalizeGradient(
  gy: Floats,
  x: Floats,
  { mean, rstd, weight }: PerGroup<Floats>,
  to: NormGradients<Floats>,
  g: NormGeometry,
): void {
  const { outer, groups, inner } = g;
  const n = outer * inner;
  const step = groups * inner;
  for (let c = 0; c < groups; c++) {
    const m = mean[c];
    let sum = 0;
    let product = 0;
    for (let o = 0, from = c * inner; o < outer; o++, from += step) {
      for (let p = from; p < from + inner; p++) {
        sum += gy[p];
        product += gy[p] * (x[p] - m);
      }
    }
    product *= rstd[c];
    if (to.bias) to.bias[c] = sum;
    if (to.weight) to.weight[c] = product;
    const gx = to.x;
    if (!gx) continue;
    const scale = weight ? rstd[c] * weight[c] : rstd[c];
    const shift = sum / n;
    const slope = (product / n) * rstd[c];
    for (let o = 0, from = c * inner; o < outer; o++, from += step) {
      for (let p = from; p < from + inner; p++) gx[p] = scale * (gy[p] - shift - (x[p] - m) * slope);
    }
  }
}

export function normalizeReluGradient(
  gy: Floats,
  z: Floats,
  x: Floats,
  by: PerGroup<Floats>,
  gz: Floats,
  to: NormGradients<Floats>,
  g: NormGeometry,
): void {
  // The gradient passes at NaN, as in `relu`.
  for (let p = 0; p < gy.length; p++) gz[p] = z[p] <= 0 ? 0 : gy[p];
  normalizeGradient(gz, x, by, to, g);
}
