/**
 * Losses: one number for how wrong a prediction is, and the gradient that training starts from.
 *
 * Every loss is first computed per element or per sample, ℓ, then reduced: `"mean"` (the default), `"sum"`, or
 * `"none"`, which returns ℓ. Cross entropy is computed from logits in one piece: taking the logarithm of a separate
 * softmax would lose the digits of small probabilities, or all of them on underflow.
 */
import { checkBetween, checkNumber, checkOneOf } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor, checkTensors } from "../tensor/check-tensor.ts";
import { ShapeError, UsageError } from "../tensor/errors.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import { type ClassGeometry, checkLabels, checkTarget, classGeometry } from "../tensor/geometry/losses.ts";
import type { ElementLoss } from "../tensor/kernels.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import { empty, isTensor, peek, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { combine, filled, negative, zeros } from "./arrays.ts";
import { record } from "./graph.ts";
import { noteCount } from "./loss-counts.ts";

/** How the losses of all examples are reduced: to their mean, to their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

/** The options of all losses. */
export interface LossOptions {
  /** How the losses are reduced. Default "mean". */
  reduction?: Reduction;
}

/** Options of `nllLoss`. */
export interface NllOptions extends LossOptions {
  /** One factor per class, `[C]`. The mean is then weighted: divided by the sum of the samples' weights. */
  weight?: Tensor;
  /** Samples with this label have loss 0 and do not count in the mean. Default −100. */
  ignoreIndex?: number;
}

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends NllOptions {
  /** ε: the target becomes (1 − ε)·target + ε/C, which includes a little of every class. Default 0. */
  labelSmoothing?: number;
}

const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];
const LOSS_OPTIONS: OptionNames<LossOptions> = { reduction: true };
const NLL_OPTIONS: OptionNames<NllOptions> = { ...LOSS_OPTIONS, weight: true, ignoreIndex: true };
const CROSS_ENTROPY_OPTIONS: OptionNames<CrossEntropyOptions> = { ...NLL_OPTIONS, labelSmoothing: true };

/**
 * ℓ = −Σ_c q_c · ln p_c per sample, with p = softmax(logits) over the classes and q the target: 1 at the label, or the
 * given probabilities; smoothed and weighted by the options.
 *
 * @param logits `[N, C]` or `[N, C, …]`.
 * @param target N·… labels in row-major order; or a tensor of probabilities in the shape of the logits. A tensor of
 * shape `[N, …]` counts as labels.
 * @returns `[]`, or `[N, …]` with `reduction: "none"`. If no sample counts, the mean is NaN and its gradient 0, as in
 * PyTorch.
 * @throws ShapeError for a target or weight that does not fit; ValueError with a label that is not a class, or for
 * label smoothing outside [0, 1].
 */
export function crossEntropy(
  logits: Tensor,
  target: ArrayLike<number> | Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  checkLossOptions("crossEntropy", options, CROSS_ENTROPY_OPTIONS);
  checkTensors("crossEntropy", { logits }, { weight: options.weight });
  const { weight, ignoreIndex = -100, reduction = "mean", labelSmoothing = 0 } = options;
  checkBetween("crossEntropy", "labelSmoothing", labelSmoothing, 0, 1);
  const g = classGeometry("crossEntropy", logits.shape, weight?.shape);
  const weights = weight ? valuesOf(weight) : null;
  const probabilities = isTensor(target) && !sameShape(target.shape, g.shape) ? target : null;
  const q = allocate(logits.size, valuesOf(logits));
  let total: Values | null;
  let count = g.samples;
  if (probabilities) {
    checkTarget("crossEntropy", logits.shape, probabilities.shape);
    kernels.targetMass(valuesOf(probabilities), weights, q, labelSmoothing, g);
    total = reduction === "mean" ? filled(1, g.samples, q) : null;
  } else {
    const labels = checkedLabels("crossEntropy", logits, target, ignoreIndex, g);
    const counted = allocate(1, q);
    kernels.labelMass(labels, weights, q, counted, { ignoreIndex, smoothing: labelSmoothing }, g);
    count = labelCount(labels, ignoreIndex, weight);
    total = reduction === "mean" ? counted : null;
  }
  const logp = allocate(logits.size, q);
  kernels.logSoftmax(valuesOf(logits), logp, g);
  const y = empty(reduction === "none" ? g.shape : [], logits);
  kernels.crossSum(logp, q, total, valuesOf(y), g);
  if (total) noteCount(y, count);

  const inputs = probabilities ? [logits, probabilities] : [logits];
  return record("crossEntropy", y, inputs, (gy, [needLogits, needTarget]) => {
    let gLogits: Values | null = null;
    let gTarget: Values | null = null;
    if (needLogits) {
      // ∂ℓ/∂logp_c = −q_c, then the logarithm of softmax. With Σ q = 1 the two combine to p − q.
      const gLogp = allocate(logits.size, gy);
      kernels.crossSumGradient(gy, q, total, gLogp, g);
      gLogits = allocate(logits.size, gy);
      kernels.logSoftmaxGradient(gLogp, logp, gLogits, g);
    }
    if (needTarget) {
      // q = weight·((1 − ε)·target + ε/C): ∂ℓ/∂target_c = −logp_c·weight_c·(1 − ε).
      const slope = allocate(logits.size, gy);
      kernels.targetMass(filled(logits.size, 1, gy), weights, slope, 0, g);
      const upstream = total ? combine("div", gy, [1], total, [1]) : gy;
      const perSample = combine(
        "mul",
        logp,
        [g.outer, g.length, g.inner],
        negative(upstream),
        sampleShape(upstream, g),
      );
      gTarget = combine(
        "mul",
        combine("mul", perSample, [logits.size], slope, [logits.size]),
        [logits.size],
        filled(1, 1 - labelSmoothing, gy),
        [],
      );
    }
    return probabilities ? [gLogits, gTarget] : [gLogits];
  });
}

