/** Running sums: examples, gradient, float64, infinities. (PyTorch's references: axes.test.ts.) */
import { expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { cumsum } from "../../src/autograd/cumulative.ts";
import { tensor } from "../../src/tensor/create.ts";

const INF = Number.POSITIVE_INFINITY;

it("along each axis", () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(cumsum(x, 0).toArray()).toEqual([
    [1, 2, 3],
    [5, 7, 9],
  ]);
  expect(cumsum(x, -1).toArray()).toEqual([
    [1, 3, 6],
    [4, 9, 15],
  ]);
});

it("the gradient is the running sum from the other end", () => {
  const x = tensor([7, 7, 7], { requiresGrad: true });
  const grads = backward(cumsum(x, 0), { gradient: tensor([1, 10, 100]) });
  expect(grads.get(x).toArray()).toEqual([111, 110, 100]);
});

it("accumulates in float64: 2²⁴ + 1 + 1", () => {
  expect(cumsum(tensor([2 ** 24, 1, 1]), 0).toArray()).toEqual([2 ** 24, 2 ** 24, 2 ** 24 + 2]);
});

it("what is not finite stays from there on, in its own line", () => {
  expect(cumsum(tensor([1, INF, -INF, 2]), 0).toArray()).toEqual([1, INF, Number.NaN, Number.NaN]);
  const columns = tensor([
    [Number.NaN, 1],
    [2, 3],
  ]);
  expect(cumsum(columns, 0).toArray()).toEqual([
    [Number.NaN, 1],
    [Number.NaN, 4],
  ]);
});
