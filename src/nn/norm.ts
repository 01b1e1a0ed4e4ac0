/** Normalisation layers: batch, layer and group norm. Formulas: src/autograd/norm.ts. */
import { batchNorm, groupNorm, layerNorm } from "../autograd/norm.ts";
import { checkBetween, checkBoolean, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ones, zeros } from "../tensor/create.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { peek, type Tensor } from "../tensor/tensor.ts";
import { buffer, parameterOf } from "./marks.ts";
import { Module } from "./module.ts";

/** Options of `BatchNorm1d` and `BatchNorm2d`. */
export interface BatchNorm2dLayerOptions {
  /** running ← (1 − momentum)·running + momentum·batch. Null: the plain average over all batches. Default 0.1. */
  momentum?: number | null;
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Whether each channel has a scale and a shift. Default true. */
  affine?: boolean;
  /** Whether to keep running statistics; without them evaluation also uses the batch's own. Default true. */
  trackRunningStats?: boolean;
}

const BATCH_NORM_OPTIONS: OptionNames<BatchNorm2dLayerOptions> = {
  momentum: true,
  eps: true,
  affine: true,
  trackRunningStats: true,
};

/**
 * What `BatchNorm1d` and `BatchNorm2d` share (Ioffe & Szegedy 2015).
 *
 * In training they normalise with the batch's mean and biased variance, and move the running mean and (unbiased)
 * variance, outside the graph. In evaluation they normalise with the running statistics. Parameters: weight `[C]` = 1,
 * bias `[C]` = 0. Buffers: runningMean `[C]`, runningVar `[C]`, numBatchesTracked `[]`.
 *
 * @example
 * const network = cifarResNet(8, { width: 4, rng });
 * network.namedModules().filter(([, part]) => part instanceof BatchNorm).length; // 7
 */
export abstract class BatchNorm extends Module {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly runningMean: Tensor | null;
  readonly runningVar: Tensor | null;
  readonly numBatchesTracked: Tensor | null;
  readonly channels: number;
  readonly momentum: number | null;
  readonly eps: number;

  constructor(who: string, channels: number, options: BatchNorm2dLayerOptions) {
    super();
    checkWhole(who, "channels", channels);
    checkOptions(who, options, BATCH_NORM_OPTIONS);
    const { momentum = 0.1, eps = 1e-5, affine = true, trackRunningStats = true } = options;
    if (momentum !== null) checkBetween(who, "momentum", momentum, 0, 1);
    checkBetween(who, "eps", eps, 0);
    checkBoolean(who, "affine", affine);
    checkBoolean(who, "trackRunningStats", trackRunningStats);
    this.weight = affine ? parameterOf(this, ones([channels])) : null;
    this.bias = affine ? parameterOf(this, zeros([channels])) : null;
    this.runningMean = trackRunningStats ? buffer(zeros([channels])) : null;
    this.runningVar = trackRunningStats ? buffer(ones([channels])) : null;
    this.numBatchesTracked = trackRunningStats ? buffer(zeros([])) : null;
    this.channels = channels;
    this.momentum = momentum;
    this.eps = eps;
  }

  /** @throws ShapeError unless the layer is for tensors like x. */
  abstract checkShape(x: Tensor): void;

  forward(x: Tensor): Tensor {
    this.checkShape(x);
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (!runningMean || !runningVar || !numBatchesTracked) {
      return batchNorm(x, this.weight, this.bias, { training: true, eps: this.eps });
    }
    const batches = numBatchesTracked.item() + 1;
    const y = batchNorm(x, this.weight, this.bias, {
      runningMean,
      runningVar,
      training: this.training,
      momentum: this.momentum ?? 1 / batches,
      eps: this.eps,
    });
    if (this.training) numBatchesTracked.assign([batches]);
    return y;
  }

  /**
   * The effect of evaluation on each channel, y = scale·x + shift: scale = γ/√(σ² + ε), shift = β − μ·scale. Null
   * without running statistics.
   */
  affineInEvaluation(): { scale: number[]; shift: number[] } | null {
    const { weight, bias, runningMean, runningVar } = this;
    if (!runningMean || !runningVar) return null;
    const [w, b] = [weight && peek(weight), bias && peek(bias)];
    const scale = Array.from(peek(runningVar), (v, c) => (w ? w[c] : 1) / Math.sqrt(v + this.eps));
    const shift = Array.from(peek(runningMean), (mean, c) => (b ? b[c] : 0) - mean * scale[c]);
    return { scale, shift };
  }

  override describe(): string {
    return `${this.channels}`;
  }
}

