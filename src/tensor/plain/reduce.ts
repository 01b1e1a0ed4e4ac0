/**
 * Reductions. Output k covers x[kept[k] + reduced[r] + i·innerStride] for all r, i (geometry/reduce.ts). Sums are
 * accumulated in float64, the type of JavaScript numbers, and rounded once.
 */
import type { ReduceGeometry } from "../geometry/reduce.ts";
import type { ReduceOp } from "../kernels.ts";
import { exp, log } from "../math/index.ts";
import type { Floats } from "../memory.ts";

export function reduce(op: ReduceOp, x: Floats, y: Floats, g: ReduceGeometry): void {
  switch (op) {
    case "sum":
      sums(x, y, g, 1);
      break;
    case "mean":
      sums(x, y, g, g.count);
      break;
    case "prod":
      for (let k = 0; k < y.length; k++) y[k] = product(x, g.kept[k], g);
      break;
    case "max":
      for (let k = 0; k < y.length; k++) y[k] = largest(x, g.kept[k], g, 1);
      break;
    case "min":
      for (let k = 0; k < y.length; k++) y[k] = -largest(x, g.kept[k], g, -1);
      break;
    case "logsumexp":
      for (let k = 0; k < y.length; k++) y[k] = logSumExp(x, g.kept[k], g);
  }
}

/** y → sums / divisor. */
function sums(x: Floats, y: Floats, g: ReduceGeometry, divisor: number): void {
  const { kept, reduced, inner, innerStride } = g;
  if (innerStride !== 1 && kept.length > 1) {
    columnSums(x, y, g, divisor);
    return;
  }
  for (let k = 0; k < y.length; k++) {
    let sum = 0;
    for (let r = 0; r < reduced.length; r++) {
      let p = kept[k] + reduced[r];
      for (let i = 0; i < inner; i++, p += innerStride) sum += x[p];
    }
    y[k] = sum / divisor;
  }
}

/**
 * Sums down the columns, row by row: outputs that are neighbours in x are summed side by side, so x is read in order.
 * Column by column took 5 times as long (1.6 M elements in 1,024 columns: 13 ms, this way 2.4).
 */
function columnSums(x: Floats, y: Floats, g: ReduceGeometry, divisor: number): void {
  const { kept, reduced, inner, innerStride } = g;
  const totals = new Float64Array(kept.length);
  for (let first = 0, end = 1; first < kept.length; first = end++) {
    while (end < kept.length && kept[end] === kept[end - 1] + 1) end++;
    for (let r = 0; r < reduced.length; r++) {
      let p = kept[first] + reduced[r];
      for (let i = 0; i < inner; i++, p += innerStride) {
        for (let k = first, q = p; k < end; k++, q++) totals[k] += x[q];
      }
    }
  }
  for (let k = 0; k < kept.length; k++) y[k] = totals[k] / divisor;
}

function product(x: Floats, from: number, { reduced, inner, innerStride }: ReduceGeometry): number {
  let product = 1;
  for (let r = 0; r < reduced.length; r++) {
    let p = from + reduced[r];
    for (let i = 0; i < inner; i++, p += innerStride) product *= x[p];
  }
  return product;
}

/**
 * gx_i → gy·Π_{j≠i} x_j: the product of the elements before x_i times that of the elements after it. Nothing is divided,
 * so zeros need no care: one zero has a derivative, all others have none; with two, nobody has.
 */
export function prodGradient(gy: Floats, x: Floats, gx: Floats, g: ReduceGeometry): void {
  const { kept, reduced, inner, innerStride, count } = g;
  const before = new Float64Array(count);
  for (let k = 0; k < gy.length; k++) {
    let product = 1;
    for (let r = 0, n = 0; r < reduced.length; r++) {
      let p = kept[k] + reduced[r];
      for (let i = 0; i < inner; i++, p += innerStride) {
        before[n++] = product;
        product *= x[p];
      }
    }
    product = 1;
    for (let r = reduced.length - 1, n = count - 1; r >= 0; r--) {
      let p = kept[k] + reduced[r] + (inner - 1) * innerStride;
      for (let i = 0; i < inner; i++, p -= innerStride) {
        gx[p] = gy[k] * (before[n--] * product);
        product *= x[p];
      }
    }
  }
}

