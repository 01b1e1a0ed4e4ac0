/** Calls of every kernel of the SIMD tier, small ones and ones that several threads divide. */
import { broadcastGeometry } from "../../src/tensor/geometry/broadcast.ts";
import { type Conv2dOptions, type ConvAlgorithm, convGeometry } from "../../src/tensor/geometry/conv.ts";
import {
  type CopyGeometry,
  expandGeometry,
  padGeometry,
  permuteGeometry,
  sliceGeometry,
} from "../../src/tensor/geometry/copy.ts";
import { interpolateGeometry } from "../../src/tensor/geometry/interpolate.ts";
import { adaptivePoolGeometry, type PoolGeometry, poolGeometry } from "../../src/tensor/geometry/pool.ts";
import { reduceGeometry } from "../../src/tensor/geometry/reduce.ts";
import type { ArrayKernels, BinaryOp, NormGradients } from "../../src/tensor/kernels.ts";
import { type Shape, sizeOf } from "../../src/tensor/shape.ts";
import { UNARY, UNARY_OPS } from "./unary.ts";

/** Arrays for one call. */
export interface Arrays {
  /** Normal random numbers, each time others. */
  x(size: number): Float32Array;
  /** The same above 0. */
  positive(size: number): Float32Array;
  /** An array that the kernel writes, or changes if it has a content; it is compared. */
  y(size: number, content?: (size: number) => Float32Array): Float32Array;
  /** The same of positions. */
  indices(size: number): Int32Array;
}

export interface KernelCase {
  readonly name: string;
  /** Whether several threads divide it; null where that depends on how many. */
  readonly divided: boolean | null;
  run(kernels: ArrayKernels, arrays: Arrays): void;
}

const both = (run: (large: boolean) => Omit<KernelCase, "divided">): readonly KernelCase[] =>
  [false, true].map((divided) => ({ ...run(divided), divided }));

const BINARY_OPS: readonly BinaryOp[] = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "eq",
  "ne",
  "lt",
  "le",
  "keep",
  "drop",
];

function binaryCases(): readonly KernelCase[] {
  const pairs: readonly (readonly [large: boolean, Shape, Shape])[] = [
    [false, [7, 131], [7, 131]],
    [true, [71, 1031], [71, 1031]],
    [true, [71, 1031], []],
    [true, [7, 13, 31, 33], [13, 1, 1]],
    [true, [3, 1, 31, 433], [3, 5, 1, 433]],
    [true, [701, 257], [701, 1]],
  ];
  return BINARY_OPS.flatMap((op) =>
    pairs.map(([divided, a, b]) => {
      const g = broadcastGeometry(op, a, b);
      const run: KernelCase["run"] = (k, { x, y }) => k.binary(op, x(sizeOf(a)), x(sizeOf(b)), y(g.size), g);
      return { name: `${op} [${a}] [${b}]`, divided, run };
    }),
  );
}

function copyCases(): readonly KernelCase[] {
  const list: [name: string, divided: boolean, x: Shape, y: Shape, CopyGeometry][] = [];
  const add = (name: string, divided: boolean, x: Shape, { shape, copy }: { shape: Shape; copy: CopyGeometry }): void =>
    void list.push([name, divided, x, shape, copy]);
  const image: Shape = [7, 13, 31, 33];
  const flat = (n: number): CopyGeometry => ({ shape: [n], xOffset: 0, xStrides: [1], yOffset: 0, yStrides: [1] });
  add("small", false, [999], { shape: [999], copy: flat(999) });
  add("flat", true, [100_003], { shape: [100_003], copy: flat(100_003) });
  for (const axes of [
    [0, 2, 3, 1],
    [1, 0, 2, 3],
    [3, 2, 1, 0],
    [0, 1, 3, 2],
    [2, 0, 3, 1],
  ])
    add(`permute ${axes}`, true, image, permuteGeometry("permute", image, axes));
  const spread: Shape = [19, 5, 41, 187];
  add("every second pixel", true, spread, sliceGeometry("slice", spread, [null, [1, 5], [0, 41, 2], [1, 187, 2]]));
  add("slice", true, spread, sliceGeometry("slice", spread, [[1, 18], [0, 4], null, [3, 180]]));
  add("short rows", false, [9, 5, 41, 12], sliceGeometry("slice", [9, 5, 41, 12], [null, null, null, [3, 8]]));
  add(
    "pad",
    true,
    image,
    padGeometry("pad", image, [
      [0, 0],
      [1, 0],
      [2, 3],
      [1, 2],
    ]),
  );
  add("expand", true, [13, 31, 1], expandGeometry("expand", [13, 31, 1], [7, 13, 31, 33]));
  return list.map(([name, divided, from, to, g]) => ({
    name,
    divided,
    run: (k, { x, y }) => k.copyStrided(x(sizeOf(from)), y(sizeOf(to), x), g),
  }));
}

