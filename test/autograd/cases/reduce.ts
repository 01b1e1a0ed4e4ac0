/** Derivative cases of the reductions: one axis, several, apart or adjacent, all, none; lengths of 1. */
import {
  logsumexp,
  max,
  maxWithIndices,
  mean,
  min,
  minWithIndices,
  prod,
  std,
  sum,
  variance,
} from "../../../src/autograd/reduce.ts";
import { topK } from "../../../src/autograd/top-k.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import type { OpCase } from "./types.ts";

const geometries: readonly { x: Shape; axes?: number | readonly number[]; keepDim?: boolean }[] = [
  { x: [3, 4] },
  { x: [3, 4], axes: 0 },
  { x: [2, 3, 4], axes: -1, keepDim: true },
  { x: [2, 3, 4], axes: [0, 2] },
  { x: [2, 3, 4, 5], axes: [0, 2, 3], keepDim: true },
  { x: [2, 3, 4, 5], axes: [1, 2] },
  { x: [3, 1, 4], axes: [1, 2] },
  { x: [5], axes: [] },
  { x: [7], axes: 0 },
];

const reduction = (
  op: string,
  f: (x: Tensor, axes: number | readonly number[] | undefined, options: { keepDim: boolean }) => Tensor,
  more: Partial<OpCase> = {},
  filter: (x: Shape, axes?: number | readonly number[]) => boolean = () => true,
): OpCase[] =>
  geometries
    .filter(({ x, axes }) => filter(x, axes))
    .map(({ x, axes, keepDim = false }) => ({
      op,
      name: `x=[${x}] axes=${axes === undefined ? "all" : `[${axes}]`}${keepDim ? " keepDim" : ""}${more.name ?? ""}`,
      inputs: [x],
      call: (t) => f(t, axes, { keepDim }),
      ...(more.linearIn ? { linearIn: more.linearIn } : {}),
    }));

/** A variance needs more values than its correction. */
const several = (x: Shape, axes?: number | readonly number[]): boolean =>
  (axes === undefined ? x : [axes].flat().map((axis) => x.at(axis) ?? 1)).reduce((n, length) => n * length, 1) > 1;

export const cases: readonly OpCase[] = [
  ...reduction("sum", sum, { linearIn: [0] }),
  ...reduction("mean", mean, { linearIn: [0] }),
  ...reduction("prod", prod),
  ...reduction("max", max),
  ...reduction("min", min),
  ...reduction("logsumexp", logsumexp),
  ...reduction("variance", variance, {}, several),
  ...reduction("variance", (x, axes, o) => variance(x, axes, { ...o, correction: 0 }), { name: " correction 0" }),
  ...reduction("std", std, {}, several),
  ...reduction("std", (x, axes, o) => std(x, axes, { ...o, correction: 0 }), { name: " correction 0" }, several),
  ...[0, 1, -1].flatMap((axis) =>
    Object.entries({ maxWithIndices, minWithIndices }).map(([op, f]) => ({
      op,
      name: `x=[2,3,4] axis=${axis}`,
      inputs: [[2, 3, 4]],
      call: (x: Tensor) => f(x, axis).values,
    })),
  ),
  ...(
    [
      [[7], 3, {}],
      [[2, 3, 4], 2, { axis: 1 }],
      [[4, 3, 2], 4, { axis: 0, largest: false }],
      [[3, 5], 0, {}],
    ] as const
  ).map(([x, k, options]) => ({
    op: "topK",
    name: `x=[${x}] k=${k} ${JSON.stringify(options)}`,
    inputs: [[...x]],
    call: (t: Tensor) => topK(t, k, options).values,
  })),
  {
    op: "maxWithIndices",
    name: "x=[5,1] axis=0 keepDim",
    inputs: [[5, 1]],
    call: (x) => maxWithIndices(x, 0, { keepDim: true }).values,
  },
];
