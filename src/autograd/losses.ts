/**
 * Losses of classes: one number for how wrong a prediction is, and the gradient that training starts from. Those of single
 * elements: element-losses.ts.
 *
 * Every loss is first computed per element or per sample, ℓ, then reduced: `"mean"` (the default), `"sum"`, or
 * `"none"`, which returns ℓ. Cross entropy is computed from logits in one piece: taking the logarithm of a separate
 * softmax would lose the digits of small probabilities, or all of them on underflow.
 */
import { checkBetween } from "../tensor/arguments.ts";
import { describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor, checkTensors } from "../tensor/check-tensor.ts";
import { UsageError } from "../tensor/errors.ts";
import { type ClassGeometry, checkLabels, checkTarget, classGeometry } from "../tensor/geometry/losses.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import { type Shape, sameShape } from "../tensor/shape.ts";
import { empty, isTensor, peek, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { combine, filled, negative } from "./arrays.ts";
import { record } from "./graph.ts";
import { noteCount } from "./loss-counts.ts";
import { checkLossOptions, LOSS_OPTIONS, type LossOptions } from "./loss-options.ts";

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
 *
 * @example
 * const logits = tensor([[2, 0], [0, 0]]);
 * crossEntropy(logits, [0, 1], { reduction: "none" }).toArray(); // [0.1269, 0.6931]
 * crossEntropy(logits, [0, 1]).item(); // 0.4100
 *
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
  return record(
    "crossEntropy",
    y,
    inputs,
    (gy, [needLogits, needTarget]) => {
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
        kernels.targetMass(filled(logits.size, 1, gy), weight ? valuesOf(weight) : null, slope, 0, g);
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
    },
    [],
    [q, logp],
  );
}

/**
 * ℓ = −weight[label] · logProbabilities[label] per sample: the negative log-likelihood. `crossEntropy` is `logSoftmax`
 * followed by this.
 *
 * @param logProbabilities `[N, C]` or `[N, C, …]`.
 * @param labels N·… class numbers in row-major order, or a tensor `[N, …]` of them.
 * @returns `[]`, or `[N, …]` with `reduction: "none"`. If no sample counts, the mean is NaN and its gradient 0.
 *
 * @example
 * const logProbabilities = log(tensor([[0.5, 0.5], [0.9, 0.1]]));
 * nllLoss(logProbabilities, [0, 1], { reduction: "none" }).toArray(); // [0.6931, 2.3026]
 *
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
  return record(
    "nllLoss",
    y,
    [logProbabilities],
    (gy) => {
      // ℓ = −Σ_c q_c·logp_c: ∂ℓ/∂logp_c = −q_c.
      const gx = allocate(q.length, gy);
      kernels.crossSumGradient(gy, q, total, gx, g);
      return [gx];
    },
    [],
    [q],
  );
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

/** The shape in which one number per sample, or one for all, stretches over the class scores. */
function sampleShape(perSample: Values, g: ClassGeometry): Shape {
  return perSample.length === g.samples ? [g.outer, 1, g.inner] : [];
}
