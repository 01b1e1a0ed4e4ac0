/**
 * `Kernels`: everything that is computed on raw numbers, as one interface.
 *
 * A kernel is a loop over typed arrays. It knows nothing about graphs, and it trusts its arguments: the geometry
 * functions have checked them. Every kernel writes all of its output (marked →) and reads nothing from it, unless the
 * description says that it adds. The plain TypeScript tier (kernels/) implements the interface for reading, for testing
 * and for places without WebAssembly; a faster tier implements the same functions.
 *
 * Operations call `kernels.conv2d(…)`: a live binding that `useKernels` switches.
 */
import { UsageError } from "./errors.ts";
import type { BroadcastGeometry } from "./geometry/broadcast.ts";
import type { ConvGeometry } from "./geometry/conv.ts";
import type { CopyGeometry } from "./geometry/copy.ts";
import type { GemmGeometry } from "./geometry/gemm.ts";
import type { AxisGeometry, NormGeometry } from "./geometry/normalize.ts";
import type { PoolGeometry } from "./geometry/pool.ts";
import type { ReduceGeometry } from "./geometry/reduce.ts";
import { plainKernels } from "./kernels/index.ts";
import { type Floats, type Pool, usePool } from "./memory.ts";
import { makeSimdKernels } from "./simd/index.ts";
import { warn } from "./warn.ts";

export type BinaryOp = "add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum";

/** Parameters p, q: leakyRelu slope; clamp low, high; softplus beta, threshold. */
export type UnaryOp =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "relu"
  | "leakyRelu"
  | "sigmoid"
  | "tanh"
  | "gelu"
  | "geluTanh"
  | "softplus"
  | "clamp";

export type ReduceOp = "sum" | "mean" | "max" | "logsumexp";

export interface SgdStep {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
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
  /** Number of this step, from 1. */
  readonly step: number;
}

export type Arithmetic = "fused" | "separate";

export interface Kernels {
  readonly name: string;
  /**
   * How a·b + c is rounded in float32: once ("fused") or after the product, too ("separate"). Depends on the platform
   * for the SIMD tier, whose results fall into two groups by it, bit for bit (docs/simd.md); the plain tier never fuses.
   */
  readonly arithmetic: Arithmetic;
  /** The memory that the kernels read without a copy, where they have one of their own. */
  readonly pool?: Pool;
  /** Resolves when everything that computes by these kernels so far is compiled. Undefined: nothing needs to be. */
  readonly ready?: () => Promise<void>;

  // Element by element (kernels/elementwise.ts)
  /** y → a ∘ b under broadcasting. */
  binary(op: BinaryOp, a: Floats, b: Floats, y: Floats, g: BroadcastGeometry): void;
  /** y → f(x). */
  unary(op: UnaryOp, x: Floats, y: Floats, p?: number, q?: number): void;
  /** gx → gy · f′(x), where y = f(x). */
  unaryGradient(op: UnaryOp, gy: Floats, x: Floats, y: Floats, gx: Floats, p?: number, q?: number): void;
  /** Adds alpha · x to y. */
  addScaled(alpha: number, x: Floats, y: Floats): void;

  // Moving elements (kernels/move.ts)
  /** Writes the elements of y that `g` reaches, and no others. */
  copyStrided(x: Floats, y: Floats, g: CopyGeometry): void;
  /** y → x[…, index[j], …] along the middle axis of x `[outer, length, inner]`; y is `[outer, index.length, inner]`. */
  indexSelect(x: Floats, index: Int32Array, y: Floats, g: AxisGeometry): void;
  /** Adds gy to the elements of gx that indexSelect took them from. */
  indexAdd(gy: Floats, index: Int32Array, gx: Floats, g: AxisGeometry): void;

  // Reductions (kernels/reduce.ts); sums are accumulated in float64
  reduce(op: ReduceOp, x: Floats, y: Floats, g: ReduceGeometry): void;
  /** y → Σ (x − x̄)² / divisor, or its root, with x̄ the mean of the same elements: two passes, rounded once. */
  variance(x: Floats, y: Floats, g: ReduceGeometry, divisor: number, root: boolean): void;
  /** gx → gy·∂y/∂x of `variance`; 0 where the root is 0. */
  varianceGradient(gy: Floats, x: Floats, gx: Floats, g: ReduceGeometry, divisor: number, root: boolean): void;
  /** y → position of the first maximum, counted in row-major order among the reduced elements. */
  argmax(x: Floats, y: Int32Array, g: ReduceGeometry): void;

  // Matrix product (kernels/gemm.ts)
  /** c → op(a)·op(b), or adds it where `g.accumulate`. */
  gemm(a: Floats, b: Floats, c: Floats, g: GemmGeometry): void;

  // Convolution (kernels/im2col.ts, kernels/conv2d.ts)
  /** columns `[C·kh·kw, L]` → every patch of one image x `[C, H, W]` as a column; zeros where it hangs over the edge. */
  im2col(x: Floats, columns: Floats, g: ConvGeometry): void;
  /** The adjoint of im2col: adds every column's numbers to the pixels of x they came from. */
  col2im(columns: Floats, x: Floats, g: ConvGeometry): void;
  /** y → w ⋆ x + b. */
  conv2d(x: Floats, w: Floats, b: Floats | null, y: Floats, g: ConvGeometry): void;
  /** gx → ∂L/∂x from gy = ∂L/∂y. */
  conv2dInputGradient(gy: Floats, w: Floats, gx: Floats, g: ConvGeometry): void;
  /** gw → ∂L/∂w from gy = ∂L/∂y. */
  conv2dWeightGradient(gy: Floats, x: Floats, gw: Floats, g: ConvGeometry): void;

