/**
 * `Kernels`: all computation on raw numbers, as one interface.
 *
 * A kernel is a loop over typed arrays. It knows nothing about graphs, and it trusts its arguments: the geometry
 * functions have checked them. Every kernel writes all of its output (marked →) and reads nothing from it, unless the
 * description says that it adds. The plain TypeScript tier (plain/) implements the interface for reading, for testing
 * and for places without WebAssembly; a faster tier implements the same functions.
 *
 * Operations call `kernels.conv2d(…)`: a live binding (tier.ts) that `useKernels` switches.
 */

import type { AxisGeometry } from "./geometry/axis.ts";
import type { BroadcastGeometry } from "./geometry/broadcast.ts";
import type { ConvGeometry } from "./geometry/conv.ts";
import type { CopyGeometry } from "./geometry/copy.ts";
import type { ResampleGeometry } from "./geometry/interpolate.ts";
import type { GemmGeometry } from "./geometry/matmul.ts";
import type { NormGeometry } from "./geometry/norm.ts";
import type { PoolGeometry } from "./geometry/pool.ts";
import type { ReduceGeometry } from "./geometry/reduce.ts";
import type { Floats, Pool, Values } from "./memory.ts";

/** 1 where a is equal to b, not equal, less, less or equal; else 0. With NaN only `ne` is 1. */
export type Comparison = "eq" | "ne" | "lt" | "le";

/** `keep` is a where b ≠ 0, else 0; `drop` is 0 where b ≠ 0, else a. */
export type BinaryOp = ("add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum") | Comparison | ("keep" | "drop");

/** Parameters p, q: leakyRelu slope; elu alpha; clamp low, high; softplus beta, threshold; rsqrt 1/√(x + p). */
export type UnaryOp =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "round"
  | "floor"
  | "ceil"
  | "relu"
  | "leakyRelu"
  | "sigmoid"
  | "tanh"
  | "silu"
  | "hardswish"
  | "selu"
  | "elu"
  | "gelu"
  | "geluTanh"
  | "softplus"
  | "clamp"
  | "rsqrt";

/** Losses of d = x − t: d², |d|, and with a parameter p two that are a parabola near 0 and straight elsewhere. */
export type DifferenceLoss = "mse" | "l1" | "huber" | "smoothL1";

/** The losses of single elements: those of differences, the binary cross entropy of σ(x) and t, t·(ln t − x), eᵗ·(t − x). */
export type ElementLoss = DifferenceLoss | "bce" | "kl" | "klLog";

export type ReduceOp = "sum" | "mean" | "prod" | "max" | "min" | "logsumexp";

/** How labels become the mass of each class. */
export interface LabelTarget {
  readonly ignoreIndex: number;
  /** ε of label smoothing. */
  readonly smoothing: number;
}

export interface SgdStep {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  /** Ascend: the gradient counts with the opposite sign, before weight decay. */
  readonly maximize: boolean;
  /** The first step of this parameter: the momentum buffer starts as the gradient itself, undampened. */
  readonly first: boolean;
}

export interface AdamStep {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** AdamW: decay the weights themselves instead of adding to the gradient. */
  readonly decoupled: boolean;
  readonly maximize: boolean;
  /** Number of this step, from 1. */
  readonly step: number;
}

export interface RmspropStep {
  readonly lr: number;
  readonly alpha: number;
  readonly eps: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly maximize: boolean;
}

/** How a·b + c is rounded in float32: once ("fused"), or after the product, too ("separate"). */
export type Arithmetic = "fused" | "separate";

/** Which kernels compute: what `tierInUse` returns, and `useKernels` takes back. */
export interface TierInUse {
  /** "simd" or "plain"; "auto" until the first kernel has chosen. */
  readonly name: string;
  /**
   * Depends on the platform for the SIMD tier, whose results fall into two groups by it, bit for bit (docs/simd.md); the plain
   * tier never fuses.
   */
  readonly arithmetic: Arithmetic;
}

/** How a kernel computed. */
export interface Told {
  readonly tier: "simd" | "plain";
  /** A convolution's: `winograd4`, `direct`, …; else null. */
  readonly algorithm: string | null;
  /** Why the plain tier computed instead of the SIMD tier; null where it did not. */
  readonly why: string | null;
}

/** What x is normalised by: one number of each for every group. A null weight is 1, a null bias 0. */
export interface PerGroup<A = Values> {
  readonly mean: A;
  /** 1 / √(variance + eps). */
  readonly rstd: A;
  readonly weight: A | null;
  readonly bias: A | null;
}

/** Where the gradients of a normalisation go; null where nobody asks. */
export interface NormGradients<A = Values> {
  readonly x: A | null;
  readonly weight: A | null;
  readonly bias: A | null;
}

/**
 * `A` is the type of an array: `Values` for operations, which cannot look inside; `Floats` for a tier that computes on
 * typed arrays.
 */
