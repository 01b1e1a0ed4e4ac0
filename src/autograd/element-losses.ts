/** Losses of single elements: each x against its own target. Reduced as those of classes are (losses.ts). */
import { checkAboveZero, checkBetween, checkBoolean, checkOneOf } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensors } from "../tensor/check-tensor.ts";
import { ShapeError } from "../tensor/errors.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import { checkTarget } from "../tensor/geometry/losses.ts";
import type { ElementLoss } from "../tensor/kernels.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { combine, zeros } from "./arrays.ts";
import { record } from "./graph.ts";
import { checkLossOptions, LOSS_OPTIONS, type LossOptions, REDUCTIONS, type Reduction } from "./loss-options.ts";

/**
 * ℓ = (x − target)² per element.
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 *
 * @example
 * mseLoss(tensor([1, 2]), tensor([1, 4])).item(); // 2
 *
 * @throws ShapeError unless x and target have the same shape.
 */
export function mseLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("mseLoss", options, LOSS_OPTIONS);
  return elementwise("mse", "mseLoss", x, target, { reduction: options.reduction });
}

/**
 * ℓ = |x − target| per element. ∂ℓ/∂x = sign(x − target), 0 where they are equal.
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 *
 * @example
 * l1Loss(tensor([1, 2]), tensor([1, 4])).item(); // 1
 *
 * @throws ShapeError unless x and target have the same shape.
 */
export function l1Loss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("l1Loss", options, LOSS_OPTIONS);
  return elementwise("l1", "l1Loss", x, target, { reduction: options.reduction });
}

/** Options of `huberLoss`. */
export interface HuberOptions extends LossOptions {
  /** δ: from here on the loss is straight. Default 1. */
  delta?: number;
}

const HUBER_OPTIONS: OptionNames<HuberOptions> = { ...LOSS_OPTIONS, delta: true };

/**
 * With d = x − target, ℓ = ½d² where |d| ≤ δ, else δ·(|d| − ½δ) (Huber 1964, "Robust Estimation of a Location Parameter"): outliers
 * pull no harder than δ. ∂ℓ/∂x = d held to [−δ, δ].
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 *
 * @example
 * const [x, target] = [tensor([0.5, 3]), zeros([2])];
 * huberLoss(x, target, { reduction: "none" }).toArray(); // [0.125, 2.5]
 *
 * @throws ShapeError unless x and target have the same shape; ValueError unless δ is above 0.
 */
export function huberLoss(x: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  checkLossOptions("huberLoss", options, HUBER_OPTIONS);
  const { delta = 1, reduction } = options;
  checkAboveZero("huberLoss", "delta", delta);
  return elementwise("huber", "huberLoss", x, target, { reduction, p: delta });
}

/** Options of `smoothL1Loss`. */
export interface SmoothL1Options extends LossOptions {
  /** β: below it the loss is a parabola. 0 makes it `l1Loss`. Default 1. */
  beta?: number;
}

const SMOOTH_L1_OPTIONS: OptionNames<SmoothL1Options> = { ...LOSS_OPTIONS, beta: true };

/**
 * With d = x − target, ℓ = ½d²/β where |d| < β, else |d| − ½β: Huber's loss with δ = β, divided by β (Girshick 2015, "Fast R-CNN",
 * eq. 3). ∂ℓ/∂x = d/β, held to [−1, 1].
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 *
 * @example
 * const [x, target] = [tensor([0.5, 3]), zeros([2])];
 * smoothL1Loss(x, target, { beta: 2, reduction: "none" }).toArray(); // [0.0625, 2]
 *
 * @throws ShapeError unless x and target have the same shape; ValueError if β is below 0.
 */
export function smoothL1Loss(x: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  checkLossOptions("smoothL1Loss", options, SMOOTH_L1_OPTIONS);
  const { beta = 1, reduction } = options;
  checkBetween("smoothL1Loss", "beta", beta, 0);
  return elementwise("smoothL1", "smoothL1Loss", x, target, { reduction, p: beta });
}

