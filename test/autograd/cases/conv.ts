/** Convolutions in all geometries: odd sizes, strides that do not divide, one direction unlike the other, groups. */
import { conv1d, conv2d } from "../../../src/autograd/conv.ts";
import type { Conv1dOptions, Conv2dOptions } from "../../../src/tensor/geometry/conv.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

function conv2dCase(x: Shape, w: Shape, options: Conv2dOptions = {}, bias = true): OpCase {
  return { ...described("conv2d", x, w, options, bias), call: (x, w, b) => conv2d(x, w, b ?? null, options) };
}

function conv1dCase(x: Shape, w: Shape, options: Conv1dOptions = {}, bias = true): OpCase {
  return { ...described("conv1d", x, w, options, bias), call: (x, w, b) => conv1d(x, w, b ?? null, options) };
}

function described(op: string, x: Shape, w: Shape, options: Conv2dOptions, bias: boolean): Omit<OpCase, "call"> {
  const settings = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return {
    op,
    name: [op, `x=[${x}]`, `w=[${w}]`, bias ? "b" : "no b", ...settings].join(" "),
    inputs: bias ? [x, w, [w[0]]] : [x, w],
    linearIn: bias ? [0, 1, 2] : [0, 1],
  };
}

export const cases: OpCase[] = [
  conv2dCase([2, 3, 7, 5], [4, 3, 3, 3], { stride: 2, padding: 1 }),
  conv2dCase([1, 2, 5, 6], [3, 2, 3, 3], { padding: 1 }, false),
  conv2dCase([2, 5, 4, 4], [7, 5, 1, 1]),
  conv2dCase([1, 3, 5, 5], [2, 3, 1, 1], { stride: 2 }),
  conv2dCase([1, 2, 9, 8], [5, 2, 4, 3], { stride: [3, 2], padding: [1, 2] }),
  conv2dCase([1, 2, 8, 9], [3, 2, 3, 2], { stride: 2, padding: 2, dilation: [2, 3] }),
  conv2dCase([2, 4, 6, 5], [6, 2, 3, 3], { padding: 1, groups: 2 }),
  conv2dCase([1, 3, 7, 7], [6, 1, 3, 3], { stride: 2, padding: 1, groups: 3 }),
  conv2dCase([1, 1, 2, 3], [2, 1, 5, 4], { padding: 3 }),
  conv2dCase([1, 2, 4, 4], [3, 2, 1, 1], { padding: 2 }),
  conv1dCase([2, 3, 9], [4, 3, 3]),
  conv1dCase([2, 3, 9], [4, 3, 1], {}, false),
  conv1dCase([1, 2, 8], [3, 2, 4], { stride: 3, padding: 2 }),
  conv1dCase([2, 4, 7], [6, 2, 3], { padding: 2, dilation: 2, groups: 2 }),
];