/**
 * Batch norm of images `[N, C, H, W]`, per channel.
 *
 * @example
 * const norm = new BatchNorm2d(16);
 * norm.forward(randn([8, 16, 4, 4], rng)).shape; // [8, 16, 4, 4]
 * norm.eval(); // from now on: with the running statistics
 *
 * @throws ValueError or UsageError for an invalid number of channels, or an option that does not exist or is out of
 * range; in `forward`, ShapeError if x is not `[N, C, H, W]`, or in training has only one value per channel.
 */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options: BatchNorm2dLayerOptions = {}) {
    super("BatchNorm2d", channels, options);
  }

  override checkShape(x: Tensor): void {
    checkTensor("BatchNorm2d", "x", x);
    if (x.rank === 4 && x.shape[1] === this.channels) return;
    throw new ShapeError(`BatchNorm2d: x must be [N, ${this.channels}, H, W], got ${formatShape(x.shape)}`);
  }
}

/**
 * Batch norm of features `[N, C]` or lines `[N, C, L]`, per channel, as `BatchNorm2d` of images.
 *
 * @example
 * const norm = new BatchNorm1d(2);
 * norm.forward(tensor([[1, 10], [3, 30]])).toArray(); // [[-1.0, -1.0], [1.0, 1.0]]
 * norm.runningMean?.toArray(); // [0.2, 2]
 */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options: BatchNorm2dLayerOptions = {}) {
    super("BatchNorm1d", channels, options);
  }

  override checkShape(x: Tensor): void {
    checkTensor("BatchNorm1d", "x", x);
    if ((x.rank === 2 || x.rank === 3) && x.shape[1] === this.channels) return;
    const C = this.channels;
    throw new ShapeError(`BatchNorm1d: x must be [N, ${C}] or [N, ${C}, L], got ${formatShape(x.shape)}`);
  }
}

/** Options of `LayerNorm` and `GroupNorm`. */
export interface AffineLayerOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Whether each element (layer norm) or channel (group norm) has a scale and a shift. Default true. */
  affine?: boolean;
}

const AFFINE_OPTIONS: OptionNames<AffineLayerOptions> = { eps: true, affine: true };

/**
 * Layer norm over the last axes, whose lengths are `normalizedShape` (Ba, Kiros & Hinton 2016).
 *
 * @example
 * new LayerNorm(2).forward(tensor([[1, 3], [10, 30]])).toArray(); // [[-1.0, 1.0], [-1.0, 1.0]]
 */
export class LayerNorm extends Module {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: AffineLayerOptions = {}) {
    super();
    const shape = Array.isArray(normalizedShape) ? [...normalizedShape] : [normalizedShape];
    for (const length of shape) checkWhole("LayerNorm", "an axis length of normalizedShape", length);
    const { eps, affine } = affineOptions("LayerNorm", options);
    this.weight = affine ? parameterOf(this, ones(shape)) : null;
    this.bias = affine ? parameterOf(this, zeros(shape)) : null;
    this.normalizedShape = shape;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this.weight, this.bias, { eps: this.eps });
  }

  override describe(): string {
    return formatShape(this.normalizedShape);
  }
}

/**
 * Group norm of `[N, C, …]`: normalises each of `groups` groups of an image's channels together (Wu & He 2018).
 *
 * @example
 * new GroupNorm(2, 4).forward(tensor([[1, 3, 10, 30]])).toArray(); // [[-1.0, 1.0, -1.0, 1.0]]
 */
export class GroupNorm extends Module {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;

  /** @throws ValueError if the channels do not divide into the groups. */
  constructor(groups: number, channels: number, options: AffineLayerOptions = {}) {
    super();
    checkWhole("GroupNorm", "groups", groups);
    checkWhole("GroupNorm", "channels", channels);
    const { eps, affine } = affineOptions("GroupNorm", options);
    if (channels % groups !== 0) {
      throw new ValueError(`GroupNorm: ${channels} channels do not divide into ${groups} groups`);
    }
    this.weight = affine ? parameterOf(this, ones([channels])) : null;
    this.bias = affine ? parameterOf(this, zeros([channels])) : null;
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    checkTensor("GroupNorm", "x", x);
    if (x.shape[1] !== this.channels) {
      throw new ShapeError(`GroupNorm: x must be [N, ${this.channels}, …], got ${formatShape(x.shape)}`);
    }
    return groupNorm(x, this.groups, this.weight, this.bias, { eps: this.eps });
  }

  override describe(): string {
    return `${this.groups} groups of ${this.channels / this.groups}`;
  }
}

function affineOptions(who: string, options: AffineLayerOptions): Required<AffineLayerOptions> {
  checkOptions(who, options, AFFINE_OPTIONS);
  const { eps = 1e-5, affine = true } = options;
  checkBetween(who, "eps", eps, 0);
  checkBoolean(who, "affine", affine);
  return { eps, affine };
}
