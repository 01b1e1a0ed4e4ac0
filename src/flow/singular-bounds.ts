/**
 * What a certificate implies for the singular values of a block's Jacobian.
 *
 * With W = c·I and J = W + R, Weyl's inequality |σᵢ(W + R) − σᵢ(W)| ≤ ‖R‖ (Golub & Van Loan, "Matrix Computations", 4th
 * edition, Corollary 8.6.2) puts every singular value of J between |c| − ‖R‖ and |c| + ‖R‖. The lower bound is useful
 * only if ‖R‖ < |c|: a certificate alone does not give one. Along a chain of blocks, singular values lie between the
 * products of the bounds.
 *
 * Certain: ‖R‖ comes from singular-values.ts, for the whole matrix, never from Lanczos (lanczos.ts), whose error is the
 * distance to *some* singular value and so does not bound the largest. Its own rounding is bounded by counting
 * (`roundingBound`). Measured: how far float32's Jacobian is from that of the function itself, `ROUNDING` below.
 */
import { checkModule, type Module } from "../nn/module.ts";
import { checkInteger } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ShortcutVerdict } from "./certificate.ts";
import { certify } from "./certify.ts";
import { recordedJacobian } from "./jacobian.ts";
import { norm } from "./measure.ts";
import { recordRun } from "./run.ts";
import { type Matrix, roundingBound, singularValues } from "./singular-values.ts";

/** Bounds of the singular values of a block's Jacobian: a row of `singularBounds`. */
export interface SingularBounds {
  /** Path of the block; "" for the whole way through all of them. */
  readonly block: string;
  readonly verdict: ShortcutVerdict;
  /** ‖R‖, the largest singular value of the part that depends on weights. Null if W is not c·I. */
  readonly branchNorm: number | null;
  /**
   * By how much `branchNorm` may be wrong. The effect of float64 rounding on it is bounded by counting; the effect of
   * float32 rounding on J is measured: 10⁻⁵·‖J‖ (all singular values, squared, added, and the root).
   */
  readonly error: number | null;
  /**
   * Every singular value of J lies between the two: |c| ∓ (branchNorm + error). Null if W is not a multiple of the
   * identity, or the blocks do not form a chain.
   */
  readonly low: number | null;
  readonly high: number | null;
}

/** Options of `singularBounds`. */
export interface SingularBoundsOptions {
  /** Seed of the random vectors. Default 0. */
  seed?: number;
}

const OPTIONS: OptionNames<SingularBoundsOptions> = { seed: true };
/**
 * ‖J − J₃₂‖ ≤ ROUNDING·‖J‖, both the root of the sum of squares, with J₃₂ float32's J. A measurement, not a proof:
 * against float64 it was 1.1·10⁻⁷ at most in 300 blocks of two convolutions and 5·10⁻⁷ through nine, on both tiers
 * (singular-bounds.test.ts holds it to a tenth of this). Two cases are not covered: a ReLU whose input rounding has
 * carried across 0, and a batch norm in training with a nearly constant channel.
 */
const ROUNDING = 1e-5;

/**
 * Bounds of all singular values of each residual block's Jacobian on the input that reaches it. The last row is for the
 * way through all blocks, if they follow one another directly.
 *
 * The model runs in its current mode; running statistics and random generators are restored.
 *
 * The bounds are certain for the Jacobians as computed by backpropagation, and for their product. For the functions'
 * own Jacobians they hold up to float32's part of `error`.
 *
 * @param x a small input: each Jacobian is computed whole, with some 3·n³ operations, seconds for n = 1000. In
 * training, batch norm couples the examples of a batch.
 *
 * @example
 * const net = cifarResNet(8, { width: 2, order: "pre", rng: new Rng(1) }).eval();
 * singularBounds(net, randn([1, 3, 6, 6], new Rng(2)))[0].verdict; // "identity"
 *
 * @throws ValueError if a Jacobian would have more than 2²⁷ numbers.
 */
export function singularBounds(model: Module, x: Tensor, options: SingularBoundsOptions = {}): SingularBounds[] {
  const who = "singularBounds";
  checkModule(who, model);
  checkTensor(who, "x", x);
  checkOptions(who, options, OPTIONS);
  const { seed = 0 } = options;
  checkInteger(who, "seed", seed);
  const certificate = certify(model, x, { seed });
  // Recorded with the certificate's own draw: a random block would otherwise differ.
  const { calls } = recordRun(who, model, x, certificate.draws);
  const bounds = calls.map((call, i) => {
    const { verdict, factor } = certificate.blocks[i];
    const multiple = verdict === "identity" || (verdict === "scale" && call.x.size === call.y.size) ? factor : null;
    if (multiple === null) return unbounded(call.block, verdict);
    return boundsOf(call.block, verdict, multiple, recordedJacobian(who, call.y, call.x));
  });
  const { verdict } = certificate.whole;
  const chained = calls.every(({ x }, i) => i === 0 || x === calls[i - 1].y);
  return [...bounds, chained ? alongAll(bounds, verdict) : unbounded("", verdict)];
}

function boundsOf(block: string, verdict: ShortcutVerdict, factor: number, jacobian: Matrix): SingularBounds {
  const { rows, columns, values } = jacobian;
  const rest = { rows, columns, values: new Float64Array(values) };
  for (let i = 0; i < rows; i++) rest.values[i * columns + i] -= factor;
  const branchNorm = singularValues(rest)[0] ?? 0;
  const error = roundingBound(rest) + ROUNDING * norm(values);
  const [size, most] = [Math.abs(factor), branchNorm + error];
  return { block, verdict, branchNorm, error, low: Math.max(0, size - most), high: size + most };
}

function unbounded(block: string, verdict: ShortcutVerdict): SingularBounds {
  return { block, verdict, branchNorm: null, error: null, low: null, high: null };
}

/** The σ of a product of matrices lies between the products of their smallest and of their largest singular values. */
function alongAll(bounds: readonly SingularBounds[], verdict: ShortcutVerdict): SingularBounds {
  const product = (of: (row: SingularBounds) => number | null): number | null =>
    bounds.reduce<number | null>((p, row) => (p === null || of(row) === null ? null : p * of(row)!), 1);
  const [low, high] = [product((row) => row.low), product((row) => row.high)];
  return bounds.length === 0 ? unbounded("", verdict) : { ...unbounded("", verdict), low, high };
}