/**
 * ℓ = −weight[label] · logProbabilities[label] per sample: the negative log-likelihood. `crossEntropy` is `logSoftmax`
 * followed by this.
 *
 * @param logProbabilities `[N, C]` or `[N, C, …]`.
 * @param labels N·… class numbers in row-major order, or a tensor `[N, …]` of them.
 * @returns `[]`, or `[N, …]` with `reduction: "none"`. If no sample counts, the mean is NaN and its gradient 0.
 * @throws ShapeError for labels or a weight that do not fit; ValueError with a label that is not a class.
 */
export function nllLoss(
  logProbabilities: Tensor,
  labels: ArrayLike<number> | Tensor,
  options: NllOptions = {},
): Tensor {
  checkLossOptions("nllLoss", options, NLL_OPTIONS);
  checkTensors("nllLoss", { logProbabilities }, { weight: options.weight });
  const { weight, ignoreIndex = -100, reduction = "mean" } = options;
  const g = classGeometry("nllLoss", logProbabilities.shape, weight?.shape);
  const classes = checkedLabels("nllLoss", logProbabilities, labels, ignoreIndex, g);
  const q = allocate(logProbabilities.size, valuesOf(logProbabilities));
  const counted = allocate(1, q);
  kernels.labelMass(classes, weight ? valuesOf(weight) : null, q, counted, { ignoreIndex, smoothing: 0 }, g);
  const total = reduction === "mean" ? counted : null;
  const y = empty(reduction === "none" ? g.shape : [], logProbabilities);
  kernels.crossSum(valuesOf(logProbabilities), q, total, valuesOf(y), g);
  if (total) noteCount(y, labelCount(classes, ignoreIndex, weight));
  return record("nllLoss", y, [logProbabilities], (gy) => {
    // ℓ = −Σ_c q_c·logp_c: ∂ℓ/∂logp_c = −q_c.
    const gx = allocate(q.length, gy);
    kernels.crossSumGradient(gy, q, total, gx, g);
    return [gx];
  });
}

/**
 * ℓ = (x − target)² per element.
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 * @throws ShapeError unless x and target have the same shape.
 */
export function mseLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("mseLoss", options, LOSS_OPTIONS);
  return elementwise("mse", "mseLoss", x, target, options.reduction ?? "mean", null, null);
}

/** Options of `bceWithLogits`. */
export interface BceOptions extends LossOptions {
  /** A factor per element; broadcasts to the shape of the logits. The mean still divides by the number of elements. */
  weight?: Tensor;
  /** A factor for the positive term, to compensate for rare positives; broadcasts to the shape of the logits. */
  posWeight?: Tensor;
}

const BCE_OPTIONS: OptionNames<BceOptions> = { ...LOSS_OPTIONS, weight: true, posWeight: true };

