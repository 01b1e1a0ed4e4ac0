/**
 * Batch norm that waits, to be computed together with what follows it.
 *
 * Almost always that is a ReLU, or at the end of a residual block an addition and a ReLU. Inside a step the output y of batch
 * norm is therefore not computed yet: `add` and `relu` do not read it but go on from here, in one pass over x. Neither y nor
 * the sum is ever stored, unless somebody reads them, who gets them computed then.
 *
 *              one after the other                          together
 *   forward    y = norm(x)    s = y + t    z = max(0, s)    z = max(0, norm(x) + t)
 *   backward   gz = gy where z > 0    gx from gz and x      gz, and gx with it
 *
 * The graph is the same, node by node, and so are the bits (docs/decisions/0009-batch-norm-waits.md).
 */
import type { NormGeometry } from "../tensor/geometry/norm.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import { type Deferred, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { zeros } from "./arrays.ts";
import { AutogradError, needsGrad } from "./graph.ts";

/** Gradients of batch norm; null where nobody asks. */
export interface NormGradients {
  readonly x: Values | null;
  readonly weight: Values | null;
  readonly bias: Values | null;
}

/** One call of batch norm: y = (x − mean)·rstd·weight + bias, mean and rstd per group. */
export class Normalization {
  readonly x: Tensor;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly #mean: Values;
  readonly #rstd: Values;
  /** Whether mean and rstd are x's own, so that gradients pass through them too. */
  readonly training: boolean;
  readonly #g: NormGeometry;
  /** What `throughRelu` has computed with the gradient that it sent. */
  #ahead: { readonly sent: Values; readonly gradients: NormGradients } | null = null;

  constructor(
    [x, weight, bias]: readonly [Tensor, Tensor | null, Tensor | null],
    statistics: { readonly mean: Values; readonly rstd: Values; readonly training: boolean },
    g: NormGeometry,
  ) {
    this.x = x;
    this.weight = weight;
    this.bias = bias;
    this.#mean = statistics.mean;
    this.#rstd = statistics.rstd;
    this.training = statistics.training;
    this.#g = g;
  }

  /** y, + `added`, max 0. */
  values(added: Tensor | null, relu: boolean): Values {
    const { x, weight, bias } = this;
    const y = allocate(x.size, valuesOf(x));
    const [w, b, t] = [weight, bias, added].map((tensor) => tensor && valuesOf(tensor));
    kernels.normalize(valuesOf(x), this.#mean, this.#rstd, w, b, t, relu, y, this.#g);
    return y;
  }

  /**
   * gBias = Σ gy and gWeight = Σ gy·x̂. In training gx is the formula in norm.ts; with constant statistics only the
   * direct path is left: gx = gy·weight·rstd, which is `normalize` with mean 0 and without a bias.
   */
  gradients(gy: Values): NormGradients {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead?.sent === gy) return ahead.gradients;
    const { x, weight } = this;
    const w = weight && valuesOf(weight);
    const g = this.#gradientArrays(gy);
    if (this.training || g.weight || g.bias) {
      const gx = this.training ? g.x : null;
      kernels.normalizeGradient(gy, valuesOf(x), this.#mean, this.#rstd, w, gx, g.weight, g.bias, this.#g);
    }
    if (g.x && !this.training) {
      const mean = zeros(this.#g.groups, gy);
      kernels.normalize(gy, mean, this.#rstd, w, null, null, false, g.x, this.#g);
    }
    return g;
  }

  /**
   * In training: the gradient behind z = max(0, y + …), and in the same passes y's own gradients: for `gradients`, if that
   * very array is what arrives there.
   */
  throughRelu(gy: Values, z: Values): Values {
    const sent = allocate(gy.length, gy);
    const { x, weight } = this;
    const w = weight && valuesOf(weight);
    const g = this.#gradientArrays(gy);
    kernels.normalizeReluGradient(gy, z, valuesOf(x), this.#mean, this.#rstd, w, sent, g.x, g.weight, g.bias, this.#g);
    this.#ahead = { sent, gradients: g };
    return sent;
  }

  #gradientArrays(gy: Values): NormGradients {
    const of = (t: Tensor | null): Values | null => (t && needsGrad(t) ? allocate(t.size, gy) : null);
    return { x: of(this.x), weight: of(this.weight), bias: of(this.bias) };
  }
}

/** The output of batch norm, or its sum with another tensor. */
export class Normalized implements Deferred {
  readonly #norm: Normalization;
  readonly #added: Tensor | null;
  /** What this is the sum of, beside `added`. */
  readonly #summand: Normalized | null;
  readonly #inputs: readonly Tensor[];
  readonly #versions: readonly number[];
  #uses = 0;

  constructor(norm: Normalization, added: Tensor | null = null, summand: Normalized | null = null) {
    this.#norm = norm;
    this.#added = added;
    this.#summand = summand;
    this.#inputs = [norm.x, norm.weight, norm.bias, added].filter((t) => t !== null);
    this.#versions = this.#inputs.map(({ version }) => version);
  }

  compute(): Values {
    return this.#values(false);
  }

  /** The values of max(0, this). */
  relu(): Values {
    return this.#values(true);
  }

  /** this + t, not computed either; null if this is a sum already. */
  plus(t: Tensor): Normalized | null {
    if (this.#added) return null;
    this.#uses++;
    return new Normalized(this.#norm, t, this);
  }

  /** The gradient of z = max(0, this). */
  reluGradient(gy: Values, z: Values): Values {
    if (this.#norm.training && this.#usedOnce) return this.#norm.throughRelu(gy, z);
    const gz = allocate(gy.length, gy);
    kernels.unaryGradient("relu", gy, z, z, gz);
    return gz;
  }

  /** Whether the ReLU is all that the output was used for: then its gradient is the norm's upstream gradient. */
  get #usedOnce(): boolean {
    return this.#uses === 1 && (this.#summand === null || this.#summand.#usedOnce);
  }

  #values(relu: boolean): Values {
    if (this.#inputs.some((t, i) => t.version !== this.#versions[i])) {
      throw new AutogradError(
        "batchNorm: an input was changed in place before the output was read: clone() one of them",
      );
    }
    this.#uses++;
    return this.#norm.values(this.#added, relu);
  }
}
