/** Softmax and logSoftmax: examples, against the definition, extremes, errors. PyTorch's references: reductions.test.ts. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { log } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { logSoftmax, softmax } from "../../src/autograd/softmax.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("examples", () => {
  it("equal scores share equally; ln 3 more is three times the share", () => {
    expect(softmax(tensor([5, 5])).toArray()).toEqual([0.5, 0.5]);
    const y = softmax(tensor([Math.log(3), 0])).data;
    expect(y[0]).toBeCloseTo(0.75, 6);
    expect(logSoftmax(tensor([5, 5])).toArray()).toEqual([-Math.LN2, -Math.LN2].map(Math.fround));
  });
});

describe("against the definition", () => {
  it.each([0, 1, 2, -1])("x=[3,4,5] axis=%i: sums to 1 along the axis, and logSoftmax is its logarithm", (axis) => {
    const x = randn([3, 4, 5], new Rng(7));
    const y = softmax(x, axis);
    for (const total of sum(y, axis).data) expect(total).toBeCloseTo(1, 6);
    const expected = log(y).data;
    logSoftmax(x, axis).data.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 5);
    });
  });

  it("adding a constant to all scores changes nothing, so the gradient sums to 0", () => {
    const x = randn([6], new Rng(8), { requiresGrad: true });
    const gradient = randn([6], new Rng(9));
    for (const f of [softmax, logSoftmax]) {
      expect(sum(backward(f(x), { gradient }).get(x)).item()).toBeCloseTo(0, 6);
    }
  });
});

describe("extremes", () => {
  const INF = Number.POSITIVE_INFINITY;

  it("scores of ±1000 do not overflow, and their logarithms do not underflow", () => {
    expect(softmax(tensor([1000, 0, -1000])).toArray()).toEqual([1, 0, 0]);
    expect(logSoftmax(tensor([1000, 0, -1000])).toArray()).toEqual([0, -1000, -2000]);
  });

  it("−∞ masks a score: probability 0, gradient 0", () => {
    const x = tensor([0, -INF, 0], { requiresGrad: true });
    const y = softmax(x);
    expect(y.toArray()).toEqual([0.5, 0, 0.5]);
    expect(
      backward(y, { gradient: tensor([1, 1, 0]) })
        .get(x)
        .toArray(),
    ).toEqual([0.25, 0, -0.25]);
  });

  it("NaN, +∞ and a row of −∞ give NaN, as in PyTorch", () => {
    for (const row of [
      [Number.NaN, 1],
      [1, Number.NaN],
      [INF, 1],
      [-INF, -INF],
    ]) {
      expect(softmax(tensor(row)).data.some(Number.isNaN)).toBe(true);
      expect(logSoftmax(tensor(row)).data.some(Number.isNaN)).toBe(true);
    }
  });

  it("one element is certain; no elements are no problem", () => {
    expect(softmax(tensor([3])).toArray()).toEqual([1]);
    expect(softmax(zeros([2, 0])).shape).toEqual([2, 0]);
  });
});

describe("errors", () => {
  it.each([
    ["softmax", softmax],
    ["logSoftmax", logSoftmax],
  ] as const)("%s: an axis that does not exist", (name, f) => {
    expect(() => f(zeros([2, 3]), 2)).toThrow(ShapeError);
    expect(() => f(zeros([2, 3]), 2)).toThrow(`${name}: axis 2 does not exist in a tensor of rank 2 (x [2,3])`);
    expect(() => f(zeros([]))).toThrow(`${name}: axis -1 does not exist in a tensor of rank 0`);
  });
});
