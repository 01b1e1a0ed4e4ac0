/**
 * Normalisation: x̂ = (x − mean) / √(variance + eps), then y = weight·x̂ + bias.
 *
 * The variants differ in whose mean: batch norm's is a channel's over the batch (Ioffe & Szegedy 2015), layer norm's an
 * example's over its features (Ba, Kiros & Hinton 2016), group norm's an example's over a group of channels (Wu & He 2018),
 * instance norm's over each channel (Ulyanov, Vedaldi & Lempitsky 2016).
 *
 * The derivative they share, with n elements per group, rstd = 1/√(variance + eps) and upstream gx̂ = ∂L/∂x̂. The mean and
 * the variance depend on every x of the group, so each x_i acts on every x̂_j, by three paths:
 *
 *   ∂x̂_j/∂x_i = rstd·(δ_ij − 1/n − x̂_i x̂_j / n)                 directly, through the mean, through the variance
 *   gx_i = rstd·(gx̂_i − Σ_j gx̂_j / n − x̂_i Σ_j gx̂_j x̂_j / n)     summed over j
 *
 * `kernels.normalizeGradient` computes it in two passes.
 */
import { checkBetween, checkBoolean, checkObject } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensors } from "../tensor/check-tensor.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import {
  type AffineNormGeometry,
  batchNormGeometry,
  groupNormGeometry,
  layerNormGeometry,
} from "../tensor/geometry/norm.ts";
import type { BinaryOp } from "../tensor/kernels.ts";
import { allocate, currentStep, type Values } from "../tensor/memory.ts";
import type { Rule } from "../tensor/node.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { computed, type Tensor, valuesOf, valuesToChange } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { copyOf, unbroadcast } from "./arrays.ts";
import type { Operation } from "./attributes.ts";
import { record } from "./graph.ts";
import { Normalization, Normalized } from "./normalized.ts";

/** Options of `layerNorm`, `groupNorm` and `instanceNorm`. */
export interface NormOptions {
  /** Added to the variance, so that a constant group does not divide by zero. Default 1e-5. */
  eps?: number;
}

const NORM_OPTIONS: OptionNames<NormOptions> = { eps: true };

/** Options of `batchNorm`. */
export interface BatchNormOptions extends NormOptions {
  /** Normalise with the batch's own statistics (and update the running ones), or with the running ones. */
  training: boolean;
  /** `[C]`. In training, updated in place: running = (1 − momentum)·running + momentum·batch. */
  runningMean?: Tensor | null;
  /** `[C]`. Updated with the unbiased variance, while x is normalised with the biased one. */
  runningVar?: Tensor | null;
  /** Share of the new batch in the running statistics. Default 0.1. */
  momentum?: number;
}

const BATCH_NORM_OPTIONS: OptionNames<BatchNormOptions> = {
  ...NORM_OPTIONS,
  training: true,
  runningMean: true,
  runningVar: true,
  momentum: true,
};

/**
 * y = weight·(x − mean)/√(variance + eps) + bias, per channel of x `[N, C]` or `[N, C, …]`.
 *
 * In training, mean and (biased) variance are those of the n = N·H·W values of the channel, and the running statistics
 * are updated outside the graph. Otherwise they are the running ones, which are constants.
 *
 * @param weight `[C]`, or null for 1.
 * @param bias `[C]`, or null for 0.
 *
 * @example
 * const x = tensor([[1, 10], [3, 30]]); // two features of two examples
 * batchNorm(x, null, null, { training: true }).toArray(); // [[-1.0, -1.0], [1.0, 1.0]]
 *
 * @throws ShapeError for a rank below 2, tensors that are not `[C]`, and one value per channel in training. ValueError
 * for running statistics of which one is missing, or both outside training.
 */
