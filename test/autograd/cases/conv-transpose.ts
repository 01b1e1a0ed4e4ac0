/** Transposed convolutions in all geometries: those of conv.ts, and output padding, also beyond the stride. */
import { convTranspose2d } from "../../../src/autograd/conv-transpose.ts";
import type { ConvTranspose2dOptions } from "../../../src/tensor/geometry/conv-transpose.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

function transposedCase(x: Shape, w: Shape, options: ConvTranspose2dOptions = {}, bias = true): OpCase {
  const settings = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return {
    op: "convTranspose2d",
    name: ["convTranspose2d", `x=[${x}]`, `w=[${w}]`, bias ? "b" : "no b", ...settings].join(" "),
    inputs: bias ? [x, w, [w[1] * (options.groups ?? 1)]] : [x, w],
    call: (x, w, b) => convTranspose2d(x, w, b ?? null, options),
    linearIn: bias ? [0, 1, 2] : [0, 1],
  };
}

export const cases: OpCase[] = [
  transposedCase([2, 3, 4, 5], [3, 4, 2, 2], { stride: 2 }),
  transposedCase([1, 2, 5, 6], [2, 3, 3, 3], { padding: 1 }, false),
  transposedCase([1, 3, 4, 3], [3, 2, 4, 4], { stride: 2, padding: 1 }),
  transposedCase([1, 2, 4, 5], [2, 3, 3, 3], { stride: 2, padding: 1, outputPadding: 1 }),
  transposedCase([1, 2, 3, 4], [2, 3, 4, 3], { stride: [3, 2], padding: [1, 2], outputPadding: [2, 0] }),
  transposedCase([1, 2, 3, 4], [2, 3, 3, 2], { stride: 2, padding: 2, dilation: [2, 3] }),
  transposedCase([2, 4, 4, 3], [4, 3, 3, 3], { stride: 2, padding: 1, groups: 2 }),
  transposedCase([1, 3, 4, 4], [3, 1, 3, 3], { stride: 2, padding: 1, groups: 3 }),
  transposedCase([1, 2, 3, 4], [2, 3, 2, 2], { stride: 2, outputPadding: 2, dilation: 3 }),
  transposedCase([1, 2, 1, 1], [2, 3, 5, 4], { padding: [2, 1] }),
  transposedCase([1, 2, 3, 3], [2, 3, 1, 1], { stride: 2 }),
];
