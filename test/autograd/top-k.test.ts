/** topK: examples, ties, NaN, nothing; against sorting everything. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { maxWithIndices } from "../../src/autograd/reduce.ts";
import { topK } from "../../src/autograd/top-k.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError, ValueError } from "../../src/tensor/errors.ts";

const NAN = Number.NaN;

describe("topK", () => {
  it("the largest in falling order, the smallest in rising order; of equal ones the first comes first", () => {
    const x = tensor([3, 7, 5, 7, 3]);
    const { values, indices } = topK(x, 4);
    expect(values.toArray()).toEqual([7, 7, 5, 3]);
    expect([...indices.data]).toEqual([1, 3, 2, 0]);
    expect([...topK(x, 3, { largest: false }).indices.data]).toEqual([0, 4, 2]);
  });

  it("NaN is the largest, and zeros of both signs are equal", () => {
    const x = tensor([1, NAN, Infinity, -0, 0, NAN]);
    expect([...topK(x, 6).indices.data]).toEqual([1, 5, 2, 0, 3, 4]);
    expect([...topK(x, 6, { largest: false }).indices.data]).toEqual([3, 4, 0, 2, 1, 5]);
  });

  it("the gradient goes to the elements that were taken, along the axis asked for", () => {
    const x = tensor(
      [
        [1, 6],
        [5, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    );
    const { values, indices } = topK(x, 2, { axis: 0 });
    expect(values.toArray()).toEqual([
      [5, 6],
      [3, 4],
    ]);
    expect(indices).toEqual({ data: Int32Array.of(1, 0, 2, 2), shape: [2, 2] });
    const gradient = tensor([
      [10, 20],
      [30, 40],
    ]);
    expect(backward(values, { gradient }).get(x).toArray()).toEqual([
      [0, 20],
      [10, 0],
      [30, 40],
    ]);
  });

  it("is a stable sort's beginning, and its first is that of maxWithIndices", () => {
    const numbers = fc.array(fc.constantFrom(-1, 0, 0.5, 2, 3, NAN), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(numbers, fc.nat(40), (list, most) => {
        const k = Math.min(most, list.length);
        const rank = (v: number): number => (Number.isNaN(v) ? Infinity : v);
        const sorted = [...list.keys()].sort((i, j) => {
          const [p, q] = [rank(list[i]), rank(list[j])];
          return p === q ? i - j : p > q ? -1 : 1;
        });
        expect([...topK(tensor(list), k).indices.data]).toEqual(sorted.slice(0, k));
        expect(maxWithIndices(tensor(list), 0).indices.data[0]).toBe(sorted[0]);
      }),
    );
  });

  it("none of some, and some of no lines", () => {
    expect(topK(zeros([2, 3]), 0).values.shape).toEqual([2, 0]);
    expect(topK(zeros([0, 3]), 2).values.shape).toEqual([0, 2]);
  });

  it("more than there are, and axes that do not exist, are errors", () => {
    expect(() => topK(zeros([2, 3]), 4)).toThrow(ValueError);
    expect(() => topK(zeros([2, 3]), 4)).toThrow("topK: k must be a whole number from 0 to 3, got 4");
    expect(() => topK(zeros([2]), 1, { axis: 1 })).toThrow(ShapeError);
  });
});
