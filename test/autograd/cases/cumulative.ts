/** Derivative cases of running sums along every axis; lengths of 0 and 1. */
import { cumsum } from "../../../src/autograd/cumulative.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

const geometries: readonly (readonly [Shape, number])[] = [
  [[5], 0],
  [[3, 4], -1],
  [[3, 4], 0],
  [[2, 3, 5], 1],
  [[2, 1, 3], 1],
  [[2, 0, 3], 1],
];

export const cases: readonly OpCase[] = geometries.map(([x, axis]) => ({
  op: "cumsum",
  name: `x=[${x}] axis=${axis}`,
  inputs: [x],
  call: (t) => cumsum(t, axis),
  linearIn: [0],
}));