export function batchNorm(x: Tensor, weight: Tensor | null, bias: Tensor | null, options: BatchNormOptions): Tensor {
  // Plain JavaScript leaves them out with undefined, as layerNorm lets it.
  weight ??= null;
  bias ??= null;
  checkOptions("batchNorm", options, BATCH_NORM_OPTIONS);
  checkObject("batchNorm", "options", options);
  const { training, runningMean = null, runningVar = null, momentum = 0.1, eps = 1e-5 } = options;
  checkTensors("batchNorm", { x }, { weight, bias, runningMean, runningVar });
  checkBetween("batchNorm", "momentum", momentum, 0, 1);
  checkBetween("batchNorm", "eps", eps, 0);
  checkBoolean("batchNorm", "training", training);
  const g = batchNormGeometry(
    "batchNorm",
    x.shape,
    { weight: weight?.shape, bias: bias?.shape, runningMean: runningMean?.shape, runningVar: runningVar?.shape },
    training,
  );
  if ((runningMean === null) !== (runningVar === null) || (!training && runningMean === null)) {
    throw new ValueError(
      `batchNorm: ${training ? "needs both of runningMean and runningVar, or neither" : "needs runningMean and runningVar outside training"}`,
    );
  }
  let mean: Values;
  let variance: Values;
  if (training) {
    mean = allocate(g.groups, valuesOf(x));
    variance = allocate(g.groups, valuesOf(x));
    kernels.moments(valuesOf(x), mean, variance, g);
    if (runningMean && runningVar) {
      const n = g.outer * g.inner;
      kernels.runningAverage(valuesToChange(runningMean), mean, momentum, 1);
      kernels.runningAverage(valuesToChange(runningVar), variance, momentum, n / (n - 1));
    }
  } else {
    // Copies: a training step between this forward pass and its backward pass would change the originals.
    mean = copyOf(valuesOf(runningMean!));
    variance = copyOf(valuesOf(runningVar!));
  }
  const rstd = reciprocalDeviation(variance, eps);
  const norm = new Normalization({ x, weight, bias, mean, rstd, training, g });
  const waiting = new Normalized(norm);
  const y = computed(currentStep() ? waiting : waiting.compute(), x.shape);
  const operation = ["batchNorm", { training, weight, bias, runningMean, runningVar, eps }] as const;
  const rule: Rule = (gy) => {
    const gradients = norm.gradients(gy);
    return [gradients.x, ...(weight ? [gradients.weight] : []), ...(bias ? [gradients.bias] : [])];
  };
  return record(operation, y, present(x, weight, bias), rule, present(x, weight, null), [mean, rstd]);
}

/**
 * y = weight·(x − mean)/√(variance + eps) + bias, mean and biased variance over the last axes of x, those of
 * `normalizedShape`: for each example, whatever the batch.
 *
 * @param weight in `normalizedShape`, or null for 1.
 * @param bias in `normalizedShape`, or null for 0.
 *
 * @example
 * layerNorm(tensor([[1, 3], [10, 30]]), [2]).toArray(); // [[-1.0, 1.0], [-1.0, 1.0]]
 *
 * @throws ShapeError unless x ends in `normalizedShape`, and weight and bias have it.
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: NormOptions = {},
): Tensor {
  const eps = checkedEps("layerNorm", x, weight, bias, options);
  const g = layerNormGeometry("layerNorm", x.shape, normalizedShape, { weight: weight?.shape, bias: bias?.shape });
  return perExample(["layerNorm", { normalizedShape, weight, bias, eps }], x, g);
}

/**
 * y = weight·(x − mean)/√(variance + eps) + bias, mean and biased variance over one image's group of C/G neighbouring
 * channels of x `[N, C, …]`. One group is a layer norm over `[C, …]`, C groups an instance norm.
 *
 * @param groups G.
 * @param weight `[C]`, or null for 1.
 * @param bias `[C]`, or null for 0.
 *
 * @example
 * const x = tensor([[1, 3, 10, 30]]); // one example of four channels
 * groupNorm(x, 2).toArray(); // [[-1.0, 1.0, -1.0, 1.0]]
 *
 * @throws ShapeError for a rank below 2, unless G divides C, and for weight or bias that are not `[C]`.
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: NormOptions = {},
): Tensor {
  const eps = checkedEps("groupNorm", x, weight, bias, options);
  const g = groupNormGeometry("groupNorm", x.shape, groups, { weight: weight?.shape, bias: bias?.shape });
  return perExample(["groupNorm", { groups, weight, bias, eps }], x, g);
}

/**
 * y = weight·(x − mean)/√(variance + eps) + bias, mean and biased variance over one image's channel of x `[N, C, …]`.
 *
 * @param weight `[C]`, or null for 1.
 * @param bias `[C]`, or null for 0.
 *
 * @example
 * const x = tensor([[[1, 3], [10, 30]]]); // one example, two channels
 * instanceNorm(x).toArray(); // [[[-1.0, 1.0], [-1.0, 1.0]]]
 *
 * @throws ShapeError for a rank below 2, for images of one pixel (x̂ would be 0 for every x), and for weight or bias
 * that are not `[C]`.
 */
