/**
 * Losses: one number for how wrong a prediction is, and the gradient that training starts from.
 *
 * Every loss is computed per element or per sample first, ℓ, then reduced: `"mean"` (the default), `"sum"`, or `"none"`,
 * which returns ℓ. Cross entropy is computed from logits in one piece: the logarithm of a softmax computed apart would
 * lose the digits of small probabilities, and all of them where it underflows.
 */
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import { type ClassGeometry, checkLabels, checkTarget, classGeometry } from "../tensor/geometry/losses.ts";
import { kernels } from "../tensor/kernels.ts";
import { allocate, type Floats } from "../tensor/memory.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import { empty, Tensor } from "../tensor/tensor.ts";
import { record } from "./graph.ts";

export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** What becomes of the losses per sample. Default "mean". */
  reduction?: Reduction;
}

export interface NllOptions extends LossOptions {
  /** One factor per class, `[C]`. The mean is then the weighted one: divided by the sum of the samples' weights. */
  weight?: Tensor;
  /** Samples with this label have loss 0 and do not count in the mean. Default −100. */
  ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NllOptions {
  /** ε: the target becomes (1 − ε)·target + ε/C, a little of every class. Default 0. */
  labelSmoothing?: number;
}

/**
 * ℓ = −Σ_c q_c · ln p_c per sample, with p = softmax(logits) over the classes and q the target: 1 at the label, or the
 * given probabilities; smoothed and weighted as the options say.
 *
 * @param logits `[N, C]` or `[N, C, …]`.
 * @param target N·… labels in row-major order; or a tensor of probabilities in the shape of the logits. A tensor of shape
 * `[N, …]` is taken as labels.
 * @returns `[]`, or `[N, …]` with `reduction: "none"`. The mean over no samples is NaN.
 * @throws ShapeError for a target or weight that does not fit; ValueError naming a label that is no class, or for
 * label smoothing outside [0, 1].
 */
export function crossEntropy(
  logits: Tensor,
  target: ArrayLike<number> | Tensor,
  { weight, ignoreIndex = -100, reduction = "mean", labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor {
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ValueError(`crossEntropy: labelSmoothing must be from 0 to 1, got ${labelSmoothing}`);
  }
  const g = classGeometry("crossEntropy", logits.shape, weight?.shape);
  const probabilities = target instanceof Tensor && !sameShape(target.shape, g.shape) ? target : null;
  let q: Floats;
  let divisor = g.samples;
  if (probabilities) {
    checkTarget("crossEntropy", logits.shape, probabilities.shape);
    q = allocate(logits.size, logits.data);
    eachClass(g, (p, c) => {
      q[p] = (weight?.data[c] ?? 1) * ((1 - labelSmoothing) * probabilities.data[p] + labelSmoothing / g.length);
    });
  } else {
    const labels = target instanceof Tensor ? target.data : (target as ArrayLike<number>);
    checkLabels("crossEntropy", logits.shape, labels, ignoreIndex, g);
    ({ q, divisor } = labelMass(logits, labels, { weight, ignoreIndex, labelSmoothing }, g));
  }
  const logp = allocate(logits.size, logits.data);
  kernels.logSoftmax(logits.data, logp, g);
  const y = reducedLoss(crossSum(logp, q, g), logits, g.shape, reduction, divisor);

  return record(
    "crossEntropy",
    y,
    probabilities ? [logits, probabilities] : [logits],
    (gy, [needLogits, needTarget]) => {
      const upstream = perSample(gy, g.samples, reduction, divisor);
      let gLogits: Floats | null = null;
      let gTarget: Floats | null = null;
      if (needLogits) {
        // ∂ℓ/∂logp_c = −q_c, then the logarithm of softmax. With Σ q = 1 the two together are p − q.
        gLogits = allocate(logits.size, gy);
        kernels.logSoftmaxGradient(minusTimes(upstream, q, g), logp, gLogits, g);
      }
      if (needTarget) {
        // q = weight·((1 − ε)·target + ε/C): ∂ℓ/∂target_c = −weight_c·(1 − ε)·logp_c.
        const slope = minusTimes(upstream, logp, g);
        eachClass(g, (p, c) => {
          slope[p] *= (weight?.data[c] ?? 1) * (1 - labelSmoothing);
        });
        gTarget = slope;
      }
      return probabilities ? [gLogits, gTarget] : [gLogits];
    },
  );
}

/**
 * ℓ = −weight[label] · logProbabilities[label] per sample: the negative log-likelihood. `crossEntropy` is this after
 * `logSoftmax`.
 *
 * @param logProbabilities `[N, C]` or `[N, C, …]`.
 * @param labels N·… class numbers in row-major order.
 * @returns `[]`, or `[N, …]` with `reduction: "none"`.
 * @throws ShapeError for labels or a weight that do not fit; ValueError naming a label that is no class.
 */
export function nllLoss(
  logProbabilities: Tensor,
  labels: ArrayLike<number>,
  { weight, ignoreIndex = -100, reduction = "mean" }: NllOptions = {},
): Tensor {
  const g = classGeometry("nllLoss", logProbabilities.shape, weight?.shape);
  checkLabels("nllLoss", logProbabilities.shape, labels, ignoreIndex, g);
  const { q, divisor } = labelMass(logProbabilities, labels, { weight, ignoreIndex, labelSmoothing: 0 }, g);
  const y = reducedLoss(crossSum(logProbabilities.data, q, g), logProbabilities, g.shape, reduction, divisor);
  return record("nllLoss", y, [logProbabilities], (gy) => {
    // ℓ = −Σ_c q_c·logp_c: ∂ℓ/∂logp_c = −q_c.
    return [minusTimes(perSample(gy, g.samples, reduction, divisor), q, g)];
  });
}

/**
 * ℓ = (x − target)² per element.
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 * @throws ShapeError unless x and target have the same shape.
 */
export function mseLoss(x: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  checkTarget("mseLoss", x.shape, target.shape);
  const difference = allocate(x.size, x.data);
  kernels.binary("sub", x.data, target.data, difference, broadcastGeometry("mseLoss", x.shape, x.shape));
  const losses = Float64Array.from(difference, (d) => d * d);
  const y = reducedLoss(losses, x, x.shape, reduction, x.size);
  return record("mseLoss", y, [x, target], (gy, [needX, needTarget]) => {
    // ∂ℓ/∂x = 2(x − target) = −∂ℓ/∂target.
    const upstream = perSample(gy, x.size, reduction, x.size);
    const towards = (sign: number): Floats => {
      const gx = allocate(x.size, gy);
      for (let i = 0; i < gx.length; i++) gx[i] = sign * upstream[i] * difference[i];
      return gx;
    };
    return [needX ? towards(2) : null, needTarget ? towards(-2) : null];
  });
}

export interface BceOptions extends LossOptions {
  /** A factor per element; broadcasts to the shape of the logits. The mean still divides by the number of elements. */
  weight?: Tensor;
  /** A factor for the positive term, against rare positives; broadcasts to the shape of the logits. */
  posWeight?: Tensor;
}

/**
 * ℓ = −weight·(posWeight·t·ln σ(x) + (1 − t)·ln(1 − σ(x))) per element: binary cross entropy of the probability σ(x).
 *
 * Computed as weight·((1 − t)·x + (1 + (posWeight − 1)·t)·softplus(−x)), which never takes the logarithm of 0.
 *
 * @param logits x, any shape.
 * @param target t, in the same shape: probabilities, usually 0 or 1.
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 * @throws ShapeError unless logits and target have the same shape, to which weight and posWeight broadcast.
 */
export function bceWithLogits(
  logits: Tensor,
  target: Tensor,
  { weight, posWeight, reduction = "mean" }: BceOptions = {},
): Tensor {
  checkTarget("bceWithLogits", logits.shape, target.shape);
  const w = weight ? stretched("weight", weight, logits) : null;
  const positive = posWeight ? stretched("posWeight", posWeight, logits) : null;
  const x = logits.data;
  const t = target.data;
  const losses = new Float64Array(logits.size);
  for (let i = 0; i < losses.length; i++) {
    const extra = positive ? positive[i] - 1 : 0;
    losses[i] = (w ? w[i] : 1) * ((1 - t[i]) * x[i] + (1 + extra * t[i]) * softplus(-x[i]));
  }
  const y = reducedLoss(losses, logits, logits.shape, reduction, logits.size);
  return record("bceWithLogits", y, [logits, target], (gy, [needLogits, needTarget]) => {
    const upstream = perSample(gy, logits.size, reduction, logits.size);
    const gLogits = needLogits ? allocate(logits.size, gy) : null;
    const gTarget = needTarget ? allocate(logits.size, gy) : null;
    for (let i = 0; i < logits.size; i++) {
      const u = upstream[i] * (w ? w[i] : 1);
      const extra = positive ? positive[i] - 1 : 0;
      // d softplus(−x)/dx = −σ(−x): ∂ℓ/∂x = (1 − t) − (1 + (posWeight − 1)·t)·σ(−x), which is σ(x) − t unweighted.
      if (gLogits) gLogits[i] = u * (1 - t[i] - (1 + extra * t[i]) * sigmoid(-x[i]));
      // ∂ℓ/∂t = −x + (posWeight − 1)·softplus(−x).
      if (gTarget) gTarget[i] = u * (extra * softplus(-x[i]) - x[i]);
    }
    return [gLogits, gTarget];
  });
}

/**
 * q, what each class of each sample counts for, from labels: weight·((1 − ε)·[c is the label] + ε/C), 0 for a sample
 * that is ignored; and the sum of the labels' weights, by which the mean divides.
 */
function labelMass(
  like: Tensor,
  labels: ArrayLike<number>,
  options: { weight: Tensor | undefined; ignoreIndex: number; labelSmoothing: number },
  { outer, length, inner }: ClassGeometry,
): { q: Floats; divisor: number } {
  const { weight, ignoreIndex, labelSmoothing } = options;
  const q = allocate(like.size, like.data);
  let divisor = 0;
  for (let n = 0; n < outer; n++) {
    for (let i = 0; i < inner; i++) {
      const label = labels[n * inner + i];
      const ignored = label === ignoreIndex;
      if (!ignored) divisor += weight?.data[label] ?? 1;
      for (let c = 0; c < length; c++) {
        const mass = (c === label ? 1 - labelSmoothing : 0) + labelSmoothing / length;
        q[(n * length + c) * inner + i] = ignored ? 0 : (weight?.data[c] ?? 1) * mass;
      }
    }
  }
  return { q, divisor };
}

/** −Σ_c q_c·logp_c per sample. A class that does not count may have probability 0: 0·∞ is 0 here. */
function crossSum(logp: Floats, q: Floats, g: ClassGeometry): Float64Array {
  const losses = new Float64Array(g.samples);
  eachClass(g, (p, _, sample) => {
    if (q[p] !== 0) losses[sample] -= q[p] * logp[p];
  });
  return losses;
}

/** −u·v, with u one number per sample and v one per class of each sample. */
function minusTimes(u: Floats, v: Floats, g: ClassGeometry): Floats {
  const y = allocate(v.length, u);
  eachClass(g, (p, _, sample) => {
    y[p] = -u[sample] * v[p];
  });
  return y;
}

/** Calls `visit` with the position, the class and the sample of every score, in order of position. */
function eachClass(
  { outer, length, inner }: ClassGeometry,
  visit: (position: number, c: number, sample: number) => void,
): void {
  let p = 0;
  for (let n = 0; n < outer; n++) {
    for (let c = 0; c < length; c++) {
      for (let i = 0; i < inner; i++) visit(p++, c, n * inner + i);
    }
  }
}

/** The losses as they are, their sum, or their sum divided; added up in float64 and rounded once. */
function reducedLoss(losses: Float64Array, like: Tensor, shape: Shape, reduction: Reduction, divisor: number): Tensor {
  const y = empty(reduction === "none" ? shape : [], like);
  if (reduction === "none") y.data.set(losses);
  else y.data[0] = losses.reduce((sum, loss) => sum + loss, 0) / (reduction === "mean" ? divisor : 1);
  return y;
}

/** ∂L/∂ℓ for each of the losses: gy is that already, or one number for all of them. */
function perSample(gy: Floats, samples: number, reduction: Reduction, divisor: number): Floats {
  if (reduction === "none") return gy;
  return allocate(samples, gy).fill(reduction === "mean" ? gy[0] / divisor : gy[0]);
}

/** The values of an option read in the shape of the logits. */
function stretched(name: string, t: Tensor, logits: Tensor): Floats {
  const op = "bceWithLogits";
  const g = broadcastGeometry(op, logits.shape, t.shape);
  if (!sameShape(g.shape, logits.shape)) {
    throw new ShapeError(
      `${op}: ${name} ${formatShape(t.shape)} does not broadcast to the logits ${formatShape(logits.shape)}`,
    );
  }
  const y = allocate(logits.size, logits.data);
  kernels.binary("add", allocate(logits.size, logits.data).fill(0), t.data, y, g);
  return y;
}

/** ln(1 + eˣ) without overflow. */
function softplus(x: number): number {
  return Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
