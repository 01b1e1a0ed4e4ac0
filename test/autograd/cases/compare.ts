/** Derivative cases of comparisons, away from ties, and of choosing: every kind of broadcasting, on all three sides. */
import { eq, ge, gt, le, lt, ne, where } from "../../../src/autograd/compare.ts";
import { tensor } from "../../../src/tensor/create.ts";
import { type Shape, sizeOf } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { apart, binary } from "./elementwise.ts";
import type { OpCase } from "./types.ts";

/** 0, 1, −2, 0, 1, … */
const condition = (shape: Shape): Tensor =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => [0, 1, -2][i % 3]),
    shape,
  );

const chosen = (c: Shape, a: Shape, b: Shape): OpCase => ({
  op: "where",
  name: `condition=[${c}] a=[${a}] b=[${b}]`,
  inputs: [a, b],
  call: (a, b) => where(condition(c), a, b),
  linearIn: [0, 1],
});

export const cases: readonly OpCase[] = [
  ...Object.entries({ eq, ne, lt, le, gt, ge }).flatMap(([op, f]) => binary(op, f, { prepare: apart })),
  chosen([3, 5], [3, 5], [3, 5]),
  chosen([3, 5], [5], [3, 1]),
  chosen([5], [2, 1, 5], [3, 1]),
  chosen([2, 1, 3, 1], [4, 1, 5], []),
  chosen([], [2, 3], [2, 3]),
  chosen([1], [], []),
  chosen([1, 3], [0, 3], [3]),
  {
    op: "where",
    name: "x=[3,4] or the number 1.7",
    inputs: [[3, 4]],
    call: (x) => where(condition([3, 4]), x, 1.7),
    linearIn: [0],
  },
  {
    op: "where",
    name: "the number 1.7 or x=[3,4]",
    inputs: [[3, 4]],
    call: (x) => where(condition([4]), 1.7, x),
    linearIn: [0],
  },
  {
    op: "where",
    name: "the larger of a and b, by a comparison of both",
    inputs: [[3, 5], [5]],
    call: (a, b) => where(gt(a, b), a, b),
    prepare: apart,
  },
];
