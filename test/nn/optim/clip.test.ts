import { describe, expect, it } from "vitest";
import { Gradients } from "../../../src/autograd/backward.ts";
import { clipGradNorm, clipGradValue, gradNorm } from "../../../src/nn/index.ts";
import { tensor, zeros } from "../../../src/tensor/create.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";

const [a, b, other] = [zeros([2]), zeros([1]), zeros([1])];
const gradients = (ga: number[] = [3, 4], gb: number[] = [-12]): Gradients =>
  new Gradients(
    new Map<Tensor, Tensor>([
      [a, tensor(ga)],
      [b, tensor(gb)],
      [other, tensor([100])],
    ]),
  );

it("the norm is that of all parameters' gradients as one vector", () => {
  expect(gradNorm(gradients(), [a, b])).toBe(13);
  expect(gradNorm(gradients(), [a, b], 1)).toBe(19);
  expect(gradNorm(gradients(), [a, b], Infinity)).toBe(12);
  expect(gradNorm(gradients(), [a, b], 3)).toBeCloseTo((27 + 64 + 1728) ** (1 / 3), 12);
  expect(gradNorm(gradients(), [a, zeros([5])])).toBe(5);
});

it.each([1, 2, 3, Infinity])("NaN and infinity stay in the norm (p = %s)", (p) => {
  expect(gradNorm(gradients([Number.NaN, 1]), [a, b], p)).toBeNaN();
  expect(gradNorm(gradients([-Infinity, 1]), [a, b], p)).toBe(Infinity);
});

describe("clipGradNorm", () => {
  it("scales all by maxNorm / (norm + 1e-6), and leaves other tensors", () => {
    const before = gradients();
    const { grads, norm } = clipGradNorm(before, [a, b], 1.3);
    expect(norm).toBe(13);
    expect(grads.get(a).data[0]).toBeCloseTo(0.3, 6);
    expect(grads.get(a).data[1]).toBeCloseTo(0.4, 6);
    expect(grads.get(b).data[0]).toBeCloseTo(-1.2, 6);
    expect(grads.get(other).item()).toBe(100);
    expect(before.get(a).toArray()).toEqual([3, 4]);
  });

  it("changes nothing below maxNorm", () => {
    const before = gradients();
    expect(clipGradNorm(before, [a, b], 14).grads).toBe(before);
  });

  it("by the largest element", () => {
    const { grads, norm } = clipGradNorm(gradients(), [a, b], 6, { p: Infinity });
    expect(norm).toBe(12);
    expect(grads.get(b).data[0]).toBeCloseTo(-6, 5);
  });

  it("errors: a norm that is not finite, a limit that is not above 0", () => {
    expect(() => clipGradNorm(gradients([Number.NaN, 0]), [a], 1)).toThrow(
      "clipGradNorm: the norm of the gradients is NaN",
    );
    expect(() => clipGradNorm(gradients(), [a], 0)).toThrow("clipGradNorm: maxNorm must be a number above 0, got 0");
    expect(() => clipGradNorm(gradients(), [a], "1" as never)).toThrow(
      'clipGradNorm: maxNorm must be a number above 0, got "1"',
    );
    expect(() => clipGradNorm(gradients(), [a], 1, { norm: 1 } as never)).toThrow(
      'clipGradNorm: there is no option "norm"',
    );
    expect(() => clipGradNorm(gradients(), [a], 1, { p: 0 })).toThrow(
      "clipGradNorm: p, the order of the norm, must be",
    );
    expect(() => gradNorm(gradients(), [a], Number.NaN)).toThrow(
      "gradNorm: p, the order of the norm, must be a number above 0",
    );
  });
});

describe("clipGradValue", () => {
  it("moves every element into [−limit, limit], and leaves the given gradients", () => {
    const before = gradients();
    const grads = clipGradValue(before, [a, b], 3.5);
    expect(grads.get(a).toArray()).toEqual([3, 3.5]);
    expect(grads.get(b).toArray()).toEqual([-3.5]);
    expect(grads.get(other).item()).toBe(100);
    expect(before.get(b).toArray()).toEqual([-12]);
  });

  it("NaN stays NaN", () => {
    expect(
      clipGradValue(gradients([Number.NaN, 9]), [a], 1)
        .get(a)
        .toArray(),
    ).toEqual([Number.NaN, 1]);
  });

  it("errors: a limit that is not above 0", () => {
    expect(() => clipGradValue(gradients(), [a], -1)).toThrow("clipGradValue: limit must be a number above 0, got -1");
  });
});
