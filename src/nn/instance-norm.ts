/** Instance norm layers (Ulyanov, Vedaldi & Lempitsky 2016). Formula: src/autograd/norm.ts. */
import { noGrad } from "../autograd/graph.ts";
import { batchNorm, instanceNorm } from "../autograd/norm.ts";
import { mean, variance } from "../autograd/reduce.ts";
import { checkBetween, checkBoolean, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ones, zeros } from "../tensor/create.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { peek, type Tensor } from "../tensor/tensor.ts";
import { buffer, parameterOf } from "./marks.ts";
import { Module } from "./module.ts";

/** Options of `InstanceNorm1d` and `InstanceNorm2d`. */
export interface InstanceNormLayerOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** With running statistics: running ← (1 − momentum)·running + momentum·batch. Default 0.1. */
  momentum?: number;
  /** Whether each channel has a scale and a shift. Default false. */
  affine?: boolean;
  /** Whether to keep running statistics, with which evaluation normalises. Default false. */
  trackRunningStats?: boolean;
}

const OPTIONS: OptionNames<InstanceNormLayerOptions> = {
  eps: true,
  momentum: true,
  affine: true,
  trackRunningStats: true,
};

/**
 * What `InstanceNorm1d` and `InstanceNorm2d` share. Parameters, if `affine`: weight `[C]` = 1, bias `[C]` = 0. Buffers, if
 * `trackRunningStats`: runningMean `[C]`, runningVar `[C]`, and numBatchesTracked `[]`, which stays 0 as in PyTorch.
 *
 * @example
 * const norm: InstanceNorm = new InstanceNorm2d(16);
 * norm.channels; // 16
 * norm.rank; // 4
 */
export abstract class InstanceNorm extends Module {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly runningMean: Tensor | null;
  readonly runningVar: Tensor | null;
  readonly numBatchesTracked: Tensor | null;
  readonly channels: number;
  readonly momentum: number;
  readonly eps: number;
  /** The rank of x. */
  readonly rank: 3 | 4;

  constructor(rank: 3 | 4, channels: number, options: InstanceNormLayerOptions) {
    super();
    const name = nameOf(rank);
    checkWhole(name, "channels", channels);
    checkOptions(name, options, OPTIONS);
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false } = options;
    checkBetween(name, "eps", eps, 0);
    checkBetween(name, "momentum", momentum, 0, 1);
    checkBoolean(name, "affine", affine);
    checkBoolean(name, "trackRunningStats", trackRunningStats);
    this.weight = affine ? parameterOf(this, ones([channels])) : null;
    this.bias = affine ? parameterOf(this, zeros([channels])) : null;
    this.runningMean = trackRunningStats ? buffer(zeros([channels])) : null;
    this.runningVar = trackRunningStats ? buffer(ones([channels])) : null;
    this.numBatchesTracked = trackRunningStats ? buffer(zeros([])) : null;
    this.channels = channels;
    this.momentum = momentum;
    this.eps = eps;
    this.rank = rank;
  }

  forward(x: Tensor): Tensor {
    checkTensor(nameOf(this.rank), "x", x);
    if (x.rank !== this.rank || x.shape[1] !== this.channels) {
      const wanted = `[N, ${this.channels}, ${this.rank === 3 ? "L" : "H, W"}]`;
      throw new ShapeError(`${nameOf(this.rank)}: x must be ${wanted}, got ${formatShape(x.shape)}`);
    }
    const { weight, bias, runningMean, runningVar, eps } = this;
    if (!runningMean || !runningVar) return instanceNorm(x, weight, bias, { eps });
    if (!this.training) return batchNorm(x, weight, bias, { training: false, runningMean, runningVar, eps });
    const y = instanceNorm(x, weight, bias, { eps });
    // The averages over the batch of the images' means and unbiased variances.
    const axes = this.rank === 3 ? [2] : [2, 3];
    noGrad(() => {
      move(runningMean, mean(x, [0, ...axes]), this.momentum);
      move(runningVar, mean(variance(x, axes), 0), this.momentum);
    });
    return y;
  }

  override describe(): string {
    return `${this.channels}`;
  }
}

/** running ← (1 − momentum)·running + momentum·batch. */
function move(running: Tensor, batch: Tensor, momentum: number): void {
  const [before, now] = [peek(running), peek(batch)];
  running.assign(now.map((value, c) => (1 - momentum) * before[c] + momentum * value));
}

function nameOf(rank: 3 | 4): string {
  return rank === 3 ? "InstanceNorm1d" : "InstanceNorm2d";
}

/**
 * Instance norm of images `[N, C, H, W]`: each channel of each image by its own mean and biased variance.
 *
 * @example
 * new InstanceNorm2d(1).forward(tensor([[[[1, 3]]]])).toArray(); // [[[[-1.0, 1.0]]]]
 * new InstanceNorm2d(3, { affine: true }).parameters().length; // 2
 *
 * @throws ValueError or UsageError for an invalid number of channels, or an option that does not exist or is out of
 * range; in `forward`, ShapeError if x is not `[N, C, H, W]`, or has one pixel.
 */
export class InstanceNorm2d extends InstanceNorm {
  constructor(channels: number, options: InstanceNormLayerOptions = {}) {
    super(4, channels, options);
  }
}

/**
 * Instance norm of lines `[N, C, L]`, as `InstanceNorm2d` of images.
 *
 * @example
 * new InstanceNorm1d(2).forward(tensor([[[1, 3], [10, 30]]])).toArray(); // [[[-1.0, 1.0], [-1.0, 1.0]]]
 */
export class InstanceNorm1d extends InstanceNorm {
  constructor(channels: number, options: InstanceNormLayerOptions = {}) {
    super(3, channels, options);
  }
}