/** Options of `klDivLoss`. */
export interface KlDivOptions {
  /** How the losses are reduced; "batchMean" is the sum divided by the length of axis 0, the divergence per example. Default "mean". */
  reduction?: Reduction | "batchMean";
  /** Whether the target holds logarithms of probabilities, as x does. Default false. */
  logTarget?: boolean;
}

const KL_DIV_OPTIONS: OptionNames<KlDivOptions> = { reduction: true, logTarget: true };

/**
 * ℓ = t·(ln t − x) per element, x being logarithms of probabilities (`logSoftmax`): the summands of the Kullback–Leibler divergence
 * KL(target ‖ eˣ). Where t = 0, ℓ = 0. ∂ℓ/∂x = −t. With `logTarget`, ℓ = eᵗ·(t − x).
 *
 * @returns `[]`, or the shape of x with `reduction: "none"`.
 *
 * @example
 * const p = tensor([[0.5, 0.5]]);
 * klDivLoss(log(p), p, { reduction: "sum" }).item(); // 0.0000
 * klDivLoss(log(tensor([[0.9, 0.1]])), p, { reduction: "sum" }).item(); // 0.5108
 *
 * @throws ShapeError unless x and target have the same shape.
 */
export function klDivLoss(x: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  checkOptions("klDivLoss", options, KL_DIV_OPTIONS);
  const { reduction = "mean", logTarget = false } = options;
  checkOneOf("klDivLoss", "reduction", reduction, [...REDUCTIONS, "batchMean"]);
  checkBoolean("klDivLoss", "logTarget", logTarget);
  return elementwise(logTarget ? "klLog" : "kl", "klDivLoss", x, target, { reduction });
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
 *
 * @example
 * const logits = tensor([0, 2]); // σ(0) = 0.5, σ(2) = 0.88
 * bceWithLogits(logits, tensor([1, 1]), { reduction: "none" }).toArray(); // [0.6931, 0.1269]
 *
 * @throws ShapeError unless logits and target have the same shape, to which weight and posWeight must broadcast.
 */
export function bceWithLogits(logits: Tensor, target: Tensor, options: BceOptions = {}): Tensor {
  checkLossOptions("bceWithLogits", options, BCE_OPTIONS);
  const { weight, posWeight, reduction = "mean" } = options;
  checkTensors("bceWithLogits", { logits, target }, { weight, posWeight });
  const stretchedTo = (name: string, t: Tensor | undefined): Values | null => (t ? stretched(name, t, logits) : null);
  const [w, positive] = [stretchedTo("weight", weight), stretchedTo("posWeight", posWeight)];
  return elementwise("bce", "bceWithLogits", logits, target, { reduction, weight: w, positive });
}

interface ElementwiseOptions {
  readonly reduction?: Reduction | "batchMean" | undefined;
  readonly weight?: Values | null;
  readonly positive?: Values | null;
  /** The loss's own parameter. */
  readonly p?: number;
}

/** A loss of each element of x against its own target. */
function elementwise(
  kind: ElementLoss,
  op: string,
  x: Tensor,
  target: Tensor,
  { reduction = "mean", weight = null, positive = null, p }: ElementwiseOptions,
): Tensor {
  checkTensors(op, { x, target });
  checkTarget(op, x.shape, target.shape);
  const divisors = { none: null, sum: 1, mean: x.size, batchMean: x.shape[0] ?? 1 };
  const count = divisors[reduction];
  const y = empty(reduction === "none" ? x.shape : [], x);
  kernels.elementLoss(kind, valuesOf(x), valuesOf(target), weight, positive, count, valuesOf(y), p);
  return record(
    op,
    y,
    [x, target],
    (gy, [needX, needTarget]) => {
      const gx = needX ? allocate(x.size, gy) : null;
      const gt = needTarget ? allocate(x.size, gy) : null;
      kernels.elementLossGradient(kind, gy, valuesOf(x), valuesOf(target), weight, positive, count, gx, gt, p);
      return [gx, gt];
    },
    [x, target],
  );
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
