/** Resizing up and down, by sizes and by factors that are not whole, to one row and from one. */
import { interpolate } from "../../../src/autograd/interpolate.ts";
import type { InterpolateOptions } from "../../../src/tensor/geometry/interpolate.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

const resized = (x: Shape, options: InterpolateOptions): OpCase => ({
  op: "interpolate",
  name: ["interpolate", `x=[${x}]`, ...Object.entries(options).map(([name, value]) => `${name}=${value}`)].join(" "),
  inputs: [x],
  call: (x) => interpolate(x, options),
  linearIn: [0],
});

const MODES: readonly InterpolateOptions[] = [
  { mode: "nearest" },
  { mode: "bilinear" },
  { mode: "bilinear", alignCorners: true },
];

export const cases: OpCase[] = MODES.flatMap((mode) => [
  resized([2, 3, 5, 4], { scaleFactor: 2, ...mode }),
  resized([1, 2, 6, 7], { scaleFactor: [1.7, 0.6], ...mode }),
  resized([1, 1, 10, 3], { scaleFactor: [0.7, 2.05], ...mode }),
  resized([1, 2, 5, 7], { size: [8, 9], ...mode }),
  resized([1, 2, 9, 4], { size: [4, 13], ...mode }),
  resized([1, 2, 3, 1], { size: [1, 4], ...mode }),
  resized([1, 2, 4, 4], { size: 4, ...mode }),
]);