  // Pooling (kernels/pool.ts)
  /** y → the maximum of each window; indices → where in its plane it was, the first in row-major order. NaN wins. */
  maxPool2d(x: Floats, y: Floats, indices: Int32Array, g: PoolGeometry): void;
  maxPool2dGradient(gy: Floats, indices: Int32Array, gx: Floats, g: PoolGeometry): void;
  avgPool2d(x: Floats, y: Floats, g: PoolGeometry): void;
  avgPool2dGradient(gy: Floats, gx: Floats, g: PoolGeometry): void;

  // Normalisation (kernels/normalize.ts)
  /** mean, variance (biased) → per group, both accumulated in float64. */
  moments(x: Floats, mean: Floats, variance: Floats, g: NormGeometry): void;
  /** y → (x − mean)·rstd·weight + bias, all four per group, + add, and max 0 if `relu`; null weight is 1, null bias and add 0. */
  normalize(
    x: Floats,
    mean: Floats,
    rstd: Floats,
    weight: Floats | null,
    bias: Floats | null,
    add: Floats | null,
    relu: boolean,
    y: Floats,
    g: NormGeometry,
  ): void;
  /**
   * Gradients of `normalize` where mean and rstd are the moments of x itself. gx, gWeight, gBias → where not null:
   * gBias = Σ gy, gWeight = Σ gy·x̂, gx = weight·rstd·(gy − gBias/n − x̂·gWeight/n), n = outer·inner.
   */
  normalizeGradient(
    gy: Floats,
    x: Floats,
    mean: Floats,
    rstd: Floats,
    weight: Floats | null,
    gx: Floats | null,
    gWeight: Floats | null,
    gBias: Floats | null,
    g: NormGeometry,
  ): void;
  /** gz → gy where z > 0, else 0 (the gradient behind z = max(0, …)), and the gradients of `normalize` for it as gy. */
  normalizeReluGradient(
    gy: Floats,
    z: Floats,
    x: Floats,
    mean: Floats,
    rstd: Floats,
    weight: Floats | null,
    gz: Floats,
    gx: Floats | null,
    gWeight: Floats | null,
    gBias: Floats | null,
    g: NormGeometry,
  ): void;

  // Softmax family (kernels/softmax.ts)
  softmax(x: Floats, y: Floats, g: AxisGeometry): void;
  logSoftmax(x: Floats, y: Floats, g: AxisGeometry): void;
  /** gx → y·(gy − Σ gy·y). */
  softmaxGradient(gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): void;
  /** gx → gy − exp(y)·Σ gy. */
  logSoftmaxGradient(gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): void;

  // Updates in place (kernels/update.ts)
  /** w, v: one step of stochastic gradient descent as PyTorch defines it. v may be null where momentum is 0. */
  sgd(w: Floats, gw: Floats, v: Floats | null, step: SgdStep): void;
  /** w, m, v: one step of Adam (Kingma & Ba 2015, Algorithm 1) or AdamW (Loshchilov & Hutter 2019, Algorithm 2). */
  adam(w: Floats, gw: Floats, m: Floats, v: Floats, step: AdamStep): void;
}

/** The tiers by name; "auto" is simd where the platform can, else plain. */
export type Tier = "auto" | "plain" | "simd";

/** The kernels in use: a live binding, to be read at each call. At first, kernels that choose when one is first called. */
export let kernels: Kernels = /* @__PURE__ */ choosingKernels();

/**
 * Chooses the tier that computes from now on, and returns the kernels in use before, which can be given back.
 *
 * @throws UsageError for "simd" where the platform cannot, saying why; and inside a step.
 */
export function useKernels(tier: Tier | Kernels): Kernels {
  const previous = kernels;
  const next = typeof tier === "string" ? kernelsOfTier(tier) : tier;
  usePool(next.pool);
  kernels = next;
  return previous;
}

/** Chooses the tier now, if no kernel has been called yet: before a step, whose tensors live in the tier's memory. */
export function chooseKernels(): void {
  if (kernels.name === "auto") useKernels("auto");
}

/**
 * Resolves when every kernel that was needed so far is compiled, or refused. Optional: only old browsers (Chromium before 2023, on a
 * page's main thread) compile larger kernels in the background, and until one is there its plain twin computes, with the
 * same results within rounding. Run a first step, await this, and go on at full speed.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * noGrad(() => matmul(x, x)); // asks for the kernel
 * await ready();
 */
export async function ready(): Promise<void> {
  chooseKernels();
  await kernels.ready?.();
}

let simd: Kernels | string | undefined;

function kernelsOfTier(tier: Tier): Kernels {
  if (tier === "plain") return plainKernels;
  const first = simd === undefined;
  simd ??= makeSimdKernels();
  if (typeof simd !== "string") return simd;
  if (tier === "simd") throw new UsageError(`useKernels: the SIMD tier is not to be had: ${simd}`);
  if (first) warn(`computing with plain TypeScript kernels, which is slower: ${simd}`);
  return plainKernels;
}

/** Kernels whose first call chooses the tier. Importing the library decides nothing and compiles nothing. */
function choosingKernels(): Kernels {
  const names = Object.keys(plainKernels).filter((key) => key !== "name" && key !== "arithmetic") as Exclude<
    keyof Kernels,
    "name" | "arithmetic" | "pool" | "ready"
  >[];
  const choosing = Object.fromEntries(
    names.map((name) => [
      name,
      (...args: unknown[]) => {
        useKernels("auto");
        (kernels[name] as (...args: unknown[]) => void)(...args);
      },
    ]),
  );
  return { ...plainKernels, ...choosing, name: "auto" };
}