function reduceCases(): readonly KernelCase[] {
  const over: readonly (readonly [divided: boolean, Shape, readonly number[]])[] = [
    [false, [9, 80], [0]],
    [false, [9, 80], [1]],
    [true, [333, 517], [0]],
    [true, [333, 517], [1]],
    [true, [16, 24, 17, 33], [2, 3]],
    [true, [16, 24, 17, 33], [0, 2, 3]],
    [true, [16, 24, 17, 33], [1]],
    // One sum is not divided.
    [false, [333, 517], [0, 1]],
  ];
  return (["sum", "mean", "max", "min"] as const).flatMap((op) =>
    over.map(([divided, shape, axes]) => {
      const g = reduceGeometry(op, shape, axes, false);
      const run: KernelCase["run"] = (k, { x, y }) => k.reduce(op, x(sizeOf(shape)), y(sizeOf(g.shape)), g);
      return { name: `${op} [${shape}] over ${axes}`, divided, run };
    }),
  );
}

/** Convolutions x, w, options. */
const CONVOLUTIONS: readonly (readonly [divided: boolean | null, x: Shape, w: Shape, Conv2dOptions])[] = [
  [false, [1, 8, 5, 7], [8, 8, 3, 3], { padding: 1 }],
  [true, [9, 16, 17, 19], [20, 16, 3, 3], { padding: 1 }],
  [true, [7, 24, 18, 15], [13, 24, 3, 3], { padding: [0, 1] }],
  [null, [1, 24, 57, 55], [33, 24, 3, 3], { padding: 1 }],
];
const OTHERS: typeof CONVOLUTIONS = [
  [true, [9, 16, 31, 33], [24, 16, 3, 3], { padding: 1, stride: 2 }],
  [null, [5, 3, 61, 63], [16, 3, 7, 7], { padding: 3, stride: 2 }],
  [true, [5, 40, 21, 19], [72, 40, 1, 1], {}],
];
const ANY: typeof CONVOLUTIONS = [
  [null, [9, 24, 31, 33], [36, 6, 3, 3], { padding: 2, dilation: 2, groups: 4 }],
  [null, [9, 24, 31, 33], [24, 1, 3, 3], { padding: 1, groups: 24 }],
];

function convolutionCases(
  run: (g: ReturnType<typeof convGeometry>, x: Shape, w: Shape) => KernelCase["run"],
): readonly KernelCase[] {
  const of = (algorithms: readonly ConvAlgorithm[], list: typeof CONVOLUTIONS): readonly KernelCase[] =>
    algorithms.flatMap((algorithm) =>
      list.map(([divided, x, w, options]) => ({
        name: `${algorithm} x[${x}] w[${w}] ${JSON.stringify(options)}`,
        divided,
        run: run(convGeometry(x, w, null, { ...options, algorithm }), x, w),
      })),
    );
  return [
    ...of(["winograd2", "winograd2x4", "winograd4", "direct", "im2col"], CONVOLUTIONS),
    ...of(["direct", "im2col"], OTHERS),
    ...of(["im2col"], ANY),
  ];
}

function poolCases(
  options: readonly PoolGeometry[],
  run: (g: PoolGeometry) => KernelCase["run"],
): readonly KernelCase[] {
  return options.map((g, i) => ({ name: `${g.planes} ${g.H}×${g.W} → ${g.Ho}×${g.Wo}`, divided: i > 0, run: run(g) }));
}
const windows = (op: string, options: Parameters<typeof poolGeometry>[2]): readonly PoolGeometry[] =>
  [
    [1, 3, 18, 22],
    [7, 13, 34, 38],
    [2, 3, 301, 203],
  ].map((shape) => poolGeometry(op, shape, options));
const globals: readonly PoolGeometry[] = [
  [1, 3, 18, 22],
  [7, 13, 34, 38],
].map((shape) => adaptivePoolGeometry("avgPool2d", shape, 1));
const sizeIn = ({ planes, H, W }: PoolGeometry): number => planes * H * W;
const sizeOut = ({ planes, Ho, Wo }: PoolGeometry): number => planes * Ho * Wo;

function resampleCases(): readonly KernelCase[] {
  const list: readonly (readonly [divided: boolean, Shape, size: readonly [number, number]])[] = [
    [false, [1, 2, 20, 23], [31, 33]],
    [true, [9, 7, 20, 23], [31, 33]],
    [true, [9, 7, 40, 43], [31, 23]],
    [true, [1, 3, 220, 243], [331, 133]],
    [true, [1, 3, 320, 243], [131, 333]],
  ];
  return (["nearest", "bilinear"] as const).flatMap((mode) =>
    list.map(([divided, shape, size]) => {
      const g = interpolateGeometry(shape, { size, mode });
      const run: KernelCase["run"] = (k, { x, y }) => k.resample(x(sizeOf(shape)), y(g.planes * g.Ho * g.Wo), g);
      return { name: `${mode} [${shape}] → ${size}`, divided, run };
    }),
  );
}

