/** `Tensor`: what it holds, what comes out of it, what changes it. */
import { describe, expect, it } from "vitest";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { empty, owned, Tensor } from "../../src/tensor/tensor.ts";

describe("Tensor", () => {
  it("wraps its storage without copying", () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const t = new Tensor(data, [2, 2]);
    expect(t.data).toBe(data);
    expect([t.rank, t.size, t.requiresGrad, t.node]).toEqual([2, 4, false, null]);
  });

  it("refuses storage that does not fill the shape", () => {
    expect(() => new Tensor(new Float32Array(3), [2, 2])).toThrow(ShapeError);
    expect(() => new Tensor(new Float32Array(3), [2, 2])).toThrow(
      "tensor: 3 values do not fill shape [2,2] (4 elements)",
    );
  });

  it("item: the one number, of any rank", () => {
    expect(tensor(3).item()).toBe(3);
    expect(tensor([[[4]]]).item()).toBe(4);
    expect(() => tensor([1, 2]).item()).toThrow("item: needs a tensor with exactly one element, this one is [2]");
    expect(() => zeros([0]).item()).toThrow(ShapeError);
  });

  it("toArray nests to the depth of the rank", () => {
    expect(new Tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 3, 2]).toArray()).toEqual([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ]);
    expect(tensor(2).toArray()).toBe(2);
    expect(zeros([0, 2]).toArray()).toEqual([]);
    expect(zeros([2, 0]).toArray()).toEqual([[], []]);
  });

  it("clone has its own storage, the same type, and stands outside the graph", () => {
    const t = tensor(Float64Array.of(0.1, 0.2), { requiresGrad: true });
    const copy = t.clone();
    copy.data[0] = 9;
    expect(t.data[0]).toBe(0.1);
    expect(copy.data).toBeInstanceOf(Float64Array);
    expect([copy.requiresGrad, copy.node]).toEqual([true, null]);
  });

  it("assign overwrites in place and counts the change", () => {
    const t = zeros([2]);
    const { data } = t;
    t.assign([3, 4]);
    expect([...data]).toEqual([0, 0]);
    expect(t.toArray()).toEqual([3, 4]);
    expect(t.version).toBe(1);
    expect(() => t.assign([1])).toThrow("assign: 1 values for a tensor [2]");
    expect(t.version).toBe(1);
  });

  it("toString prints the values", () => {
    expect(`${tensor([1, 2])}`).toBe("[1. 2.]");
  });

  it("empty has the storage type of its model", () => {
    expect(empty([2, 3]).data).toBeInstanceOf(Float32Array);
    expect(empty([2, 3], owned(Float64Array.of(1), [1])).data).toBeInstanceOf(Float64Array);
    expect(empty([2, 3]).size).toBe(6);
  });
});
