/** Matrix products of every combination of ranks, and linear layers. */
import { linear, matmul } from "../../../src/autograd/matmul.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

const product = (a: Shape, b: Shape): OpCase => ({
  op: "matmul",
  name: `matmul a=[${a}] b=[${b}]`,
  inputs: [a, b],
  call: matmul,
  linearIn: [0, 1],
});

const layer = (x: Shape, w: Shape, bias = true): OpCase => ({
  op: "linear",
  name: `linear x=[${x}] w=[${w}] ${bias ? "b" : "no b"}`,
  inputs: bias ? [x, w, [w[0]]] : [x, w],
  call: (x, w, b) => linear(x, w, b ?? null),
  linearIn: bias ? [0, 1, 2] : [0, 1],
});

export const cases: OpCase[] = [
  product([3, 4], [4, 5]),
  product([1, 7], [7, 1]),
  product([13, 9], [9, 11]),
  product([4], [4]),
  product([3, 4], [4]),
  product([4], [4, 5]),
  product([2, 3, 4], [2, 4, 5]),
  product([2, 3, 4], [4, 5]),
  product([3, 4], [2, 4, 5]),
  product([2, 1, 3, 4], [5, 4, 2]),
  product([4], [3, 4, 2]),
  product([2, 3, 4], [4]),
  product([1, 3, 2, 2], [2, 1, 2, 3]),
  layer([4, 6], [3, 6]),
  layer([4, 6], [3, 6], false),
  layer([2, 3, 5], [7, 5]),
  layer([6], [2, 6]),
];