type NormSizes = readonly [divided: boolean, outer: number, groups: number, inner: number];
const NORMS: readonly NormSizes[] = [
  [false, 3, 5, 70],
  [true, 31, 13, 331],
  [true, 9, 3, 4111],
  [true, 2, 151, 331],
  [true, 1, 301, 331],
];
function normCases(
  run: (g: { outer: number; groups: number; inner: number }, n: number) => KernelCase["run"],
): readonly KernelCase[] {
  return NORMS.map(([divided, outer, groups, inner]) => ({
    name: `[${[outer, groups, inner]}]`,
    divided,
    run: run({ outer, groups, inner }, outer * groups * inner),
  }));
}
const perGroup = ({ x, positive }: Arrays, groups: number) => ({
  mean: x(groups),
  rstd: positive(groups),
  weight: x(groups),
  bias: x(groups),
});
const gradientsOf = ({ y }: Arrays, n: number, groups: number): NormGradients<Float32Array> => ({
  x: y(n),
  weight: y(groups),
  bias: y(groups),
});

function rowCases(
  run: (g: { outer: number; length: number; inner: number }, n: number) => KernelCase["run"],
): readonly KernelCase[] {
  return (
    [
      [false, 9, 85],
      [true, 301, 331],
      [true, 4001, 17],
    ] as const
  ).map(([divided, outer, length]) => ({
    name: `[${outer},${length}]`,
    divided,
    run: run({ outer, length, inner: 1 }, outer * length),
  }));
}

const count = (large: boolean): number => (large ? 100_003 : 1003);
const sgdStep = {
  lr: 0.1,
  momentum: 0.9,
  dampening: 0.1,
  weightDecay: 1e-3,
  nesterov: true,
  maximize: false,
  first: false,
};
const adamStep = {
  lr: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  weightDecay: 1e-2,
  decoupled: true,
  maximize: false,
  step: 3,
};
const rmspropStep = { lr: 0.1, alpha: 0.9, eps: 1e-8, momentum: 0.9, weightDecay: 1e-2, maximize: false };