export interface Kernels<A = Values> extends TierInUse {
  /** Memory that the kernels read without a copy, if they have any. */
  readonly pool?: Pool;
  /** How the last call of this kernel was computed; ask right after it. Undefined: always in the plain tier. */
  readonly told?: (kernel: string) => Told;
  /** Resolves when everything these kernels have needed so far is compiled. Undefined: nothing needs compiling. */
  readonly ready?: () => Promise<void>;

  // Element by element (plain/elementwise.ts, plain/unary.ts)
  /** y → a ∘ b under broadcasting. */
  binary(op: BinaryOp, a: A, b: A, y: A, g: BroadcastGeometry): void;
  /** y → a where c ≠ 0, else b. Each of c, a and b is as long as y, or one number for all. */
  where(c: A, a: A, b: A, y: A): void;
  /** y → f(x). */
  unary(op: UnaryOp, x: A, y: A, p?: number, q?: number): void;
  /** gx → gy · f′(x), where y = f(x). */
  unaryGradient(op: UnaryOp, gy: A, x: A, y: A, gx: A, p?: number, q?: number): void;
  /** ga, gb → gy · ∂(a ∘ b)/∂a, ∂b where not null, for arrays of one length and operations whose derivative reads a, b. */
  binaryGradient(op: "pow" | "maximum" | "minimum", gy: A, a: A, b: A, y: A, ga: A | null, gb: A | null): void;
  /** Adds alpha · x to y. */
  addScaled(alpha: number, x: A, y: A): void;

  // Moving elements (plain/shape.ts)
  /** y → value, in every element. */
  fill(y: A, value: number): void;
  /** y → numbers from outside: drawn at random, or given. */
  put(numbers: ArrayLike<number>, y: A): void;
  /** Writes only the elements of y that `g` reaches. */
  copyStrided(x: A, y: A, g: CopyGeometry): void;
  /** y → x[…, index[j], …] along the middle axis of x `[outer, length, inner]`; y is `[outer, index.length, inner]`. */
  indexSelect(x: A, index: Int32Array, y: A, g: AxisGeometry): void;
  /** Adds gy to the elements of gx that indexSelect took them from. */
  indexAdd(gy: A, index: Int32Array, gx: A, g: AxisGeometry): void;

  // Reductions (plain/reduce.ts); sums and products are accumulated in float64
  reduce(op: ReduceOp, x: A, y: A, g: ReduceGeometry): void;
  /** y → Σ (x − x̄)² / divisor, or its root, with x̄ the mean of the same elements: two passes, rounded once. */
  variance(x: A, y: A, g: ReduceGeometry, divisor: number, root: boolean): void;
  /** gx → gy·∂y/∂x of `variance`; 0 where the root is 0. */
  varianceGradient(gy: A, x: A, gx: A, g: ReduceGeometry, divisor: number, root: boolean): void;
  /** gx → gy times the product of the other elements: ∂y/∂x of the product, zeros or not. */
  prodGradient(gy: A, x: A, gx: A, g: ReduceGeometry): void;
  /** y → position of the first maximum, counted in row-major order among the reduced elements. */
  argmax(x: A, y: Int32Array, g: ReduceGeometry): void;
  /** The same of the first minimum. */
  argmin(x: A, y: Int32Array, g: ReduceGeometry): void;

  // Along one axis (plain/cumulative.ts)
  /** y → the sums of x up to each element, or from each element on if `reverse`; accumulated in float64. */
  cumsum(x: A, y: A, g: AxisGeometry, reverse: boolean): void;
  /** indices `[outer, k, inner]` → positions of the k largest or smallest numbers of each line, sorted (plain/top-k.ts). */
  topK(x: A, indices: Int32Array, k: number, largest: boolean, g: AxisGeometry): void;

  // Matrix product (plain/matmul.ts)
  /** c → op(a)·op(b), or adds it where `g.accumulate`. */
  gemm(a: A, b: A, c: A, g: GemmGeometry): void;

  // Convolution (plain/im2col.ts, plain/conv.ts)
  /**
   * columns `[C·kh·kw, L]` → every patch of one image x `[C, H, W]` as a column; zeros where it extends past the edge.
   */
  im2col(x: A, columns: A, g: ConvGeometry): void;
  /** The adjoint of im2col: adds every number in the columns to the pixel of x it came from. */
  col2im(columns: A, x: A, g: ConvGeometry): void;
  /** y → w ⋆ x + b, + add where not null, and max 0 if `relu`. Default: null, false. */
  conv2d(x: A, w: A, b: A | null, y: A, g: ConvGeometry, add?: A | null, relu?: boolean): void;
  /** gx → ∂L/∂x from gy = ∂L/∂y. */
  conv2dInputGradient(gy: A, w: A, gx: A, g: ConvGeometry): void;
  /** gw → ∂L/∂w from gy = ∂L/∂y. */
  conv2dWeightGradient(gy: A, x: A, gw: A, g: ConvGeometry): void;

