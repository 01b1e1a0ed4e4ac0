/** What the tests of docs/theory.md share: a residual block whose weights are as large as one likes, and float64. */
import { expect } from "vitest";
import { norm } from "../../src/flow/measure.ts";
import * as S from "../../src/index.ts";
import { owned, peek } from "../../src/tensor/tensor.ts";
import { parameterSlots } from "../support/blocks.ts";

const { add, linear, mul, relu } = S;
type Tensor = S.Tensor;

/** y = after(x + scale·w₂ relu(w₁ x)), a block without norms. */
export class Block extends S.Module {
  readonly shortcut = "identity";
  readonly order = "pre";
  readonly w1: Tensor;
  readonly w2: Tensor;
  readonly #after: (t: Tensor) => Tensor;

  constructor(width: number, scale: number, rng: S.Rng, after: (t: Tensor) => Tensor = (t) => t) {
    super();
    this.w1 = S.parameter(mul(S.randn([width, width], rng), scale / Math.sqrt(width)));
    this.w2 = S.parameter(mul(S.randn([width, width], rng), 1 / Math.sqrt(width)));
    this.#after = after;
  }

  branch(x: Tensor): Tensor {
    return linear(relu(linear(x, this.w1)), this.w2);
  }

  skip(x: Tensor): Tensor {
    return x;
  }

  zeroInitLast(): void {}

  forward(x: Tensor): Tensor {
    return this.#after(add(x, this.branch(x)));
  }
}

export function inFloat64(t: Tensor, requiresGrad = false): Tensor {
  return owned(Float64Array.from(peek(t)), t.shape, requiresGrad);
}

/** The model with its parameters in float64, so that sums of Jacobians can be compared without float32's rounding. */
export function doubled<T extends S.Module>(model: T): T {
  for (const { owner, key } of parameterSlots(model)) owner[key] = inFloat64(owner[key] as Tensor, true);
  return model;
}

export function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(got.length).toBe(expected.length);
  const size = Math.max(1, norm(Float64Array.from(expected)));
  // Some hundred float64 roundings.
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - expected[i])).toBeLessThan(1e-13 * size);
}
