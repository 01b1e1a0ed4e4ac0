/** Reductions: examples, ties, NaN and infinities, nothing at all, PyTorch's references (and softmax's), errors. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { cumsum } from "../../src/autograd/cumulative.ts";
import {
  argmax,
  argmin,
  logsumexp,
  max,
  maxWithIndices,
  mean,
  min,
  minWithIndices,
  prod,
  std,
  sum,
  variance,
} from "../../src/autograd/reduce.ts";
import { logSoftmax, softmax } from "../../src/autograd/softmax.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import type { NestedArray } from "../../src/tensor/nested.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { goldenFamily } from "../support/golden-family.ts";

const leaf = (values: NestedArray): Tensor => tensor(values, { requiresGrad: true });
const slope = (f: (x: Tensor) => Tensor, x: Tensor): NestedArray =>
  backward(sum(f(x)))
    .get(x)
    .toArray();

describe("examples", () => {
  const x = leaf([
    [1, 2, 6],
    [4, 0, 2],
  ]);

  it("sum and mean over one axis, several, all", () => {
    expect(sum(x, 0).toArray()).toEqual([5, 2, 8]);
    expect(sum(x, -1).toArray()).toEqual([9, 6]);
    expect(sum(x).toArray()).toBe(15);
    expect(sum(x, [0, 1]).shape).toEqual([]);
    expect(mean(x, 1).toArray()).toEqual([3, 2]);
    expect(mean(x, 1, { keepDim: true }).shape).toEqual([2, 1]);
    expect(sum(x, []).toArray()).toEqual(x.toArray());
  });

  it("mean's gradient is 1/n each", () => {
    expect(slope((t) => mean(t, 1), leaf([[1, 2, 3, 4]]))).toEqual([[0.25, 0.25, 0.25, 0.25]]);
  });

  it("max, its position, its gradient", () => {
    expect(max(x, 1).toArray()).toEqual([6, 4]);
    expect(argmax(x, 1)).toEqual({ data: Int32Array.of(2, 0), shape: [2] });
    expect(argmax(x)).toEqual({ data: Int32Array.of(2), shape: [] });
    expect(argmax(x, 0, { keepDim: true }).shape).toEqual([1, 3]);
    expect(slope((t) => max(t, 0), x)).toEqual([
      [0, 1, 1],
      [1, 0, 0],
    ]);
  });

  it("min, its position, its gradient", () => {
    expect(min(x, 1).toArray()).toEqual([1, 0]);
    expect(argmin(x, 1)).toEqual({ data: Int32Array.of(0, 1), shape: [2] });
    expect(argmin(x)).toEqual({ data: Int32Array.of(4), shape: [] });
    expect(argmin(x, 0, { keepDim: true }).shape).toEqual([1, 3]);
    expect(slope((t) => min(t, 0), x)).toEqual([
      [1, 0, 0],
      [0, 1, 1],
    ]);
  });

  it("prod; its gradient is the product of the others, with no zero, one, and two", () => {
    expect(prod(x, 1).toArray()).toEqual([12, 0]);
    expect(prod(x).item()).toBe(0);
    expect(prod(x, 0, { keepDim: true }).toArray()).toEqual([[4, 0, 12]]);
    expect(slope((t) => prod(t), leaf([2, 3, 4]))).toEqual([12, 8, 6]);
    expect(slope((t) => prod(t), leaf([2, 0, 4]))).toEqual([0, 8, 0]);
    expect(slope((t) => prod(t), leaf([0, 0, 4]))).toEqual([0, 0, 0]);
  });

  it("prod on the way: beyond float32 is no loss, beyond float64 is", () => {
    const powers = (n: number, exponent: number): number[] => new Array<number>(n).fill(2 ** exponent);
    for (const n of [8, 9]) {
      expect(prod(tensor([...powers(n, 120), ...powers(n, -120)])).item()).toBe(n === 8 ? 1 : Infinity);
      expect(prod(tensor([...powers(n, -120), ...powers(n, 120)])).item()).toBe(n === 8 ? 1 : 0);
    }
  });

  it("variance and standard deviation of [2, 4, 4, 4, 5, 5, 7, 9]: 4 and 2 of the values, 32/7 of the sample", () => {
    const v = tensor([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(variance(v, 0, { correction: 0 }).item()).toBe(4);
    expect(std(v, 0, { correction: 0 }).item()).toBe(2);
    expect(variance(v).item()).toBeCloseTo(32 / 7, 6);
  });
});

describe("ties", () => {
  it("max splits the gradient evenly among the largest", () => {
    expect(slope((t) => max(t), leaf([3, 1, 3, 3]))).toEqual([1 / 3, 0, 1 / 3, 1 / 3].map(Math.fround));
  });

  it("min splits it evenly among the smallest, minWithIndices gives it to the first", () => {
    expect(slope((t) => min(t), leaf([1, 3, 1, 1]))).toEqual([1 / 3, 0, 1 / 3, 1 / 3].map(Math.fround));
    const x = leaf([
      [5, 1, 1],
      [2, 7, 2],
    ]);
    expect(minWithIndices(x, 1).indices).toEqual({ data: Int32Array.of(1, 0), shape: [2] });
    expect(slope((t) => minWithIndices(t, 1).values, x)).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
  });

  it("maxWithIndices gives it to the first", () => {
    const x = leaf([
      [1, 5, 5],
      [7, 7, 2],
    ]);
    const { values, indices } = maxWithIndices(x, 1);
    expect(values.toArray()).toEqual([5, 7]);
    expect(indices).toEqual({ data: Int32Array.of(1, 0), shape: [2] });
    expect(
      backward(values, { gradient: tensor([10, 20]) })
        .get(x)
        .toArray(),
    ).toEqual([
      [0, 10, 0],
      [20, 0, 0],
    ]);
  });
});

describe("NaN, infinities, nothing", () => {
  const NAN = Number.NaN;
  const INF = Number.POSITIVE_INFINITY;

  it("a NaN is the largest, wherever it stands", () => {
    for (const values of [
      [NAN, 1, 2],
      [1, NAN, 2],
      [1, 2, NAN],
    ]) {
      const x = tensor(values);
      expect(max(x).item()).toBeNaN();
      expect(argmax(x).data[0]).toBe(values.findIndex(Number.isNaN));
      expect(maxWithIndices(x, 0).values.item()).toBeNaN();
      expect(logsumexp(x).item()).toBeNaN();
    }
  });

  it("a NaN is the smallest, too, and a factor", () => {
    for (const values of [
      [NAN, 1, 2],
      [2, NAN, NAN],
      [1, -INF, NAN],
    ]) {
      const x = tensor(values);
      expect(min(x).item()).toBeNaN();
      expect(argmin(x).data[0]).toBe(values.findIndex(Number.isNaN));
      expect(minWithIndices(x, 0).values.item()).toBeNaN();
      expect(prod(x).item()).toBeNaN();
    }
    expect(min(tensor([INF, INF])).item()).toBe(INF);
    expect(argmin(tensor([INF, INF])).data[0]).toBe(0);
    expect(prod(tensor([0, INF])).item()).toBeNaN();
  });

  it("a product leaves float32's range on its way, and comes back", () => {
    expect(prod(tensor([1e30, 1e30, 1e-30, 1e-30])).item()).toBeCloseTo(1, 6);
    expect((slope((t) => prod(t), leaf([1e30, 1e30, 1e-30, 1e-30])) as number[])[3]).toBeCloseTo(1e30, -24);
  });

  it("rows of only −∞ have a largest element and its position", () => {
    const x = tensor([-INF, -INF]);
    expect(max(x).item()).toBe(-INF);
    expect(argmax(x).data[0]).toBe(0);
    expect(logsumexp(x).item()).toBe(-INF);
  });

  it("logsumexp does not overflow: ln(e¹⁰⁰⁰ + e¹⁰⁰⁰) = 1000 + ln 2", () => {
    expect(logsumexp(tensor([1000, 1000])).item()).toBeCloseTo(1000 + Math.LN2, 3);
    expect(logsumexp(tensor([INF, 0])).item()).toBe(INF);
    expect(slope((t) => logsumexp(t), leaf([1000, 1000]))).toEqual([0.5, 0.5]);
  });

  it("the product of nothing is 1, its minimum an error", () => {
    const x = zeros([2, 0]);
    expect(prod(x, 1).toArray()).toEqual([1, 1]);
    for (const f of [min, argmin, minWithIndices]) {
      expect(() => f(x, 1)).toThrow(`${f.name}: cannot take the smallest of no elements (x [2,0])`);
    }
  });

  it("the sum of nothing is 0, its mean NaN, its logsumexp −∞, its maximum an error", () => {
    const x = zeros([2, 0]);
    expect(sum(x, 1).toArray()).toEqual([0, 0]);
    expect(sum(x, 0).toArray()).toEqual([]);
    expect(mean(x, 1).toArray()).toEqual([NAN, NAN]);
    expect(logsumexp(x, 1).toArray()).toEqual([-INF, -INF]);
    expect(() => max(x, 1)).toThrow("max: cannot take the largest of no elements (x [2,0])");
  });

  it.each([1e-38, 1e-30, 1, 1e20, 2e38])("std of ±%s, and its derivative, whatever the square", (size) => {
    const signs = [1, -1, 1, -1];
    const x = signs.map((sign) => sign * size);
    const expected = size * Math.sqrt(4 / 3);
    expect(Math.abs(std(tensor(x)).item() - expected)).toBeLessThanOrEqual(2 ** -23 * expected);
    expect(std(tensor(x.map((v) => [v, v])), 0, { correction: 0 }).toArray()).toEqual([size, size].map(Math.fround));
    // ∂s/∂x_i = d_i / 3s = ±1/√12.
    (slope((t) => std(t), leaf(x)) as number[]).forEach((v, i) => {
      expect(v).toBeCloseTo(signs[i] / Math.sqrt(12), 6);
    });
  });

  it("variance of ±10⁻²⁰ and ±10¹⁹, and its derivative", () => {
    for (const size of [1e-20, 1e19]) {
      const [value] = variance(tensor([size, -size])).data;
      expect(Math.abs(value / (2 * size * size) - 1)).toBeLessThan(size < 1 ? 1e-4 : 1e-6); // 10⁻⁴⁰ has five digits
      const gradient = slope((t) => variance(t), leaf([size, -size])) as number[];
      gradient.forEach((v, i) => {
        expect(Math.abs(v / (i === 0 ? 2 * size : -2 * size) - 1)).toBeLessThan(1e-6);
      });
    }
  });

  it("the variance of one value is NaN with correction 1, 0 without; std has gradient 0 where it is 0", () => {
    expect(variance(tensor([3])).item()).toBeNaN();
    expect(variance(tensor([3]), 0, { correction: 0 }).item()).toBe(0);
    expect(slope((t) => std(t), leaf([2, 2, 2]))).toEqual([0, 0, 0]);
  });

  it("float32 data are summed in float64: 2²⁴ + 1 + 1 keeps its ones", () => {
    expect(sum(tensor([2 ** 24, 1, 1])).item()).toBe(2 ** 24 + 2);
  });
});

goldenFamily("reductions", {
  run: {
    sum: ({ input, attrs }) => sum(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim }),
    mean: ({ input, attrs }) => mean(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim }),
    amax: ({ input, attrs }) => max(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim }),
    logsumexp: ({ input, attrs }) => logsumexp(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim }),
    var: ({ input, attrs }) =>
      variance(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim, correction: attrs.correction }),
    std: ({ input, attrs }) =>
      std(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim, correction: attrs.correction }),
    max_dim: ({ input, attrs }) => {
      const { values, indices } = maxWithIndices(input("x"), attrs.dim, { keepDim: attrs.keepdim });
      return { outputs: { y: values, indices } };
    },
    argmax: ({ input, attrs }) => ({
      outputs: { indices: argmax(input("x"), attrs.dim ?? undefined, { keepDim: attrs.keepdim }) },
    }),
    softmax: ({ input, attrs }) => softmax(input("x"), attrs.dim),
    log_softmax: ({ input, attrs }) => logSoftmax(input("x"), attrs.dim),
  },
});

describe("errors", () => {
  const x = zeros([2, 3]);
  it.each([
    ["sum", () => sum(x, 2), "sum: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    ["mean", () => mean(x, -3), "mean: axis -3 does not exist in a tensor of rank 2 (x [2,3])"],
    ["prod", () => prod(x, 2), "prod: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    ["min", () => min(x, [0, 0]), "min: axes [0,0] name an axis twice (x [2,3])"],
    ["cumsum", () => cumsum(x, 2), "cumsum: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    ["max", () => max(x, [0, 0]), "max: axes [0,0] name an axis twice (x [2,3])"],
    ["variance", () => variance(x, [1, -1]), "variance: axes [1,-1] name an axis twice (x [2,3])"],
    ["std", () => std(x, 5), "std: axis 5 does not exist in a tensor of rank 2 (x [2,3])"],
    ["logsumexp", () => logsumexp(x, 0.5), "logsumexp: axis 0.5 does not exist in a tensor of rank 2 (x [2,3])"],
    ["argmax", () => argmax(x, 2), "argmax: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    [
      "maxWithIndices",
      () => maxWithIndices(x, 2),
      "maxWithIndices: axis 2 does not exist in a tensor of rank 2 (x [2,3])",
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });
});
