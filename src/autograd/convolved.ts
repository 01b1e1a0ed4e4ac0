/**
 * A convolution that waits, to be computed together with what follows it: an addition, a ReLU, or both
 * (normalized.ts, where batch norm does the same, says how). So a fused model, whose norms are in its convolutions, goes
 * over each result once.
 *
 * Only convolutions whose weights are constants wait (`fuse`). Reading the output beside what follows it computes twice. Then
 * the layer stops waiting.
 */
import { allocate, type Values } from "../tensor/memory.ts";
import { type Deferred, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { type ConvCall, waitAs } from "./conv.ts";
import { AutogradError } from "./graph.ts";

/** The weights of layers whose outputs were computed twice. */
const computedTwice = /* @__PURE__ */ new WeakSet<Values>();

/** From now on convolutions whose weights are constants wait, unless they have been computed twice. */
export function letConvolutionsWait(): void {
  waitAs((call) => (computedTwice.has(valuesOf(call.w)) ? null : new Convolved(call)));
}

/** The output of a convolution, or its sum with another tensor. */
class Convolved implements Deferred {
  readonly #call: ConvCall;
  /** How often the convolution was computed, for its output and its sums. */
  readonly #computed: { times: number };
  readonly #added: Tensor | null;
  readonly #inputs: readonly Tensor[];
  readonly #versions: readonly number[];

  constructor(call: ConvCall, added: Tensor | null = null, computed: { times: number } = { times: 0 }) {
    this.#call = call;
    this.#computed = computed;
    this.#added = added;
    this.#inputs = [call.x, call.w, call.b, added].filter((t) => t !== null);
    this.#versions = this.#inputs.map(({ version }) => version);
  }

  compute(): Values {
    return this.#values(false);
  }

  plus(t: Tensor): Deferred | null {
    return this.#added ? null : new Convolved(this.#call, t, this.#computed);
  }

  relu(): ReturnType<NonNullable<Deferred["relu"]>> {
    const gradient = (gz: Values, z: Values): Values => {
      const gy = allocate(gz.length, gz);
      kernels.unaryGradient("relu", gz, z, z, gy);
      return gy;
    };
    // Of a sum not: the other summand may be such a z itself, and so on down the network.
    const again = this.#added ? null : { compute: () => this.#values(true), quick: false };
    return { z: this.#values(true), gradient, again };
  }

  #values(relu: boolean): Values {
    const { op, x, w, b, g } = this.#call;
    if (this.#inputs.some((t, i) => t.version !== this.#versions[i])) {
      throw new AutogradError(`${op}: an input was changed in place before the output was read: clone() one of them`);
    }
    if (++this.#computed.times > 1) computedTwice.add(valuesOf(w));
    const y = allocate(g.N * g.O * g.L, valuesOf(x));
    kernels.conv2d(valuesOf(x), valuesOf(w), b && valuesOf(b), y, g, this.#added && valuesOf(this.#added), relu);
    return y;
  }
}
