/** Making tensors: values and shapes, independence from what they were made of, errors. */
import { describe, expect, it } from "vitest";
import { arange, eye, full, ones, randn, tensor, uniform, zeros } from "../../src/tensor/create.ts";
import { ShapeError, ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("tensor", () => {
  it.each([
    ["a number", 5, []],
    ["a list", [1, 2, 3], [3]],
    [
      "a matrix",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [3, 2],
    ],
    ["three axes", [[[1], [2]]], [1, 2, 1]],
    ["nothing", [], [0]],
    ["rows of nothing", [[], []], [2, 0]],
  ])("from %s", (_, values, shape) => {
    const t = tensor(values);
    expect(t.shape).toEqual(shape);
    expect(t.data).toBeInstanceOf(Float32Array);
    expect(t.toArray()).toEqual(values);
  });

  it("from flat values and a shape: the example of its documentation", () => {
    const m = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const same = tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
    expect(same.toArray()).toEqual(m.toArray());
    expect(tensor([1, 2, 3, 4], [2, 2]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor([7], []).item()).toBe(7);
  });

  it("copies the values and the shape", () => {
    const values = new Float32Array([1, 2]);
    const shape = [2, 1];
    const t = tensor(values, shape);
    values[0] = 9;
    shape[0] = 9;
    expect(t.toArray()).toEqual([[1], [2]]);
  });

  it("keeps float64", () => {
    expect(tensor(Float64Array.of(0.1)).item()).toBe(0.1);
    expect(tensor([0.1]).item()).toBe(Math.fround(0.1));
  });

  it("requiresGrad stands behind the values or behind the shape", () => {
    expect(tensor([1]).requiresGrad).toBe(false);
    expect(tensor([1], { requiresGrad: true }).requiresGrad).toBe(true);
    expect(tensor([1], [1], { requiresGrad: true }).requiresGrad).toBe(true);
  });

  it("refuses ragged nesting, saying where", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(ShapeError);
    expect(() => tensor([[1, 2], [3]])).toThrow(
      "tensor: ragged nesting: the part at [1] has shape [1], its neighbours [2]",
    );
    expect(() =>
      tensor([
        [[1], [2]],
        [[3], 4],
      ]),
    ).toThrow("tensor: ragged nesting: the part at [1][1] has shape [], its neighbours [1]");
  });

  it("refuses values that do not fill the shape, lengths that are none, and what is no number", () => {
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow("tensor: 3 values do not fill shape [2,2] (4 elements)");
    expect(() => tensor([1], [-1, -1])).toThrow("tensor: axis lengths must be whole numbers of 0 or more, got [-1,-1]");
    expect(() => tensor(["1"] as unknown as number[])).toThrow(
      'tensor: expected numbers or nested arrays of them, got "1"',
    );
  });
});

describe("filled and counted", () => {
  it("zeros, ones, full, eye", () => {
    expect(zeros([2, 1]).toArray()).toEqual([[0], [0]]);
    expect(ones([]).item()).toBe(1);
    expect(full([2], 1.5, { requiresGrad: true }).requiresGrad).toBe(true);
    expect(eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it("arange: start, stop, step", () => {
    expect(arange(4).toArray()).toEqual([0, 1, 2, 3]);
    expect(arange(2, 5).toArray()).toEqual([2, 3, 4]);
    expect(arange(0, 1, 0.25).toArray()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(arange(3, 0, -1).toArray()).toEqual([3, 2, 1]);
    expect(arange(5, 2).toArray()).toEqual([]);
  });

  it.each([
    [0, 1, 0],
    [Number.NaN, 1, 1],
    [0, Number.POSITIVE_INFINITY, 1],
  ])("arange(%f, %f, %f) is refused", (start, stop, step) => {
    expect(() => arange(start, stop, step)).toThrow(ValueError);
  });

  it.each([
    ["zeros", () => zeros([2, -1])],
    ["ones", () => ones([1.5])],
    ["full", () => full([Number.NaN], 0)],
    ["eye", () => eye(-2)],
    ["randn", () => randn([-1], new Rng(0))],
    ["uniform", () => uniform([0.5], new Rng(0))],
  ])("%s names itself when a length is none", (name, call) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(`${name}: axis lengths must be whole numbers of 0 or more, got [`);
  });
});

describe("random", () => {
  it("the same seed gives the same tensor, another seed another", () => {
    expect(randn([3, 3], new Rng(1)).toArray()).toEqual(randn([3, 3], new Rng(1)).toArray());
    expect(randn([3, 3], new Rng(1)).toArray()).not.toEqual(randn([3, 3], new Rng(2)).toArray());
  });

  it("uniform stays below its upper end even where float32 would round up to it", () => {
    // Between 1 and 1 + 2⁻²³ float32 has nothing: half of all draws would round to the upper end.
    const t = uniform([100], new Rng(3), 1, 1 + 2 ** -23);
    expect(t.data.every((v) => v === 1)).toBe(true);
    expect(uniform([3], new Rng(3), 2, 2).toArray()).toEqual([2, 2, 2]);
    const wide = uniform([1000], new Rng(4), -2, 3).data;
    expect(Math.min(...wide)).toBeLessThan(-1.9);
    expect(Math.max(...wide)).toBeGreaterThan(2.9);
    expect(wide.every((v) => v >= -2 && v < 3)).toBe(true);
  });
});