/** By kernel. */
export const KERNEL_CASES: Readonly<Record<string, readonly KernelCase[]>> = {
  binary: binaryCases(),
  where: [0, 1, 2].flatMap((one) =>
    both((large) => ({
      name: `${count(large)}, one number ${one}`,
      run: (k, { x, y }) => {
        const n = count(large);
        const [c, a, b] = [0, 1, 2].map((i) => x(i === one && i > 0 ? 1 : n));
        k.where(
          c.map((v) => (v > 0 ? 1 : 0)),
          a,
          b,
          y(n),
        );
      },
    })),
  ),
  unary: UNARY_OPS.filter((op) => UNARY[op].ulps[0] !== null).flatMap((op) =>
    both((large) => ({
      name: op,
      run: (k, { x, y }) => k.unary(op, x(count(large)), y(count(large)), UNARY[op].p, UNARY[op].q),
    })),
  ),
  unaryGradient: UNARY_OPS.filter((op) => UNARY[op].ulps[1] !== null).flatMap((op) =>
    both((large) => ({
      name: op,
      run: (k, { x, y }) => {
        const n = count(large);
        k.unaryGradient(op, x(n), x(n), x(n), y(n), UNARY[op].p, UNARY[op].q);
      },
    })),
  ),
  addScaled: both((large) => ({
    name: "",
    run: (k, { x, y }) => k.addScaled(0.3, x(count(large)), y(count(large), x)),
  })),
  copyStrided: copyCases(),
  reduce: reduceCases(),
  gemm: [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) =>
      both((large) => {
        const [m, n, k] = large ? [203, 301, 77] : [11, 13, 7];
        const g = { m, n, k, transposeA, transposeB, accumulate: transposeA };
        const run: KernelCase["run"] = (kernels, { x, y }) => kernels.gemm(x(m * k), x(k * n), y(m * n, x), g);
        return { name: `${[m, n, k]} ${transposeA} ${transposeB}`, run };
      }),
    ),
  ),
  conv2d: convolutionCases(
    (g, x, w) => (k, a) => k.conv2d(a.x(sizeOf(x)), a.x(sizeOf(w)), a.x(g.O), a.y(sizeOf(g.shape)), g),
  ),
  conv2dInputGradient: convolutionCases(
    (g, x, w) => (k, a) => k.conv2dInputGradient(a.x(sizeOf(g.shape)), a.x(sizeOf(w)), a.y(sizeOf(x)), g),
  ),
  conv2dWeightGradient: convolutionCases(
    (g, x, w) => (k, a) => k.conv2dWeightGradient(a.x(sizeOf(g.shape)), a.x(sizeOf(x)), a.y(sizeOf(w)), g),
  ),
  maxPool2d: [
    ...poolCases(
      windows("maxPool2d", { kernelSize: 2 }),
      (g) => (k, a) => k.maxPool2d(a.x(sizeIn(g)), a.y(sizeOut(g)), a.indices(sizeOut(g)), g),
    ),
    ...poolCases(
      windows("maxPool2d", { kernelSize: 3, stride: 2, padding: 1 }),
      (g) => (k, a) => k.maxPool2d(a.x(sizeIn(g)), a.y(sizeOut(g)), a.indices(sizeOut(g)), g),
    ),
  ],
  maxPool2dGradient: poolCases(windows("maxPool2d", { kernelSize: 3, stride: 2, padding: 1 }), (g) => (k, a) => {
    const indices = a.indices(sizeOut(g));
    k.maxPool2d(a.x(sizeIn(g)), a.y(sizeOut(g)), indices, g);
    k.maxPool2dGradient(a.x(sizeOut(g)), indices, a.y(sizeIn(g)), g);
  }),
  avgPool2d: [
    ...poolCases(
      windows("avgPool2d", { kernelSize: 2 }),
      (g) => (k, a) => k.avgPool2d(a.x(sizeIn(g)), a.y(sizeOut(g)), g),
    ),
    ...poolCases(globals, (g) => (k, a) => k.avgPool2d(a.x(sizeIn(g)), a.y(sizeOut(g)), g)),
  ],
  avgPool2dGradient: poolCases(globals, (g) => (k, a) => k.avgPool2dGradient(a.x(sizeOut(g)), a.y(sizeIn(g)), g)),
  resample: resampleCases(),
  moments: normCases(
    (g, n) =>
      (k, { x, y }) =>
        k.moments(x(n), y(g.groups), y(g.groups), g),
  ),
  normalize: [false, true].flatMap((adds) =>
    normCases((g, n) => (k, a) => k.normalize(a.x(n), perGroup(a, g.groups), adds ? a.x(n) : null, adds, a.y(n), g)),
  ),
  normalizeGradient: normCases(
    (g, n) => (k, a) => k.normalizeGradient(a.x(n), a.x(n), perGroup(a, g.groups), gradientsOf(a, n, g.groups), g),
  ),
  normalizeReluGradient: normCases(
    (g, n) => (k, a) =>
      k.normalizeReluGradient(a.x(n), a.x(n), a.x(n), perGroup(a, g.groups), a.y(n), gradientsOf(a, n, g.groups), g),
  ),
  softmax: rowCases(
    (g, n) =>
      (k, { x, y }) =>
        k.softmax(x(n), y(n), g),
  ),
  logSoftmax: rowCases(
    (g, n) =>
      (k, { x, y }) =>
        k.logSoftmax(x(n), y(n), g),
  ),
  softmaxGradient: rowCases(
    (g, n) =>
      (k, { x, y }) =>
        k.softmaxGradient(x(n), x(n), y(n), g),
  ),
  logSoftmaxGradient: rowCases(
    (g, n) =>
      (k, { x, y }) =>
        k.logSoftmaxGradient(x(n), x(n), y(n), g),
  ),
  sgd: both((large) => ({
    name: "",
    run: (k, { x, y }) => {
      const n = count(large);
      k.sgd(y(n, x), x(n), y(n, x), sgdStep);
      k.sgd(y(n, x), x(n), y(n, x), { ...sgdStep, first: true });
      k.sgd(y(n, x), x(n), null, { ...sgdStep, momentum: 0 });
    },
  })),
  adam: both((large) => ({
    name: "",
    run: (k, { x, y, positive }) => {
      const n = count(large);
      k.adam(y(n, x), x(n), y(n, x), y(n, positive), null, adamStep);
      k.adam(y(n, x), x(n), y(n, x), y(n, positive), y(n, positive), adamStep);
    },
  })),
  rmsprop: both((large) => ({
    name: "",
    run: (k, { x, y, positive }) => {
      const n = count(large);
      k.rmsprop(y(n, x), x(n), y(n, positive), null, y(n, x), rmspropStep);
      k.rmsprop(
        y(n, x),
        x(n),
        y(n, positive),
        y(n, (size) => x(size).fill(0)),
        y(n, x),
        rmspropStep,
      );
    },
  })),
};
