/** Pooling in all geometries. A maximum's inputs are spread out, so that a finite difference never changes the winner. */
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from "../../../src/autograd/pool.ts";
import type { Pair } from "../../../src/tensor/geometry/conv.ts";
import type { AvgPool2dOptions, MaxPool2dOptions } from "../../../src/tensor/geometry/pool.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

const settings = (options: object): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

const maximum = (x: Shape, options: MaxPool2dOptions): OpCase => ({
  op: "maxPool2d",
  name: `maxPool2d x=[${x}] ${settings(options)}`,
  inputs: [x],
  call: (x) => maxPool2d(x, options),
});

const average = (x: Shape, options: AvgPool2dOptions): OpCase => ({
  op: "avgPool2d",
  name: `avgPool2d x=[${x}] ${settings(options)}`,
  inputs: [x],
  call: (x) => avgPool2d(x, options),
  linearIn: [0],
});

const adaptive = (x: Shape, outputSize: Pair): OpCase => ({
  op: "adaptiveAvgPool2d",
  name: `adaptiveAvgPool2d x=[${x}] outputSize=${outputSize}`,
  inputs: [x],
  call: (x) => adaptiveAvgPool2d(x, outputSize),
  linearIn: [0],
});

const global = (x: Shape): OpCase => ({
  op: "globalAvgPool2d",
  name: `globalAvgPool2d x=[${x}]`,
  inputs: [x],
  call: globalAvgPool2d,
  linearIn: [0],
});

export const cases: OpCase[] = [
  maximum([2, 3, 6, 4], { kernelSize: 2 }),
  maximum([1, 2, 7, 8], { kernelSize: 3, stride: 2, padding: 1 }),
  maximum([1, 2, 5, 9], { kernelSize: [2, 3], stride: [1, 2], padding: [1, 0] }),
  maximum([1, 1, 8, 9], { kernelSize: 3, stride: 2, padding: 1, dilation: 2 }),
  maximum([1, 2, 6, 7], { kernelSize: 3, stride: 2, ceilMode: true }),
  average([2, 3, 6, 4], { kernelSize: 2 }),
  average([1, 2, 7, 8], { kernelSize: 3, stride: 2, padding: 1 }),
  average([1, 2, 7, 8], { kernelSize: 3, stride: 2, padding: 1, countIncludePad: false }),
  average([1, 2, 6, 8], { kernelSize: [3, 4], stride: [2, 3], padding: [1, 2], ceilMode: true }),
  average([1, 2, 6, 8], {
    kernelSize: [3, 4],
    stride: [2, 3],
    padding: [1, 2],
    ceilMode: true,
    countIncludePad: false,
  }),
  average([1, 1, 5, 5], { kernelSize: 3, stride: 1 }),
  adaptive([2, 3, 6, 4], 2),
  adaptive([1, 2, 7, 5], [3, 4]),
  adaptive([1, 1, 2, 3], [5, 3]),
  global([2, 3, 4, 5]),
  global([1, 4, 1, 7]),
];
