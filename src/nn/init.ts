/**
 * Initial values of parameters: functions that fill a tensor in place.
 *
 * A weight whose outputs should have the variance of its inputs needs Var(w) = gain² / fan. The fan is the number of
 * terms in each output's sum (fan in, which keeps activations level), or of outputs that each input reaches (fan out,
 * which keeps gradients level on the way back). The gain makes up for what the activation removes: √2 for ReLU, which
 * drops half of the variance.
 *
 * References: Glorot & Bengio 2010 (Xavier); He et al. 2015, "Delving Deep into Rectifiers" (Kaiming); Saxe et al. 2013
 * (orthogonal). Names and formulas are those of `torch.nn.init`.
 */
import { checkBetween, checkFinite, checkNumberIn, checkOneOf, checkRng } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type { Initializer } from "./initializer.ts";

/** Whether an initial value keeps activations level (fan in) or gradients (fan out). */
export type FanMode = "fanIn" | "fanOut";

/** Options of `init.kaimingUniform` and `init.kaimingNormal`. */
export interface KaimingOptions {
  /** Which fan to use. Default "fanIn". */
  mode?: FanMode;
  /** Default √2, for ReLU; `gainOf` has others. */
  gain?: number;
}

/** Options of `init.uniform`. */
export interface UniformOptions {
  /** Default 0. */
  low?: number;
  /** Default 1. */
  high?: number;
}

/** Options of `init.normal`. */
export interface NormalOptions {
  /** Default 0. */
  mean?: number;
  /** Standard deviation. Default 1. */
  std?: number;
}

/** Options of `init.xavierUniform`, `init.xavierNormal` and `init.orthogonal`. */
export interface GainOptions {
  /** Default 1. */
  gain?: number;
}

const KAIMING: OptionNames<KaimingOptions> = { mode: true, gain: true };
const UNIFORM: OptionNames<UniformOptions> = { low: true, high: true };
const NORMAL: OptionNames<NormalOptions> = { mean: true, std: true };
const GAIN: OptionNames<GainOptions> = { gain: true };
const NONLINEARITIES: readonly Nonlinearity[] = ["linear", "sigmoid", "tanh", "relu", "leakyRelu"];

/**
 * Fan in and fan out of a weight `[out, in, …]`: `in` and `out` times the filter's size. For a grouped convolution `in`
 * is C/groups, and the fan out is counted as if there were no groups, as in PyTorch.
 *
 * @example
 * const { fanIn, fanOut } = init.fansOf([16, 3, 5, 5]);
 * [fanIn, fanOut]; // [75, 400]
 *
 * @throws ShapeError for a tensor of rank below 2.
 */
export function fansOf(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError(`init: fan in and fan out need a weight of rank 2 or more, got ${formatShape(shape)}`);
  }
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

/** The functions whose gain `init.gainOf` knows. */
export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu";

/**
 * The gain PyTorch recommends: 1, 1, 5/3, √2, and √(2 / (1 + slope²)) for leaky ReLU.
 *
 * @example
 * init.gainOf("relu"); // 1.4142
 */
export function gainOf(nonlinearity: Nonlinearity, slope = 0.01): number {
  checkOneOf("init.gainOf", "nonlinearity", nonlinearity, NONLINEARITIES);
  checkFinite("init.gainOf", "slope", slope);
  switch (nonlinearity) {
    case "linear":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
  }
}

/**
 * Sets every element to `value`.
 *
 * @example
 * const b = init.constant(zeros([3]), 0.5);
 * b.toArray(); // [0.5, 0.5, 0.5]
 */
export function constant(t: Tensor, value: number): Tensor {
  checkNumberIn("init.constant", "value", value, "a number", () => true);
  return fill(t, () => value);
}

/**
 * Uniform in [low, high).
 *
 * @example
 * const w = init.uniform(zeros([100]), rng, { low: -0.1, high: 0.1 });
 * max(abs(w)).item() <= 0.1; // true
 */
export function uniform(t: Tensor, rng: Rng, options: UniformOptions = {}): Tensor {
  check("init.uniform", rng, options, UNIFORM);
  const { low = 0, high = 1 } = options;
  return fill(t, () => rng.uniform(low, high));
}

/**
 * Normal with the given mean and standard deviation.
 *
 * @example
 * const w = init.normal(zeros([100, 100]), rng, { std: 0.02 });
 * std(w).item(); // 0.02
 */
export function normal(t: Tensor, rng: Rng, options: NormalOptions = {}): Tensor {
  check("init.normal", rng, options, NORMAL);
  const { mean = 0, std = 1 } = options;
  checkBetween("init.normal", "std", std, 0);
  return fill(t, () => rng.normal(mean, std));
}

/**
 * Uniform in [−a, a) with a = gain·√(3 / fan).
 *
 * @example
 * const w = init.kaimingUniform(zeros([64, 16, 3, 3]), rng);
 * max(abs(w)).item() <= Math.sqrt(2) * Math.sqrt(3 / (16 * 9)); // true
 */