  // Pooling (plain/pool.ts)
  /** y → the maximum of each window; indices → where in its plane it was, the first in row-major order. NaN wins. */
  maxPool2d(x: A, y: A, indices: Int32Array, g: PoolGeometry): void;
  maxPool2dGradient(gy: A, indices: Int32Array, gx: A, g: PoolGeometry): void;
  avgPool2d(x: A, y: A, g: PoolGeometry): void;
  avgPool2dGradient(gy: A, gx: A, g: PoolGeometry): void;

  // Resizing (plain/resample.ts)
  /** y → weighted sums of neighbouring pixels. Its own gradient, with `transposed` geometry. */
  resample(x: A, y: A, g: ResampleGeometry): void;

  // Normalisation (plain/norm.ts)
  /** mean, variance (biased) → per group, both accumulated in float64. */
  moments(x: A, mean: A, variance: A, g: NormGeometry): void;
  /** y → (x − mean)·rstd·weight + bias, + add where not null, and max 0 if `relu`. */
  normalize(x: A, by: PerGroup<A>, add: A | null, relu: boolean, y: A, g: NormGeometry): void;
  /**
   * Gradients of `normalize` where mean and rstd are the moments of x itself: gBias = Σ gy, gWeight = Σ gy·x̂,
   * gx = weight·rstd·(gy − gBias/n − x̂·gWeight/n), n = outer·inner.
   */
  normalizeGradient(gy: A, x: A, by: PerGroup<A>, to: NormGradients<A>, g: NormGeometry): void;
  /** gz → gy where z > 0, else 0 (the gradient before z = max(0, …)), and the gradients of `normalize` for gz as gy. */
  normalizeReluGradient(gy: A, z: A, x: A, by: PerGroup<A>, gz: A, to: NormGradients<A>, g: NormGeometry): void;

  // Softmax family (plain/softmax.ts)
  softmax(x: A, y: A, g: AxisGeometry): void;
  logSoftmax(x: A, y: A, g: AxisGeometry): void;
  /** gx → y·(gy − Σ gy·y). */
  softmaxGradient(gy: A, y: A, gx: A, g: AxisGeometry): void;
  /** gx → gy − exp(y)·Σ gy. */
  logSoftmaxGradient(gy: A, y: A, gx: A, g: AxisGeometry): void;

  // Losses (plain/losses.ts)
  /**
   * q → the mass of each class of each sample: weight·((1 − smoothing)·[c is the label] + smoothing/C), 0 where the
   * label is `ignoreIndex`. total → the sum of the labels' weights, one number.
   */
  labelMass(labels: ArrayLike<number>, weight: A | null, q: A, total: A, how: LabelTarget, g: AxisGeometry): void;
  /** q → weight·((1 − smoothing)·target + smoothing/C). */
  targetMass(target: A, weight: A | null, q: A, smoothing: number, g: AxisGeometry): void;
  /**
   * y → −Σ_c q_c·logp_c per sample, 0·∞ being 0; or, if y is one number and `total` not null, the sum over the samples /
   * total. Added up in float64, rounded once.
   */
  crossSum(logp: A, q: A, total: A | null, y: A, g: AxisGeometry): void;
  /** gx → −gy·q, gy one number per sample or one / total for all; 0 where q is 0, whatever gy. */
  crossSumGradient(gy: A, q: A, total: A | null, gx: A, g: AxisGeometry): void;
  /** y → the losses of all elements, or (y is one number and `count` not null) their sum / count. Null weights are 1. */
  elementLoss(
    op: ElementLoss,
    x: A,
    t: A,
    weight: A | null,
    positive: A | null,
    count: number | null,
    y: A,
    p?: number,
  ): void;
  /** gx, gt → the gradients of elementLoss where not null. */
  elementLossGradient(
    op: ElementLoss,
    gy: A,
    x: A,
    t: A,
    weight: A | null,
    positive: A | null,
    count: number | null,
    gx: A | null,
    gt: A | null,
    p?: number,
  ): void;

  // Updates in place (plain/update.ts)
  /** running: (1 − momentum)·running + momentum·scale·batch. */
  runningAverage(running: A, batch: A, momentum: number, scale: number): void;
  /** w, v: one step of stochastic gradient descent as PyTorch defines it. v may be null where momentum is 0. */
  sgd(w: A, gw: A, v: A | null, step: SgdStep): void;
  /**
   * w, m, v: one step of Adam (Kingma & Ba 2015, Algorithm 1) or AdamW (Loshchilov & Hutter 2019, Algorithm 2). With `peak`, the
   * largest v so far, AMSGrad (Reddi et al. 2018).
   */
  adam(w: A, gw: A, m: A, v: A, peak: A | null, step: AdamStep): void;
  /** w, s, m, v: one step of RMSprop as PyTorch defines it. m is null unless it is centred, v where momentum is 0. */
  rmsprop(w: A, gw: A, s: A, m: A | null, v: A | null, step: RmspropStep): void;
}

/** The kernels of a tier that works on typed arrays, as both tiers of this library do. */
export type ArrayKernels = Kernels<Floats>;
