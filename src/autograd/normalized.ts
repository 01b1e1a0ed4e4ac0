/**
 * Batch norm that waits, to be computed together with what follows it.
 *
 * Almost always that is a ReLU, or at the end of a residual block an addition and a ReLU. Inside a step the output y of batch
 * norm is therefore not computed yet: `add` and `relu` find a `Deferred` in it and go on from there, in one pass over x.
 * Neither y nor the sum is ever stored, unless somebody reads them: then they are computed.
 *
 *              one after the other                          together
 *   forward    y = norm(x)    s = y + t    z = max(0, s)    z = max(0, norm(x) + t)
 *   backward   gs = gz where z > 0    gx from gs and x      gs, and gx with it
 *
 * The graph is the same, node by node, and so are the bits (docs/decisions/0009-batch-norm-waits.md).
 */
import type { NormGeometry } from "../tensor/geometry/norm.ts";
import { giveBackUnread } from "../tensor/given-back.ts";
import type { NormGradients, PerGroup } from "../tensor/kernels.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import { type Deferred, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { zeros } from "./arrays.ts";
import { AutogradError, needsGrad } from "./graph.ts";

/** One call of batch norm: y = (x − mean)·rstd·weight + bias. */
export interface NormCall {
  readonly x: Tensor;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly mean: Values;
  readonly rstd: Values;
  /** Whether mean and rstd are x's own, so that gradients pass through them too. */
  readonly training: boolean;
  readonly g: NormGeometry;
}

/** A call's values and gradients. */
export class Normalization {
  readonly call: NormCall;
  /** The gradients that `throughRelu` has computed along with the gradient that it sent. */
  #ahead: { readonly sent: Values; readonly gradients: NormGradients } | null = null;

  constructor(call: NormCall) {
    this.call = call;
  }

  /** y, + `added`, max 0 if `relu`. */
  values(added: Tensor | null, relu: boolean): Values {
    const { x, g } = this.call;
    const y = allocate(x.size, valuesOf(x));
    kernels.normalize(valuesOf(x), this.#perGroup(), added && valuesOf(added), relu, y, g);
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
    const { x, training, g } = this.call;
    const by = this.#perGroup();
    const to = this.#gradientArrays(gy);
    if (training || to.weight || to.bias) {
      kernels.normalizeGradient(gy, valuesOf(x), by, training ? to : { ...to, x: null }, g);
    }
    if (to.x && !training) {
      kernels.normalize(gy, { ...by, mean: zeros(g.groups, gy), bias: null }, null, false, to.x, g);
    }
    return to;
  }

  /**
   * In training: the gradient of s from that of z = max(0, s), s = y or y + t, and in the same passes what `gradients` will
   * return, if that very array is what arrives there.
   */
  throughRelu(gz: Values, z: Values): Values {
    const sent = allocate(gz.length, gz);
    const { x, g } = this.call;
    const gradients = this.#gradientArrays(gz);
    kernels.normalizeReluGradient(gz, z, valuesOf(x), this.#perGroup(), sent, gradients, g);
    this.#ahead = { sent, gradients };
    return sent;
  }

  #perGroup(): PerGroup {
    const { mean, rstd, weight, bias } = this.call;
    return { mean, rstd, weight: weight && valuesOf(weight), bias: bias && valuesOf(bias) };
  }

  #gradientArrays(gy: Values): NormGradients {
    const of = (t: Tensor | null): Values | null => (t && needsGrad(t) ? allocate(t.size, gy) : null);
    return { x: of(this.call.x), weight: of(this.call.weight), bias: of(this.call.bias) };
  }
}

/** The output of batch norm, or its sum with another tensor. */
export class Normalized implements Deferred {
  readonly #norm: Normalization;
  readonly #added: Tensor | null;
  /** Of a sum: the norm's output that it was made from. */
  readonly #summand: Normalized | null;
  readonly #inputs: readonly Tensor[];
  readonly #versions: readonly number[];
  #uses = 0;

  constructor(norm: Normalization, added: Tensor | null = null, summand: Normalized | null = null) {
    this.#norm = norm;
    this.#added = added;
    this.#summand = summand;
    const { x, weight, bias } = norm.call;
    this.#inputs = [x, weight, bias, added].filter((t) => t !== null);
    this.#versions = this.#inputs.map(({ version }) => version);
  }

  compute(): Values {
    return this.#values(false);
  }

  plus(t: Tensor): Deferred | null {
    if (this.#added) return null;
    this.#uses++;
    return new Normalized(this.#norm, t, this);
  }

  relu(): ReturnType<NonNullable<Deferred["relu"]>> {
    return {
      z: this.#values(true),
      gradient: (gz, z) => this.#reluGradient(gz, z),
      // Of a sum not: the other summand may be such a z itself, and so on down the network.
      again: this.#added ? null : { compute: () => this.#checked().values(null, true), quick: true },
    };
  }

  #reluGradient(gz: Values, z: Values): Values {
    if (this.#norm.call.training && this.#usedOnce) return this.#norm.throughRelu(gz, z);
    const gradient = allocate(gz.length, gz);
    kernels.unaryGradient("relu", gz, z, z, gradient);
    return gradient;
  }

  /** Whether the ReLU is all that the output was used for: then its gradient is the norm's upstream gradient. */
  get #usedOnce(): boolean {
    return this.#uses === 1 && (this.#summand === null || this.#summand.#usedOnce);
  }

  #values(relu: boolean): Values {
    const norm = this.#checked();
    this.#uses++;
    const values = norm.values(this.#added, relu);
    if (this.#added?.node) giveBackUnread(this.#added);
    return values;
  }

  #checked(): Normalization {
    if (this.#inputs.some((t, i) => t.version !== this.#versions[i])) {
      throw new AutogradError(
        "batchNorm: an input was changed in place before the output was read: clone() one of them",
      );
    }
    return this.#norm;
  }
}