export function kaimingUniform(t: Tensor, rng: Rng, options: KaimingOptions = {}): Tensor {
  check("init.kaimingUniform", rng, options, KAIMING);
  // A uniform number in [−a, a) has variance a²/3.
  const bound = Math.sqrt(3) * kaimingDeviation(t, options);
  return uniform(t, rng, { low: -bound, high: bound });
}

/**
 * Normal with standard deviation gain / √fan. Residual networks use `{ mode: "fanOut" }`.
 *
 * @example
 * const w = init.kaimingNormal(zeros([64, 16, 3, 3]), rng, { mode: "fanOut" });
 * Math.abs(std(w).item() - Math.sqrt(2 / (64 * 9))) < 0.002; // true
 */
export function kaimingNormal(t: Tensor, rng: Rng, options: KaimingOptions = {}): Tensor {
  check("init.kaimingNormal", rng, options, KAIMING);
  return normal(t, rng, { std: kaimingDeviation(t, options) });
}

/**
 * Uniform in [−a, a) with a = gain·√(6 / (fan in + fan out)).
 *
 * @example
 * const w = init.xavierUniform(zeros([100, 300]), rng, { gain: init.gainOf("tanh") });
 * max(abs(w)).item() <= (5 / 3) * Math.sqrt(6 / 400); // true
 */
export function xavierUniform(t: Tensor, rng: Rng, options: GainOptions = {}): Tensor {
  check("init.xavierUniform", rng, options, GAIN);
  const bound = Math.sqrt(3) * xavierDeviation(t, options);
  return uniform(t, rng, { low: -bound, high: bound });
}

/**
 * Normal with standard deviation gain·√(2 / (fan in + fan out)).
 *
 * @example
 * const w = init.xavierNormal(zeros([100, 300]), rng);
 * std(w).item(); // 0.07
 */
export function xavierNormal(t: Tensor, rng: Rng, options: GainOptions = {}): Tensor {
  check("init.xavierNormal", rng, options, GAIN);
  return normal(t, rng, { std: xavierDeviation(t, options) });
}

/**
 * A random matrix with orthonormal rows (or columns, whichever are fewer), drawn uniformly, times gain. The weight
 * `[out, …]` is read as a matrix of `out` rows.
 *
 * @example
 * const w = init.orthogonal(zeros([2, 8]), rng);
 * max(abs(sub(matmul(w, transpose(w, 0, 1)), eye(2)))).item() < 1e-6; // true: w wᵀ = 1
 *
 * @throws ShapeError for a tensor of rank below 2.
 */
export function orthogonal(t: Tensor, rng: Rng, options: GainOptions = {}): Tensor {
  check("init.orthogonal", rng, options, GAIN);
  const { gain = 1 } = options;
  if (t.rank < 2) {
    throw new ShapeError(`init.orthogonal: needs a weight of rank 2 or more, got ${formatShape(t.shape)}`);
  }
  const rows = t.shape[0];
  const columns = t.size / rows;
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  for (let k = 0; k < count; k++) vectors.push(orthonormalTo(vectors, length, rng));
  const values = new Float64Array(t.size);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      values[r * columns + c] = gain * (rows <= columns ? vectors[r][c] : vectors[c][r]);
    }
  }
  t.assign(values);
  return t;
}

/**
 * A random unit vector orthogonal to `others`: Gram–Schmidt on normal numbers, twice, because one pass leaves a
 * component of the order of the rounding error times the cancellation.
 */
function orthonormalTo(others: readonly Float64Array[], length: number, rng: Rng): Float64Array {
  const v = Float64Array.from({ length }, () => rng.normal());
  for (let pass = 0; pass < 2; pass++) {
    for (const u of others) {
      const component = dot(u, v);
      for (let i = 0; i < length; i++) v[i] -= component * u[i];
    }
    const norm = Math.sqrt(dot(v, v));
    for (let i = 0; i < length; i++) v[i] /= norm;
  }
  return v;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function kaimingDeviation(t: Tensor, { mode = "fanIn", gain = Math.SQRT2 }: KaimingOptions): number {
  const fans = fansOf(t.shape);
  checkOneOf("init", "mode", mode, ["fanIn", "fanOut"]);
  return gain / Math.sqrt(fans[mode]);
}

function xavierDeviation(t: Tensor, { gain = 1 }: GainOptions): number {
  const { fanIn, fanOut } = fansOf(t.shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** The common checks of all random fills: an rng, and numeric options (a mode is checked where it is used). */
function check<Options extends object>(op: string, rng: unknown, options: Options, names: OptionNames<Options>): void {
  checkRng(op, rng, `${op}(t, new Rng(seed))`);
  checkOptions(op, options, names);
  for (const [name, value] of Object.entries(options)) {
    if (name !== "mode" && value !== undefined) checkFinite(op, name, value);
  }
}

function fill(t: Tensor, next: () => number): Tensor {
  checkTensor("init", "t", t);
  t.assign(Float64Array.from({ length: t.size }, next));
  return t;
}
