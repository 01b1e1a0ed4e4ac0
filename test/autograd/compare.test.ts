/** Comparisons and `where`: examples, NaN, what does not leak into a gradient, PyTorch's references. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { eq, ge, gt, le, lt, ne, where } from "../../src/autograd/compare.ts";
import { log } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { tensor } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import type { NestedArray } from "../../src/tensor/nested.ts";
import { owned, type Tensor } from "../../src/tensor/tensor.ts";

const NAN = Number.NaN;
const INF = Number.POSITIVE_INFINITY;
const leaf = (values: NestedArray): Tensor => tensor(values, { requiresGrad: true });

describe("comparisons", () => {
  const a = [1, 2, 3, NAN, NAN, INF, -0];
  const b = [2, 2, 2, NAN, 1, INF, 0];
  it.each([
    ["eq", eq, [0, 1, 0, 0, 0, 1, 1]],
    ["ne", ne, [1, 0, 1, 1, 1, 0, 0]],
    ["lt", lt, [1, 0, 0, 0, 0, 0, 0]],
    ["le", le, [1, 1, 0, 0, 0, 1, 1]],
    ["gt", gt, [0, 0, 1, 0, 0, 0, 0]],
    ["ge", ge, [0, 1, 1, 0, 0, 1, 1]],
  ] as const)("%s: of smaller, equal and larger numbers, NaN, infinities and zeros", (_, f, expected) => {
    expect(f(tensor(a), tensor(b)).toArray()).toEqual(expected);
    expect(f(leaf(a), owned(Float64Array.from(b), [7])).toArray()).toEqual(expected);
  });

  it("with a number on either side, which is rounded as the tensor's are", () => {
    const x = tensor([0.1, 0.2, 0.3]);
    expect(eq(x, 0.2).toArray()).toEqual([0, 1, 0]);
    expect(lt(x, 0.2).toArray()).toEqual([1, 0, 0]);
    expect(lt(0.2, x).toArray()).toEqual([0, 0, 1]);
    expect(ge(0.2, x).toArray()).toEqual([1, 1, 0]);
  });

  it("a comparison is recorded, and its gradient is 0", () => {
    const x = leaf([-1, 0, 1]);
    expect(
      backward(sum(gt(x, 0)))
        .get(x)
        .toArray(),
    ).toEqual([0, 0, 0]);
    expect(gt(tensor([1]), 0).node).toBeNull();
  });
});

describe("where", () => {
  it("a where the condition is not 0, also where it is NaN, else b", () => {
    const condition = tensor([1, 0, -0, NAN, -3]);
    expect(where(condition, 1, 2).toArray()).toEqual([1, 2, 2, 1, 1]);
    expect(where(condition, tensor([1, 2, 3, 4, 5]), -0).toArray()).toEqual([1, -0, -0, 4, 5]);
  });

  it("the gradient goes to the side taken, summed where that was stretched", () => {
    const a = leaf([[1], [2]]);
    const b = leaf([10, 20, 30]);
    const y = where(
      tensor([
        [1, 0, 1],
        [0, 0, 1],
      ]),
      a,
      b,
    );
    expect(y.toArray()).toEqual([
      [1, 20, 1],
      [10, 20, 2],
    ]);
    const grads = backward(sum(y));
    expect(grads.get(a).toArray()).toEqual([[2], [1]]);
    expect(grads.get(b).toArray()).toEqual([1, 2, 0]);
  });

  it("NaN and ∞ in the side not taken reach neither the value nor the other's gradient", () => {
    const a = leaf([1, 2]);
    const b = leaf([NAN, INF]);
    const y = where(tensor([1, 1]), a, b);
    expect(y.toArray()).toEqual([1, 2]);
    const grads = backward(y, { gradient: tensor([3, 4]) });
    expect(grads.get(a).toArray()).toEqual([3, 4]);
    expect(grads.get(b).toArray()).toEqual([0, 0]);
  });

  it("an infinite upstream gradient does not reach the side not taken", () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const grads = backward(where(tensor([1, 0]), a, b), { gradient: tensor([INF, NAN]) });
    expect(grads.get(a).toArray()).toEqual([INF, 0]);
    expect(grads.get(b).toArray()).toEqual([0, NAN]);
  });

  it("nothing goes back through the condition: an infinite slope behind it makes no NaN", () => {
    const x = leaf([0, 4]);
    const y = leaf([1, 1]);
    const grads = backward(sum(where(gt(log(x), 1), y, 0)));
    expect(grads.get(y).toArray()).toEqual([0, 1]);
    expect(grads.has(x)).toBe(false);
  });

  it("shapes that do not broadcast: the error names both", () => {
    const call = (): Tensor => where(tensor([1, 0]), tensor([1, 2, 3]), 0);
    expect(call).toThrow(ShapeError);
    expect(call).toThrow("where: shapes [2] and [3] do not broadcast: axis -1 is 2 in one and 3 in the other");
  });
});
