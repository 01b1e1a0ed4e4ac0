/** What `backward` (backward.ts) returns: gradients as a value. */
import { checkNumberIn } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { markCopy } from "../tensor/copies.ts";
import { ShapeError, UsageError } from "../tensor/errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { computed, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { combine, scaled } from "./arrays.ts";
import { AutogradError } from "./graph.ts";

/**
 * The gradients of one backward pass, looked up by tensor.
 *
 * @example
 * const x = tensor([3, 4], { requiresGrad: true });
 * const grads = backward(sum(mul(x, x)));
 * grads.get(x)?.toArray(); // [6, 8]
 */
export class Gradients {
  /** Tensors with their gradients: a console, a clone or a test of equality sees these. */
  readonly pairs: readonly (readonly [Tensor, Tensor])[];
  readonly #byTensor: ReadonlyMap<Tensor, Tensor>;

  constructor(byTensor: ReadonlyMap<Tensor, Tensor>) {
    markCopy(Gradients.prototype, "gradients");
    this.pairs = [...byTensor];
    this.#byTensor = byTensor;
  }

  /** Whether a gradient reached `t` and was kept. */
  has(t: Tensor): boolean {
    checkTensor("gradients.has", "the argument", t);
    return this.#byTensor.has(t);
  }

  /**
   * ∂L/∂t, with the shape of `t`.
   *
   * @throws AutogradError if no gradient reached `t`, or if `t` is interior and was not named in `keep`.
   */
  get(t: Tensor): Tensor {
    checkTensor("gradients.get", "the argument", t);
    const gradient = this.#byTensor.get(t);
    if (!gradient) {
      const why = t.node
        ? `it is interior (made by ${t.node.op}): name it in backward(loss, { keep: [t] }), and check that the loss depends on it`
        : t.requiresGrad
          ? "the loss does not depend on it"
          : "it does not require gradients: create it with { requiresGrad: true }";
      throw new AutogradError(`gradients: none for the tensor ${formatShape(t.shape)}: ${why}`);
    }
    return gradient;
  }

  /**
   * The sum of these gradients and `other`'s. A tensor with a gradient in only one of the two keeps that one. With
   * `times` it averages the gradients of several batches. Outside a step both methods give ordinary arrays, which live
   * as long as anyone holds them.
   *
   * @example
   * const w = tensor([1, 2], { requiresGrad: true });
   * const first = backward(sum(mul(w, 3)));
   * const second = backward(sum(mul(w, 5)));
   * first.plus(second).times(0.5).get(w); // [4, 4]
   */
  plus(other: Gradients): Gradients {
    if (!(other instanceof Gradients)) throw new UsageError(`plus: needs other gradients, got ${describe(other)}`);
    const result = new Map(this.#byTensor);
    for (const [t, gradient] of other.#byTensor) {
      const own = this.#byTensor.get(t);
      result.set(t, own ? sumOf(own, gradient) : gradient);
    }
    return new Gradients(result);
  }

  /** These gradients, each multiplied by `factor`. */
  times(factor: number): Gradients {
    checkNumberIn("times", "factor", factor, "a number", () => true);
    const result = new Map<Tensor, Tensor>();
    for (const [t, gradient] of this.#byTensor) {
      result.set(t, computed(scaled(valuesOf(gradient), factor), gradient.shape));
    }
    return new Gradients(result);
  }

  /** Keeps the gradients readable after the current step. */
  outliveStep(): void {
    for (const gradient of this.#byTensor.values()) gradient.outliveStep();
  }

  /** Pairs of tensor and gradient. */
  entries(): IterableIterator<[Tensor, Tensor]> {
    return this.#byTensor.entries();
  }
}

function sumOf(a: Tensor, b: Tensor): Tensor {
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError(
      `plus: the gradients ${formatShape(a.shape)} and ${formatShape(b.shape)} of one tensor differ in shape`,
    );
  }
  return computed(combine("add", valuesOf(a), a.shape, valuesOf(b), b.shape), a.shape);
}