/** The largest element of x, or of −x if `sign` is −1; NaN if there is one. */
function largest(x: Floats, from: number, { reduced, inner, innerStride }: ReduceGeometry, sign: 1 | -1): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let r = 0; r < reduced.length; r++) {
    let p = from + reduced[r];
    for (let i = 0; i < inner; i++, p += innerStride) {
      const v = sign * x[p];
      if (v > max) max = v;
      else if (Number.isNaN(v)) return v;
    }
  }
  return max;
}

/** m + ln Σ e^(x−m) with m the largest element, so that no exponential overflows. */
function logSumExp(x: Floats, from: number, g: ReduceGeometry): number {
  const { reduced, inner, innerStride } = g;
  const max = largest(x, from, g, 1);
  // Also the answer where ∞ − ∞ would give NaN: for only −∞ (or nothing at all), and for a +∞.
  if (!Number.isFinite(max)) return max;
  let sum = 0;
  for (let r = 0; r < reduced.length; r++) {
    let p = from + reduced[r];
    for (let i = 0; i < inner; i++, p += innerStride) sum += exp(x[p] - max);
  }
  return max + log(sum);
}

/** y → Σ (x − x̄)² / divisor, or its root, with x̄ the mean of the same elements. */
export function variance(x: Floats, y: Floats, g: ReduceGeometry, divisor: number, root: boolean): void {
  for (let k = 0; k < y.length; k++) {
    const v = squaredDeviations(x, g.kept[k], meanOf(x, g.kept[k], g), g) / divisor;
    y[k] = root ? Math.sqrt(v) : v;
  }
}

/**
 * gx → gy·∂y/∂x of `variance`. With d_i = x_i − x̄: ∂y/∂x_i = Σ_j 2 d_j (δ_ij − 1/n) / divisor = 2 d_i / divisor,
 * because Σ d_j = 0; and for its root s: 2 d_i / divisor / 2s, or 0 where s = 0.
 */
export function varianceGradient(
  gy: Floats,
  x: Floats,
  gx: Floats,
  g: ReduceGeometry,
  divisor: number,
  root: boolean,
): void {
  const { kept, reduced, inner, innerStride } = g;
  for (let k = 0; k < gy.length; k++) {
    const mean = meanOf(x, kept[k], g);
    const deviation = root ? Math.sqrt(squaredDeviations(x, kept[k], mean, g) / divisor) : 0.5;
    const share = deviation === 0 ? 0 : gy[k] / (deviation * divisor);
    for (let r = 0; r < reduced.length; r++) {
      let p = kept[k] + reduced[r];
      for (let i = 0; i < inner; i++, p += innerStride) gx[p] = share * (x[p] - mean);
    }
  }
}

function meanOf(x: Floats, from: number, { reduced, inner, innerStride, count }: ReduceGeometry): number {
  let sum = 0;
  for (let r = 0; r < reduced.length; r++) {
    let p = from + reduced[r];
    for (let i = 0; i < inner; i++, p += innerStride) sum += x[p];
  }
  return sum / count;
}

/** Σ (x − mean)². */
function squaredDeviations(
  x: Floats,
  from: number,
  mean: number,
  { reduced, inner, innerStride }: ReduceGeometry,
): number {
  let squares = 0;
  for (let r = 0; r < reduced.length; r++) {
    let p = from + reduced[r];
    for (let i = 0; i < inner; i++, p += innerStride) squares += (x[p] - mean) * (x[p] - mean);
  }
  return squares;
}

export function argmax(x: Floats, y: Int32Array, g: ReduceGeometry): void {
  placesOfLargest(x, y, g, 1);
}

export function argmin(x: Floats, y: Int32Array, g: ReduceGeometry): void {
  placesOfLargest(x, y, g, -1);
}

/** y → the position of the first largest element of x, or of −x if `sign` is −1. */
function placesOfLargest(x: Floats, y: Int32Array, g: ReduceGeometry, sign: 1 | -1): void {
  const { kept, reduced, inner, innerStride } = g;
  for (let k = 0; k < y.length; k++) {
    let max = Number.NEGATIVE_INFINITY;
    let best = 0;
    search: for (let r = 0; r < reduced.length; r++) {
      let p = kept[k] + reduced[r];
      for (let i = 0; i < inner; i++, p += innerStride) {
        const v = sign * x[p];
        if (v > max) {
          max = v;
          best = r * inner + i;
        } else if (Number.isNaN(v)) {
          best = r * inner + i;
          break search;
        }
      }
    }
    y[k] = best;
  }
}
