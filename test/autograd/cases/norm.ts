/** Derivative cases of the normalisations: every presence of weight and bias, training and evaluation, large eps. */
import { batchNorm, groupNorm, instanceNorm, layerNorm } from "../../../src/autograd/norm.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import { owned, type Tensor } from "../../../src/tensor/tensor.ts";
import type { OpCase } from "./types.ts";

const constant = (like: Tensor, values: number[]): Tensor =>
  owned(like.data instanceof Float64Array ? Float64Array.from(values) : Float32Array.from(values), [values.length]);

const running = (x: Tensor): { runningMean: Tensor; runningVar: Tensor } => {
  const channels = Array.from({ length: x.shape[1] }, (_, c) => c);
  return {
    runningMean: constant(
      x,
      channels.map((c) => 0.3 * c - 0.2),
    ),
    runningVar: constant(
      x,
      channels.map((c) => 0.5 + 0.25 * c),
    ),
  };
};

const batch = (x: Shape, eps: number): OpCase[] => {
  const C = [x[1]];
  const shown = `x=[${x}] eps=${eps}`;
  return [
    {
      op: "batchNorm",
      name: `${shown} training`,
      inputs: [x, C, C],
      call: (x, w, b) => batchNorm(x, w, b, { training: true, eps, ...running(x) }),
      linearIn: [1, 2],
    },
    {
      op: "batchNorm",
      name: `${shown} training without weight, bias and running statistics`,
      inputs: [x],
      call: (x) => batchNorm(x, null, null, { training: true, eps }),
    },
    {
      op: "batchNorm",
      name: `${shown} training without weight`,
      inputs: [x, C],
      call: (x, b) => batchNorm(x, null, b, { training: true, eps }),
      linearIn: [1],
    },
    {
      op: "batchNorm",
      name: `${shown} evaluation`,
      inputs: [x, C, C],
      call: (x, w, b) => batchNorm(x, w, b, { training: false, eps, ...running(x) }),
      linearIn: [0, 1, 2],
    },
    {
      op: "batchNorm",
      name: `${shown} evaluation without bias`,
      inputs: [x, C],
      call: (x, w) => batchNorm(x, w, null, { training: false, eps, ...running(x) }),
      linearIn: [0, 1],
    },
  ];
};

export const cases: readonly OpCase[] = [
  ...batch([4, 3], 1e-5),
  ...batch([2, 3, 5, 3], 1e-5),
  ...batch([3, 2, 4], 0.5),
  ...batch([1, 1, 3, 3], 1e-5),
  ...(
    [
      [[4, 6], [6]],
      [
        [2, 3, 5],
        [3, 5],
      ],
      [[5], [5]],
      [[3, 2, 1, 4], [4]],
    ] as const
  ).map(
    ([x, normalizedShape]): OpCase => ({
      op: "layerNorm",
      name: `x=[${x}] normalizedShape=[${normalizedShape}]`,
      inputs: [x, normalizedShape, normalizedShape],
      call: (x, w, b) => layerNorm(x, normalizedShape, w, b),
      linearIn: [1, 2],
    }),
  ),
  { op: "layerNorm", name: "x=[3,4] without weight and bias", inputs: [[3, 4]], call: (x) => layerNorm(x, [4]) },
  {
    op: "layerNorm",
    name: "x=[3,4] without weight, eps=0.1",
    inputs: [[3, 4], [4]],
    call: (x, b) => layerNorm(x, [4], null, b, { eps: 0.1 }),
    linearIn: [1],
  },
  ...(
    [
      [[2, 6, 3, 5], 2],
      [[2, 6, 3, 5], 1],
      [[1, 4, 3], 4],
      [[3, 6], 3],
    ] as const
  ).map(
    ([x, groups]): OpCase => ({
      op: "groupNorm",
      name: `x=[${x}] groups=${groups}`,
      inputs: [x, [x[1]], [x[1]]],
      call: (x, w, b) => groupNorm(x, groups, w, b),
      linearIn: [1, 2],
    }),
  ),
  ...(
    [
      [2, 3, 4, 5],
      [1, 4, 3],
      [3, 1, 1, 2],
    ] as const
  ).map(
    (x): OpCase => ({
      op: "instanceNorm",
      name: `x=[${x}]`,
      inputs: [x, [x[1]], [x[1]]],
      call: (x, w, b) => instanceNorm(x, w, b),
      linearIn: [1, 2],
    }),
  ),
  { op: "instanceNorm", name: "x=[2,4,3] bare", inputs: [[2, 4, 3]], call: (x) => instanceNorm(x) },
  {
    op: "instanceNorm",
    name: "x=[2,4,3] without weight, eps=0.1",
    inputs: [[2, 4, 3], [4]],
    call: (x, b) => instanceNorm(x, null, b, { eps: 0.1 }),
    linearIn: [1],
  },
  { op: "groupNorm", name: "x=[2,4,3] without weight and bias", inputs: [[2, 4, 3]], call: (x) => groupNorm(x, 2) },
  {
    op: "groupNorm",
    name: "x=[2,4,3] without bias, eps=0.1",
    inputs: [[2, 4, 3], [4]],
    call: (x, w) => groupNorm(x, 2, w, null, { eps: 0.1 }),
    linearIn: [1],
  },
];
