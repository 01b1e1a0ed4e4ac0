/**
 * Losses: the mass of each class, the sums of cross entropy, element-wise losses, and their gradients.
 *
 * Every loss is summed in float64 and rounded once. A mean's divisor is an array of one number where it depends on the
 * data (the labels that count), and a number where the shape determines it.
 */
import type { AxisGeometry } from "../geometry/axis.ts";
import type { DifferenceLoss, ElementLoss, LabelTarget } from "../kernels.ts";
import { exp, log, sigmoid, softplus } from "../math/index.ts";
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

/** Losses of d = x − t, and their slopes. */
const OF_DIFFERENCE: Readonly<
  Record<DifferenceLoss, { value(d: number, p: number): number; slope(d: number, p: number): number }>
> = {
  mse: { value: (d) => d * d, slope: (d) => 2 * d },
  l1: { value: (d) => Math.abs(d), slope: (d) => Math.sign(d) },
  // δ = p.
  huber: {
    value: (d, p) => (Math.abs(d) <= p ? 0.5 * d * d : p * (Math.abs(d) - 0.5 * p)),
    slope: (d, p) => (Math.abs(d) <= p ? d : p * Math.sign(d)),
  },
  // β = p; with β = 0 it is l1.
  smoothL1: {
    value: (d, p) => (Math.abs(d) < p ? (0.5 * d * d) / p : Math.abs(d) - 0.5 * p),
    slope: (d, p) => (Math.abs(d) < p ? d / p : Math.sign(d)),
  },
};

export function elementLoss(
  op: ElementLoss,
  x: Floats,
  t: Floats,
  weight: Floats | null,
  positive: Floats | null,
  count: number | null,
  y: Floats,
  p = 0,
): void {
  const losses = new Float64Array(x.length);
  for (let i = 0; i < losses.length; i++) {
    if (op === "bce") {
      const extra = positive ? positive[i] - 1 : 0;
      losses[i] = (weight ? weight[i] : 1) * ((1 - t[i]) * x[i] + (1 + extra * t[i]) * softplus(-x[i]));
    } else if (op === "kl") {
      // 0·ln 0 is 0.
      losses[i] = t[i] === 0 ? -t[i] * x[i] : t[i] * (log(t[i]) - x[i]);
    } else if (op === "klLog") {
      losses[i] = exp(t[i]) * (t[i] - x[i]);
    } else {
      losses[i] = OF_DIFFERENCE[op].value(roundedLike(x, x[i] - t[i]), p);
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
  p = 0,
): void {
  const all = count === null ? null : roundedLike(gy, gy[0] / count);
  for (let i = 0; i < x.length; i++) {
    const upstream = all ?? gy[i];
    if (op === "bce") {
      const u = upstream * (weight ? weight[i] : 1);
      const extra = positive ? positive[i] - 1 : 0;
      // d softplus(−x)/dx = −σ(−x): ∂ℓ/∂x = (1 − t) − (1 + (posWeight − 1)·t)·σ(−x), which is σ(x) − t unweighted.
      if (gx) gx[i] = u * (1 - t[i] - (1 + extra * t[i]) * sigmoid(-x[i]));
      // ∂ℓ/∂t = −x + (posWeight − 1)·softplus(−x).
      if (gt) gt[i] = u * (extra * softplus(-x[i]) - x[i]);
    } else if (op === "kl") {
      if (gx) gx[i] = -upstream * t[i];
      if (gt) gt[i] = upstream * (log(t[i]) + 1 - x[i]);
    } else if (op === "klLog") {
      const mass = exp(t[i]);
      if (gx) gx[i] = -upstream * mass;
      if (gt) gt[i] = upstream * mass * (t[i] - x[i] + 1);
    } else {
      // ∂ℓ/∂x = −∂ℓ/∂t.
      const slope = OF_DIFFERENCE[op].slope(roundedLike(x, x[i] - t[i]), p);
      if (gx) gx[i] = upstream * slope;
      if (gt) gt[i] = -upstream * slope;
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