export function instanceNorm(
  x: Tensor,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: NormOptions = {},
): Tensor {
  const eps = checkedEps("instanceNorm", x, weight, bias, options);
  const g = groupNormGeometry("instanceNorm", x.shape, x.shape[1], { weight: weight?.shape, bias: bias?.shape });
  if (g.inner === 1) {
    throw new ShapeError(
      `instanceNorm: x must have more than one value per image and channel, got ${formatShape(x.shape)}`,
    );
  }
  return perExample(["instanceNorm", { weight, bias, eps }], x, g);
}

function checkedEps(op: string, x: Tensor, weight: Tensor | null, bias: Tensor | null, options: NormOptions): number {
  checkOptions(op, options, NORM_OPTIONS);
  checkTensors(op, { x }, { weight, bias });
  const { eps = 1e-5 } = options;
  checkBetween(op, "eps", eps, 0);
  return eps;
}

/** Layer, group and instance norm: the groups are not those of weight and bias, so x̂ is scaled by broadcasting. */
function perExample(
  operation: Extract<Operation, readonly ["layerNorm" | "groupNorm" | "instanceNorm", unknown]>,
  x: Tensor,
  g: AffineNormGeometry,
): Tensor {
  const [op, { weight, bias, eps }] = operation;
  const mean = allocate(g.groups, valuesOf(x));
  const variance = allocate(g.groups, valuesOf(x));
  kernels.moments(valuesOf(x), mean, variance, g);
  const rstd = reciprocalDeviation(variance, eps);
  const normalized = allocate(x.size, valuesOf(x));
  const by = { mean, rstd, weight: null, bias: null };
  kernels.normalize(valuesOf(x), by, null, false, normalized, g);

  const perElement = broadcastGeometry(op, x.shape, g.affineShape);
  const affine = (op: BinaryOp, p: Values, q: Values): Values => {
    const y = allocate(p.length, p);
    kernels.binary(op, p, q, y, perElement);
    return y;
  };
  const stretched = weight ? affine("mul", normalized, valuesOf(weight)) : normalized;
  const y = computed(bias ? affine("add", stretched, valuesOf(bias)) : stretched, x.shape);

  const rule: Rule = (gy, needed) => {
    const need = neededOf(needed, weight, bias);
    // weight and bias were stretched over the examples: their gradients are sums over what they were stretched along.
    const gBias = need.bias ? unbroadcast(gy, x.shape, g.affineShape) : null;
    let gWeight: Values | null = null;
    if (need.weight) {
      const product = allocate(gy.length, gy);
      kernels.binary("mul", gy, normalized, product, broadcastGeometry(op, x.shape, x.shape));
      gWeight = unbroadcast(product, x.shape, g.affineShape);
    }
    let gx: Values | null = null;
    if (need.x) {
      // gx̂ = weight·gy, then the derivative at the top of this file.
      const gNormalized = weight ? affine("mul", gy, valuesOf(weight)) : gy;
      gx = allocate(x.size, gy);
      kernels.normalizeGradient(gNormalized, valuesOf(x), by, { x: gx, weight: null, bias: null }, g);
    }
    return [gx, ...(weight ? [gWeight] : []), ...(bias ? [gBias] : [])];
  };
  const saved = weight ? [normalized, mean, rstd] : [mean, rstd];
  return record(operation, y, present(x, weight, bias), rule, present(x, weight, null), saved);
}

/** What `record` gets: x, then weight and bias where there are any. */
function present(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor[] {
  return [x, weight, bias].filter((t) => t !== null);
}

/** `needed` by name, in the order of `present`. */
function neededOf(
  needed: readonly boolean[],
  weight: Tensor | null,
  bias: Tensor | null,
): { x: boolean; weight: boolean; bias: boolean } {
  return { x: needed[0], weight: weight !== null && needed[1], bias: bias !== null && needed[weight ? 2 : 1] };
}

/** 1 / √(variance + eps). */
function reciprocalDeviation(variance: Values, eps: number): Values {
  const rstd = allocate(variance.length, variance);
  kernels.unary("rsqrt", variance, rstd, eps);
  return rstd;
}
