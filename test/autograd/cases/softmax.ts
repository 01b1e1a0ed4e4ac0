/** Derivative cases of softmax and logSoftmax along every axis. */
import { logSoftmax, softmax } from "../../../src/autograd/softmax.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

const geometries: readonly (readonly [Shape, number])[] = [
  [[5], 0],
  [[3, 4], -1],
  [[3, 4], 0],
  [[2, 3, 5], 1],
  [[2, 1, 3], 1],
];

export const cases: readonly OpCase[] = [
  ...geometries.map(
    ([x, axis]): OpCase => ({
      op: "softmax",
      name: `x=[${x}] axis=${axis}`,
      inputs: [x],
      call: (t) => softmax(t, axis),
    }),
  ),
  ...geometries.map(
    ([x, axis]): OpCase => ({
      op: "logSoftmax",
      name: `x=[${x}] axis=${axis}`,
      inputs: [x],
      call: (t) => logSoftmax(t, axis),
    }),
  ),
];
