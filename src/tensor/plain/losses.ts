/**
 * Losses: the mass of each class, the sums of cross entropy, element-wise losses, and their gradients.
 *
 * Every loss is summed in float64 and rounded once. A mean's divisor is an array of one number where it depends on the
 * data (the labels that count), and a number where the shape determines it.
 */
import type { AxisGeometry } from "../geometry/axis.ts";
import type { ElementLoss, LabelTarget } from "../kernels.ts";
import { sigmoid, softplus } from "../math/index.ts";
import type { Floats } from "../memory.ts";

export function labelMass(
  labels: ArrayLike<number>,
  weight: Floats | null,
  q: Floats,
  total: Floats,
  { ignoreIndex, smoothing }: LabelTarget,
  { outer, length, inner }: AxisGeometry,
): void {
  let sum = 0;
  for (let n = 0; n < outer; n++) {
    for (let i = 0; i < inner; i++) {
      const label = labels[n * inner + i];
      const ignored = label === ignoreIndex;
      if (!ignored) sum += weight ? weight[label] : 1;
      for (let c = 0; c < length; c++) {
        const mass = (c === label ? 1 - smoothing : 0) + smoothing / length;
        q[(n * length + c) * inner + i] = ignored ? 0 : (weight ? weight[c] : 1) * mass;
      }
    }
  }
  total[0] = sum;
}

export function targetMass(target: Floats, weight: Floats | null, q: Floats, smoothing: number, g: AxisGeometry): void {
  eachClass(g, (p, c) => {
    q[p] = (weight ? weight[c] : 1) * ((1 - smoothing) * target[p] + smoothing / g.length);
  });
}

export function crossSum(logp: Floats, q: Floats, total: Floats | null, y: Floats, g: AxisGeometry): void {
  const losses = new Float64Array(g.outer * g.inner);
  eachClass(g, (p, _, sample) => {
    // A class that does not count may have probability 0: 0·∞ is 0 here.
    if (q[p] !== 0) losses[sample] -= q[p] * logp[p];
  });
  if (y.length === losses.length && !total) y.set(losses);
  else y[0] = sumOf(losses) / (total ? total[0] : 1);
}

export function crossSumGradient(gy: Floats, q: Floats, total: Floats | null, gx: Floats, g: AxisGeometry): void {
  const all = gy.length === g.outer * g.inner && !total ? null : roundedLike(gx, total ? gy[0] / total[0] : gy[0]);
  eachClass(g, (p, _, sample) => {
    // Where every label is ignored the mean is 0/0 and gy/total infinite: what does not count still has gradient 0.
    gx[p] = q[p] === 0 ? 0 : -(all ?? gy[sample]) * q[p];
  });
}

export function elementLoss(
  op: ElementLoss,
  x: Floats,
  t: Floats,
  weight: Floats | null,
  positive: Floats | null,
  count: number | null,
  y: Floats,
): void {
  const losses = new Float64Array(x.length);
  for (let i = 0; i < losses.length; i++) {
    if (op === "mse") {
      const difference = roundedLike(x, x[i] - t[i]);
      losses[i] = difference * difference;
    } else {
      const extra = positive ? positive[i] - 1 : 0;
      losses[i] = (weight ? weight[i] : 1) * ((1 - t[i]) * x[i] + (1 + extra * t[i]) * softplus(-x[i]));
    }
  }
  if (count === null) y.set(losses);
  else y[0] = sumOf(losses) / count;
}

export function elementLossGradient(
  op: ElementLoss,
  gy: Floats,
  x: Floats,
  t: Floats,
  weight: Floats | null,
  positive: Floats | null,
  count: number | null,
  gx: Floats | null,
  gt: Floats | null,
): void {
  const all = count === null ? null : roundedLike(gy, gy[0] / count);
  for (let i = 0; i < x.length; i++) {
    const upstream = all ?? gy[i];
    if (op === "mse") {
      // ∂ℓ/∂x = 2(x − target) = −∂ℓ/∂target.
      const difference = roundedLike(x, x[i] - t[i]);
      if (gx) gx[i] = 2 * upstream * difference;
      if (gt) gt[i] = -2 * upstream * difference;
    } else {
      const u = upstream * (weight ? weight[i] : 1);
      const extra = positive ? positive[i] - 1 : 0;
      // d softplus(−x)/dx = −σ(−x): ∂ℓ/∂x = (1 − t) − (1 + (posWeight − 1)·t)·σ(−x), which is σ(x) − t unweighted.
      if (gx) gx[i] = u * (1 - t[i] - (1 + extra * t[i]) * sigmoid(-x[i]));
      // ∂ℓ/∂t = −x + (posWeight − 1)·softplus(−x).
      if (gt) gt[i] = u * (extra * softplus(-x[i]) - x[i]);
    }
  }
}

/** Calls `visit` with the position, the class and the sample of every score, in order of position. */
function eachClass(
  { outer, length, inner }: AxisGeometry,
  visit: (position: number, c: number, sample: number) => void,
): void {
  let p = 0;
  for (let n = 0; n < outer; n++) {
    for (let c = 0; c < length; c++) {
      for (let i = 0; i < inner; i++) visit(p++, c, n * inner + i);
    }
  }
}

function sumOf(losses: Float64Array): number {
  let sum = 0;
  for (const loss of losses) sum += loss;
  return sum;
}

/** `value` as this kind of array stores it. */
function roundedLike(like: Floats, value: number): number {
  return like instanceof Float32Array ? Math.fround(value) : value;
}
