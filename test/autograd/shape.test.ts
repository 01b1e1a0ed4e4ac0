/** Shaping: examples, against the definition on random shapes, PyTorch's references, errors. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { sub } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import {
  concat,
  expand,
  flatten,
  gather,
  indexSelect,
  pad,
  permute,
  reshape,
  slice,
  squeeze,
  stack,
  transpose,
  unsqueeze,
} from "../../src/autograd/shape.ts";
import { arange, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError, ValueError } from "../../src/tensor/errors.ts";
import { sizeOf, stridesOf } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { goldenFamily } from "../support/golden-family.ts";

/** 0, 1, 2, … in a shape: an element's value is its position. */
const counted = (...shape: number[]): Tensor => reshape(arange(sizeOf(shape)), shape);

describe("examples", () => {
  const x = counted(2, 3);

  it("transpose, permute, reshape, flatten, squeeze, unsqueeze", () => {
    expect(transpose(x, 0, 1).toArray()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(permute(counted(2, 1, 2), [2, 0, 1]).toArray()).toEqual([
      [[0], [2]],
      [[1], [3]],
    ]);
    expect(reshape(x, [3, -1]).toArray()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(flatten(counted(2, 3, 4), 1).shape).toEqual([2, 12]);
    expect(flatten(tensor(7)).shape).toEqual([1]);
    expect(squeeze(zeros([1, 2, 1])).shape).toEqual([2]);
    expect(squeeze(zeros([1, 2, 1]), -1).shape).toEqual([1, 2]);
    expect(squeeze(zeros([1, 2, 1]), 1).shape).toEqual([1, 2, 1]);
    expect(unsqueeze(x, -1).shape).toEqual([2, 3, 1]);
    expect(unsqueeze(x, 0).shape).toEqual([1, 2, 3]);
  });

  it("slice: negative positions count from the end, positions beyond it are clipped, an empty range is empty", () => {
    const v = counted(5);
    expect(slice(v, [[1, 4]]).toArray()).toEqual([1, 2, 3]);
    expect(slice(v, [[-2, null]]).toArray()).toEqual([3, 4]);
    expect(slice(v, [[null, null, 2]]).toArray()).toEqual([0, 2, 4]);
    expect(slice(v, [[-99, 99, 3]]).toArray()).toEqual([0, 3]);
    expect(slice(v, [[3, 1]]).toArray()).toEqual([]);
    expect(slice(x, [null, [1, 2]]).toArray()).toEqual([[1], [4]]);
    expect(slice(x, []).toArray()).toEqual(x.toArray());
  });

  it("concat, stack, pad, expand", () => {
    expect(concat([x, counted(1, 3)]).toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [0, 1, 2],
    ]);
    expect(concat([x, counted(2, 1)], 1).toArray()).toEqual([
      [0, 1, 2, 0],
      [3, 4, 5, 1],
    ]);
    expect(stack([counted(2), counted(2)], 1).toArray()).toEqual([
      [0, 0],
      [1, 1],
    ]);
    const padded = pad(
      counted(1, 2),
      [
        [1, 0],
        [0, 2],
      ],
      9,
    );
    expect(padded.toArray()).toEqual([
      [9, 9, 9, 9],
      [0, 1, 9, 9],
    ]);
    const v = tensor([1, 2, 3], { requiresGrad: true });
    const moved = pad(v, [[-1, 2]], 7);
    expect(moved.toArray()).toEqual([2, 3, 7, 7]);
    expect(
      backward(moved, { gradient: tensor([5, 6, 7, 8]) })
        .get(v)
        .toArray(),
    ).toEqual([0, 5, 6]);
    expect(pad(v, [[-2, -1]]).shape).toEqual([0]);
    expect(expand(tensor([[1], [2]]), [2, -1, 3]).shape).toEqual([2, 2, 3]);
    expect(expand(tensor([[1], [2]]), [2, 2]).toArray()).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it("indexSelect and gather: an element taken twice receives both gradients", () => {
    const v = tensor([10, 20, 30], { requiresGrad: true });
    const y = indexSelect(v, 0, [2, 0, 2]);
    expect(y.toArray()).toEqual([30, 10, 30]);
    expect(
      backward(y, { gradient: tensor([1, 10, 100]) })
        .get(v)
        .toArray(),
    ).toEqual([10, 0, 101]);

    const m = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { requiresGrad: true },
    );
    const picked = gather(m, 1, { data: [2, 2, 0, 1], shape: [2, 2] });
    expect(picked.toArray()).toEqual([
      [3, 3],
      [4, 5],
    ]);
    expect(
      backward(picked, {
        gradient: tensor([
          [1, 10],
          [100, 1000],
        ]),
      })
        .get(m)
        .toArray(),
    ).toEqual([
      [0, 0, 11],
      [100, 1000, 0],
    ]);
  });

  it("concat of the same tensor twice gives it both gradients", () => {
    const v = tensor([1, 2], { requiresGrad: true });
    expect(
      backward(concat([v, v]), { gradient: tensor([1, 2, 30, 40]) })
        .get(v)
        .toArray(),
    ).toEqual([31, 42]);
  });
});

describe("against the definition, element by element, on random shapes", () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 0, maxLength: 5 });
  /** Calls `visit` with the coordinates and the value of every element. */
  const each = (t: Tensor, visit: (at: number[], value: number) => void): void => {
    const strides = stridesOf(t.shape);
    for (let k = 0; k < t.size; k++)
      visit(
        t.shape.map((n, d) => Math.floor(k / strides[d]) % n),
        t.data[k],
      );
  };
  const at = (t: Tensor, index: readonly number[]): number => {
    const strides = stridesOf(t.shape);
    return t.data[index.reduce((sum, i, d) => sum + i * strides[d], 0)];
  };

  it("permute: y[i_axes] = x[i]", () => {
    const inputs = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    );
    fc.assert(
      fc.property(inputs, ([shape, axes]) => {
        const x = counted(...shape);
        const y = permute(x, axes);
        expect(y.shape).toEqual(axes.map((axis) => shape[axis]));
        each(y, (index, value) => {
          const source = new Array<number>(shape.length);
          axes.forEach((axis, k) => {
            source[axis] = index[k];
          });
          expect(value).toBe(at(x, source));
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("slice: y[i] = x[start + i·step]", () => {
    const range = fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
    );
    const inputs = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.array(range, { minLength: shape.length, maxLength: shape.length })),
    );
    fc.assert(
      fc.property(inputs, ([shape, ranges]) => {
        const x = counted(...shape);
        const y = slice(x, ranges);
        ranges.forEach(([start, stop, step], d) => {
          let length = 0;
          for (let i = start; i < Math.min(stop, shape[d]); i += step) length++;
          expect(y.shape[d]).toBe(length);
        });
        each(y, (index, value) => {
          expect(value).toBe(
            at(
              x,
              index.map((i, d) => ranges[d][0] + i * ranges[d][2]),
            ),
          );
        });
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it("pad, then slice the middle out: x again; everything around it is the value", () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }));
    const inputs = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.array(pair, { minLength: shape.length, maxLength: shape.length })),
    );
    fc.assert(
      fc.property(inputs, ([shape, pads]) => {
        const x = counted(...shape);
        const y = pad(x, pads, -1);
        const middle = slice(
          y,
          shape.map((n, d) => [pads[d][0], pads[d][0] + n]),
        );
        expect(middle.toArray()).toEqual(x.toArray());
        expect(y.data.filter((v) => v === -1).length).toBe(y.size - x.size);
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it("concat of the parts of x along any axis is x", () => {
    const inputs = fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
      .chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), fc.nat(4)));
    fc.assert(
      fc.property(inputs, ([shape, axis, cut]) => {
        const x = counted(...shape);
        const range = (start: number | null, stop: number | null) =>
          shape.map((_, d) => (d === axis ? ([start, stop] as const) : null));
        const parts = [slice(x, range(null, cut)), slice(x, range(cut, null))];
        expect(concat(parts, axis).toArray()).toEqual(x.toArray());
      }),
      { seed: 4, numRuns: 60 },
    );
  });
});

const inMatmul = "tested in matmul.test.ts";
goldenFamily("matmul_shape", {
  run: {
    transpose: ({ input, attrs }) => transpose(input("x"), attrs.dim0, attrs.dim1),
    permute: ({ input, attrs }) => permute(input("x"), attrs.dims),
    reshape: ({ input, attrs }) => reshape(input("x"), attrs.shape),
    permute_reshape: ({ input, attrs }) => reshape(permute(input("x"), attrs.dims), attrs.shape),
    expand: ({ input, attrs }) => expand(input("x"), attrs.shape),
    squeeze: ({ input, attrs }) => squeeze(input("x"), attrs.dim),
    unsqueeze: ({ input, attrs }) => unsqueeze(input("x"), attrs.dim),
    flatten: ({ input, attrs }) => flatten(input("x"), attrs.start_dim, attrs.end_dim),
    slice: ({ input, attrs }) =>
      slice(
        input("x"),
        // null in the fixtures' third place is the default step.
        attrs.ranges.map(([start, stop, step]: (number | null)[]) => [start, stop, step ?? 1]),
      ),
    slice_reuse: ({ input }) => {
      const x = input("x");
      return sub(slice(x, [null, [1, null]]), slice(x, [null, [null, -1]]));
    },
    concat: ({ input, attrs }) => concat(attrs.order.map(input), attrs.dim),
    stack: ({ input, attrs }) => stack(attrs.order.map(input), attrs.dim),
    pad: ({ input, attrs }) => pad(input("x"), attrs.pads, attrs.value),
    index_select: ({ input, attrs }) => indexSelect(input("x"), attrs.dim, attrs.index),
    gather: ({ case: c, input, integers, attrs }) =>
      gather(input("x"), attrs.dim, { data: integers("index"), shape: c.inputs.index.shape }),
  },
  skip: { matmul: inMatmul, matmul_nt: inMatmul, matmul_tn: inMatmul, linear: inMatmul },
});

describe("errors", () => {
  const x = zeros([2, 3]);
  it.each([
    ["transpose", () => transpose(x, 0, 2), "transpose: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    ["permute", () => permute(x, [0, 0]), "permute: axes [0,0] must name each of the 2 axes exactly once (x [2,3])"],
    ["permute", () => permute(x, [1]), "permute: axes [1] must name each of the 2 axes exactly once (x [2,3])"],
    ["reshape", () => reshape(x, [4, 2]), "reshape: 6 elements do not fill 8 (x [2,3], shape [4,2])"],
    ["reshape", () => reshape(x, [-1, 4]), "reshape: 6 elements do not divide by 4 (x [2,3], shape [-1,4])"],
    ["reshape", () => reshape(x, [-1, -1]), "reshape: only one axis can be -1 (x [2,3], shape [-1,-1])"],
    ["reshape", () => reshape(zeros([0]), [-1, 0]), "reshape: 0 elements do not divide by 0"],
    ["flatten", () => flatten(x, 1, 0), "flatten: axis 1 comes after axis 0 (x [2,3])"],
    ["squeeze", () => squeeze(x, 2), "squeeze: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    ["unsqueeze", () => unsqueeze(x, 4), "unsqueeze: the result has 3 axes, axis 4 is none of them (x [2,3])"],
    ["slice", () => slice(x, [null, null, null]), "slice: 3 ranges for 2 axes (x [2,3], ranges null, null, null)"],
    [
      "slice",
      () => slice(x, [[0, 1, 0]]),
      "slice: the step of axis 0 must be a whole number of 1 or more (x [2,3], ranges [0,1,0])",
    ],
    ["slice", () => slice(x, [[0.5, 1]]), "slice: the positions of axis 0 must be whole numbers or null"],
    ["concat", () => concat([]), "concat: needs at least one tensor"],
    ["concat", () => concat([x, zeros([2, 4])]), "concat: shapes must agree in every axis but 0, got [2,3], [2,4]"],
    ["stack", () => stack([x, zeros([3, 2])]), "stack: shapes must be equal, got [2,3], [3,2]"],
    ["pad", () => pad(x, [[1, 1]]), "pad: needs one pair [before, after] for each axis (x [2,3], pads [1,1])"],
    [
      "pad",
      () =>
        pad(x, [
          [1, 1],
          [-1.5, 0],
        ]),
      "pad: pads must be pairs of whole numbers (x [2,3], pads [1,1], [-1.5,0])",
    ],
    [
      "pad",
      () =>
        pad(x, [
          [4, -3],
          [-2, -2],
        ]),
      "pad: pads must cut off at most the 2 elements of axis 0 (x [2,3], pads [4,-3], [-2,-2])",
    ],
    ["indexSelect", () => indexSelect(x, 2, [0]), "indexSelect: axis 2 does not exist in a tensor of rank 2 (x [2,3])"],
    ["gather", () => gather(x, 0, { data: [0], shape: [1] }), "gather: the index [1] must have the rank of x"],
    [
      "gather",
      () => gather(x, 0, { data: [0, 0, 0, 0], shape: [1, 4] }),
      "gather: the index [1,4] must have the rank of x",
    ],
    ["expand", () => expand(x, [4, 3]), "expand: x [2,3] does not stretch to [4,3]"],
    ["expand", () => expand(x, [3]), "expand: x [2,3] does not stretch to [3]"],
  ] as const)("%s: %#", (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });

  it.each([
    [
      "indexSelect",
      () => indexSelect(x, 1, [0, 3]),
      "indexSelect: index 3 at position 1 must be a whole number from 0 to 2 (x [2,3], axis 1)",
    ],
    ["indexSelect", () => indexSelect(x, 0, [-1]), "indexSelect: index -1 at position 0"],
    ["indexSelect", () => indexSelect(x, 0, [Number.NaN]), "indexSelect: index NaN at position 0"],
    [
      "gather",
      () => gather(x, 1, { data: [7], shape: [1, 1] }),
      "gather: index 7 at position 0 must be a whole number from 0 to 2 (x [2,3], axis 1)",
    ],
  ] as const)("%s: an index out of range, %#", (_, call, message) => {
    expect(call).toThrow(ValueError);
    expect(call).toThrow(message);
  });

  it("reshape shares its storage with x, and a change through one is noticed by backward", () => {
    const v = tensor([1, 2], { requiresGrad: true });
    const loss = sum(reshape(v, [2, 1]));
    v.assign([5, 6]);
    expect(() => backward(loss)).toThrow("changed in place");
  });
});