/**
 * ℓ = −weight·(posWeight·t·ln σ(x) + (1 − t)·ln(1 − σ(x))) per element: binary cross entropy of the probability σ(x).
 *
 * Computed as weight·((1 − t)·x + (1 + (posWeight − 1)·t)·softplus(−x)), which never takes the logarithm of 0.
 *
 * @param logits x, any shape.
 * @param target t, in the same shape: probabilities, usually 0 or 1.
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 * @throws ShapeError unless logits and target have the same shape, to which weight and posWeight must broadcast.
 */
export function bceWithLogits(logits: Tensor, target: Tensor, options: BceOptions = {}): Tensor {
  checkLossOptions("bceWithLogits", options, BCE_OPTIONS);
  const { weight, posWeight, reduction = "mean" } = options;
  checkTensors("bceWithLogits", { logits, target }, { weight, posWeight });
  const stretchedTo = (name: string, t: Tensor | undefined): Values | null => (t ? stretched(name, t, logits) : null);
  const [w, positive] = [stretchedTo("weight", weight), stretchedTo("posWeight", posWeight)];
  return elementwise("bce", "bceWithLogits", logits, target, reduction, w, positive);
}

/** A loss of each element of x against its own target. */
function elementwise(
  kind: ElementLoss,
  op: string,
  x: Tensor,
  target: Tensor,
  reduction: Reduction,
  weight: Values | null,
  positive: Values | null,
): Tensor {
  checkTensors(op, { x, target });
  checkTarget(op, x.shape, target.shape);
  const count = reduction === "none" ? null : reduction === "mean" ? x.size : 1;
  const y = empty(reduction === "none" ? x.shape : [], x);
  kernels.elementLoss(kind, valuesOf(x), valuesOf(target), weight, positive, count, valuesOf(y));
  return record(op, y, [x, target], (gy, [needX, needTarget]) => {
    const gx = needX ? allocate(x.size, gy) : null;
    const gt = needTarget ? allocate(x.size, gy) : null;
    kernels.elementLossGradient(kind, gy, valuesOf(x), valuesOf(target), weight, positive, count, gx, gt);
    return [gx, gt];
  });
}

/** The labels as plain numbers, each a class or `ignoreIndex`. */
function checkedLabels(
  op: string,
  scores: Tensor,
  labels: ArrayLike<number> | Tensor,
  ignoreIndex: number,
  g: ClassGeometry,
): ArrayLike<number> {
  if (typeof labels !== "object" || labels === null) {
    throw new UsageError(`${op}: the labels must be a list of numbers or a tensor, got ${describe(labels)}`);
  }
  if (!isTensor(labels) && !("length" in labels)) checkTensor(op, "the target", labels);
  const classes = isTensor(labels) ? peek(labels).slice() : (labels as ArrayLike<number>);
  checkLabels(op, scores.shape, classes, ignoreIndex, g);
  return classes;
}

/** The divisor of a mean over these labels: how many count, or the sum of their classes' weights. */
function labelCount(labels: ArrayLike<number>, ignoreIndex: number, weight: Tensor | undefined): number {
  const weights = weight ? peek(weight) : null;
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== ignoreIndex) sum += weights ? weights[labels[i]] : 1;
  }
  return sum;
}

function checkLossOptions<Options extends LossOptions>(
  op: string,
  options: Options,
  names: OptionNames<Options>,
): void {
  checkOptions(op, options, names as OptionNames<NonNullable<Options>>);
  const { reduction = "mean", ignoreIndex = 0 } = options as NllOptions;
  checkOneOf(op, "reduction", reduction, REDUCTIONS);
  checkNumber(op, "ignoreIndex", ignoreIndex);
}

/** The shape in which one number per sample, or one for all, stretches over the class scores. */
function sampleShape(perSample: Values, g: ClassGeometry): Shape {
  return perSample.length === g.samples ? [g.outer, 1, g.inner] : [];
}

/** An option's values stretched to the shape of the logits. */
function stretched(name: string, t: Tensor, logits: Tensor): Values {
  const op = "bceWithLogits";
  const g = broadcastGeometry(op, logits.shape, t.shape);
  if (!sameShape(g.shape, logits.shape)) {
    throw new ShapeError(
      `${op}: ${name} ${formatShape(t.shape)} does not broadcast to the logits ${formatShape(logits.shape)}`,
    );
  }
  return combine("add", zeros(logits.size, valuesOf(logits)), logits.shape, valuesOf(t), t.shape);
}
