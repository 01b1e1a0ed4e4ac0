/**
 * Kernels on ordinary arrays in a memory that is too small for them: computed in parts, to the same bits as with room.
 *
 * Every kernel of the SIMD tier is here, in each of its ways to compute (a convolution's algorithms, sums over a batch).
 */
import { describe, expect, it } from "vitest";
import { axisGeometry } from "../../../src/tensor/geometry/axis.ts";
import { broadcastGeometry } from "../../../src/tensor/geometry/broadcast.ts";
import { type Conv2dOptions, type ConvGeometry, convGeometry } from "../../../src/tensor/geometry/conv.ts";
import { permuteGeometry, sliceGeometry } from "../../../src/tensor/geometry/copy.ts";
import { interpolateGeometry } from "../../../src/tensor/geometry/interpolate.ts";
import { batchNormGeometry, groupNormGeometry } from "../../../src/tensor/geometry/norm.ts";
import { adaptivePoolGeometry, poolGeometry } from "../../../src/tensor/geometry/pool.ts";
import { reduceGeometry } from "../../../src/tensor/geometry/reduce.ts";
import type { ArrayKernels } from "../../../src/tensor/kernels.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { type Shape, sizeOf } from "../../../src/tensor/shape.ts";
import { kernelsOf } from "../../../src/tensor/simd/index.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";
import { random, unwritten } from "../../support/kernel.ts";

const wasm = webAssembly()!;
const MIB = 2 ** 20;

/** Calls the kernel; returns its results. */
type Run = (k: ArrayKernels) => (Float32Array | Int32Array)[];

interface Case {
  readonly kernel: keyof ArrayKernels;
  readonly label: string;
  readonly run: Run;
}

const roomy = kernelsOf(new Engine(wasm, 256 * MIB));

/** The kernels of a memory that is full but for its scratch, a quarter. Winograd's blocks alone take more than a MiB. */
function tight(bytes: number): { engine: Engine; simd: ArrayKernels } {
  const engine = new Engine(wasm, bytes, bytes);
  for (const floats of [100_000, 1000, 16]) while (engine.arena.allocate(floats));
  return { engine, simd: kernelsOf(engine) };
}

const convolution = (label: string, x: Shape, w: Shape, options: Conv2dOptions): Case[] => {
  const g: ConvGeometry = convGeometry(x, w, null, options);
  const [xs, ws, gy] = [random(sizeOf(x), 1), random(sizeOf(w), 2), random(sizeOf(g.shape), 3)];
  const b = random(g.O, 4);
  return [
    {
      kernel: "conv2d",
      label,
      run: (k) => {
        const y = unwritten(gy.length);
        k.conv2d(xs, ws, b, y, g);
        return [y];
      },
    },
    {
      kernel: "conv2dInputGradient",
      label,
      run: (k) => {
        const gx = unwritten(xs.length);
        k.conv2dInputGradient(gy, ws, gx, g);
        return [gx];
      },
    },
    {
      kernel: "conv2dWeightGradient",
      label,
      run: (k) => {
        const gw = unwritten(ws.length);
        k.conv2dWeightGradient(gy, xs, gw, g);
        return [gw];
      },
    },
  ];
};

const convolutions: readonly Case[] = [
  ...convolution("1×1", [33, 16, 34, 34], [24, 16, 1, 1], {}),
  ...convolution("1×1, stride 2", [33, 16, 34, 34], [24, 16, 1, 1], { stride: 2 }),
  ...convolution("3×3, auto", [33, 24, 31, 30], [20, 24, 3, 3], { padding: 1 }),
  ...(["im2col", "direct", "winograd2", "winograd4", "winograd2x4"] as const).flatMap((algorithm) =>
    convolution(algorithm, [39, 9, 41, 38], [13, 9, 3, 3], { padding: 1, algorithm }),
  ),
  ...convolution("groups, dilation", [51, 12, 33, 33], [18, 4, 3, 3], {
    groups: 3,
    dilation: 2,
    padding: 1,
    stride: 2,
  }),
];

const normalization = (label: string, x: Shape, groups: number | null): Case[] => {
  const g = groups ? groupNormGeometry("", x, groups, {}) : batchNormGeometry("", x, {}, true);
  const size = sizeOf(x);
  const [xs, add, gy] = [random(size, 1), random(size, 2), random(size, 3)];
  const z = random(size, 4).map((v) => Math.max(v, 0));
  const positive = random(g.groups, 6).map((v) => 0.5 + Math.abs(v));
  const weight = groups ? null : random(g.groups, 7);
  const bias = groups ? null : random(g.groups, 8);
  const by = { mean: random(g.groups, 5), rstd: positive, weight, bias };
  const to = () => ({ x: unwritten(size), weight: unwritten(g.groups), bias: unwritten(g.groups) });
  return [
    {
      kernel: "moments",
      label,
      run: (k) => {
        const results = [unwritten(g.groups), unwritten(g.groups)];
        k.moments(xs, results[0], results[1], g);
        return results;
      },
    },
    {
      kernel: "normalize",
      label,
      run: (k) => {
        const y = unwritten(size);
        k.normalize(xs, by, add, true, y, g);
        return [y];
      },
    },
    {
      kernel: "normalizeGradient",
      label,
      run: (k) => {
        const results = to();
        k.normalizeGradient(gy, xs, by, results, g);
        return Object.values(results);
      },
    },
    {
      kernel: "normalizeReluGradient",
      label,
      run: (k) => {
        const [results, gz] = [to(), unwritten(size)];
        k.normalizeReluGradient(gy, z, xs, by, gz, results, g);
        return [...Object.values(results), gz];
      },
    },
  ];
};

const LENGTH = 300_007;
/** A kernel from arrays of one length to another; what it updates in place begins as random numbers. */
const elementwise = (
  kernel: keyof ArrayKernels,
  label: string,
  call: (k: ArrayKernels, x: Float32Array[], y: Float32Array) => void,
): Case => ({
  kernel,
  label,
  run: (k) => {
    const arrays = [1, 2, 3, 4, 5].map((seed) => random(LENGTH, seed).map(Math.abs));
    call(k, arrays, arrays[4]);
    return arrays;
  },
});
const sgd = { lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 0.01, nesterov: false, maximize: false, first: false };
const adam = {
  lr: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  weightDecay: 0.1,
  decoupled: true,
  maximize: false,
  step: 3,
};
const rmsprop = { lr: 0.1, alpha: 0.9, eps: 1e-3, momentum: 0.9, weightDecay: 0.1, maximize: false };

const broadcast = (label: string, a: Shape, b: Shape): Case => {
  const g = broadcastGeometry("add", a, b);
  const [pa, pb] = [random(sizeOf(a), 1), random(sizeOf(b), 2)];
  return {
    kernel: "binary",
    label,
    run: (k) => {
      const y = unwritten(g.size);
      k.binary("add", pa, pb, y, g);
      return [y];
    },
  };
};

const softmaxOf = axisGeometry("", [3000, 101], 1);
const rows = (kernel: "softmax" | "logSoftmax" | "softmaxGradient" | "logSoftmaxGradient"): Case => ({
  kernel,
  label: "rows",
  run: (k) => {
    const [x, y] = [random(303_000, 1), unwritten(303_000)];
    if (kernel === "softmax" || kernel === "logSoftmax") k[kernel](x, y, softmaxOf);
    else
      k[kernel](
        random(303_000, 2),
        x.map((v) => Math.abs(v) / 100),
        y,
        softmaxOf,
      );
    return [y];
  },
});

type Pooling = "maxPool2d" | "maxPool2dGradient" | "avgPool2d" | "avgPool2dGradient";
const pooled = (kernel: Pooling, label: string, size: number | null): Case => {
  const x = [5, 11, 75, 74];
  const options = { kernelSize: size ?? 1, stride: 2, padding: size === 3 ? 1 : 0 };
  const g = size ? poolGeometry("", x, options) : adaptivePoolGeometry("", x, 1);
  return {
    kernel,
    label,
    run: (k) => {
      const [xs, y] = [random(sizeOf(x), 1), unwritten(sizeOf(g.shape))];
      const indices = new Int32Array(y.length);
      if (kernel.startsWith("max")) k.maxPool2d(xs, y, indices, g);
      if (kernel === "maxPool2dGradient") k.maxPool2dGradient(random(y.length, 2), indices, xs, g);
      if (kernel === "avgPool2d") k.avgPool2d(xs, y, g);
      if (kernel === "avgPool2dGradient") k.avgPool2dGradient(random(y.length, 2), xs, g);
      return [xs, y, indices];
    },
  };
};

const product = (label: string, options: object): Case => {
  const g = { m: 700, n: 40, k: 700, ...options };
  return {
    kernel: "gemm",
    label,
    run: (k) => {
      const c = random(g.m * g.n, 3);
      k.gemm(random(g.m * g.k, 1), random(g.k * g.n, 2), c, g);
      return [c];
    },
  };
};

const moved = (label: string, { shape, copy }: ReturnType<typeof sliceGeometry>, size: number): Case => ({
  kernel: "copyStrided",
  label,
  run: (k) => {
    const y = unwritten(sizeOf(shape));
    k.copyStrided(random(size, 1), y, copy);
    return [y];
  },
});

const reduction = (op: "sum" | "mean" | "max" | "min", x: Shape, axes: number[]): Case => {
  const g = reduceGeometry(op, x, axes, false);
  return {
    kernel: "reduce",
    label: `${op} [${x}] over ${axes}`,
    run: (k) => {
      const y = unwritten(sizeOf(g.shape));
      k.reduce(op, random(sizeOf(x), 1), y, g);
      return [y];
    },
  };
};

const fused = (label: string, x: Shape, w: Shape): Case => ({
  kernel: "conv2d",
  label: `${label}, with an addition and ReLU`,
  run: (k) => {
    const g = convGeometry(x, w, null, { padding: 1 });
    const y = unwritten(sizeOf(g.shape));
    k.conv2d(random(sizeOf(x), 1), random(sizeOf(w), 2), random(g.O, 3), y, g, random(y.length, 4), true);
    return [y];
  },
});

const cases: readonly Case[] = [
  ...convolutions,
  fused("images", [33, 24, 31, 30], [20, 24, 3, 3]),
  fused("filters", [1, 24, 51, 50], [120, 24, 3, 3]),
  ...normalization("batch norm", [30, 10, 33, 31], null),
  ...normalization("group norm", [30, 10, 33, 31], 5),
  elementwise("unary", "exp", (k, [x], y) => k.unary("exp", x, y)),
  elementwise("unary", "clamp", (k, [x], y) => k.unary("clamp", x, y, 0.3, 0.8)),
  elementwise("unaryGradient", "silu", (k, [gy, x, z], y) => k.unaryGradient("silu", gy, x, z, y)),
  elementwise("where", "arrays", (k, [c, a, b], y) => k.where(c, a, b, y)),
  elementwise("where", "a number", (k, [c, a], y) => k.where(c, a, Float32Array.of(3), y)),
  elementwise("addScaled", "", (k, [x], y) => k.addScaled(0.3, x, y)),
  elementwise("sgd", "", (k, [w, g], v) => k.sgd(w, g, v, sgd)),
  elementwise("sgd", "no momentum", (k, [w, g]) => k.sgd(w, g, null, { ...sgd, momentum: 0 })),
  elementwise("adam", "", (k, [w, g, m, v]) => k.adam(w, g, m, v, null, adam)),
  elementwise("adam", "AMSGrad", (k, [w, g, m, v], peak) => k.adam(w, g, m, v, peak, adam)),
  elementwise("rmsprop", "", (k, [w, g, s]) => k.rmsprop(w, g, s, null, null, rmsprop)),
  elementwise("rmsprop", "centred, momentum", (k, [w, g, s, m], v) => k.rmsprop(w, g, s, m, v, rmsprop)),
  elementwise("binary", "equal shapes", (k, [a, b], y) =>
    k.binary("mul", a, b, y, broadcastGeometry("", [LENGTH], [LENGTH])),
  ),
  broadcast("a number", [LENGTH], []),
  broadcast("a channel's number", [7, 20, 50, 50], [20, 1, 1]),
  broadcast("an image's number", [70, 50, 100], [70, 1, 1]),
  broadcast("both stretched", [90, 1, 40, 50], [3, 1, 50]),
  ...(["softmax", "logSoftmax", "softmaxGradient", "logSoftmaxGradient"] as const).map(rows),
  pooled("maxPool2d", "2×2", 2),
  pooled("maxPool2d", "3×3", 3),
  pooled("maxPool2dGradient", "3×3", 3),
  pooled("avgPool2d", "2×2", 2),
  pooled("avgPool2d", "planes", null),
  pooled("avgPool2dGradient", "planes", null),
  product("", {}),
  product("b transposed", { transposeB: true }),
  product("a transposed: the sums in blocks", { m: 40, k: 7000, transposeA: true }),
  product("adding, a transposed", { m: 40, k: 7000, transposeA: true, accumulate: true }),
  moved(
    "a slice",
    sliceGeometry(
      "",
      [50, 100, 80],
      [
        [1, 49],
        [3, 99],
        [2, 76],
      ],
    ),
    400_000,
  ),
  moved("every second", sliceGeometry("", [50, 100, 80], [null, [3, 99], [2, 76, 2]]), 400_000),
  moved("a transposition of each image", permuteGeometry("", [50, 100, 80], [0, 2, 1]), 400_000),
  ...(["sum", "mean", "max", "min"] as const).map((op) => reduction(op, [601, 501], [1])),
  reduction("sum", [29, 10, 33, 31], [0, 2, 3]),
  reduction("mean", [601, 503], [0, 1]),
  {
    kernel: "resample",
    label: "bilinear",
    run: (k) => {
      const g = interpolateGeometry([6, 7, 50, 60], { scaleFactor: 2, mode: "bilinear" });
      const y = unwritten(42 * g.Ho * g.Wo);
      k.resample(random(42 * 3000, 1), y, g);
      return [y];
    },
  },
];

/** Where two arrays differ in their bits; null if nowhere. (`toEqual` takes seconds for so many numbers.) */
function firstDifference(a: Float32Array | Int32Array, b: Float32Array | Int32Array): number | null {
  const [p, q] = [a, b].map((array) => new Int32Array(array.buffer, array.byteOffset, array.length));
  for (let i = 0; i < Math.max(p.length, q.length); i++) if (p[i] !== q[i]) return i;
  return null;
}

describe("in parts: the same bits as with room", () => {
  it.each(cases.map((c) => [c.kernel, c.label, c.run] as const))("%s %s", (kernel, _, run) => {
    const { engine, simd } = tight(kernel.startsWith("conv2d") ? 8 * MIB : 2 * MIB);
    const expected = run(roomy);
    expect(roomy.told!(kernel).tier).toBe("simd");
    const { bytes } = engine.arena;
    const got = run(simd);
    expect(got.map((array, i) => firstDifference(array, expected[i]))).toEqual(got.map(() => null));
    expect(simd.told!(kernel)).toEqual(roomy.told!(kernel));
    expect(engine.arena.bytes).toBe(bytes);
  });

  it("every kernel of the SIMD tier is among these", () => {
    const own = Object.keys(plainKernels).filter(
      (name) =>
        typeof plainKernels[name as keyof ArrayKernels] === "function" &&
        plainKernels[name as keyof ArrayKernels] !== roomy[name as keyof ArrayKernels],
    );
    expect(new Set(cases.map(({ kernel }) => kernel))).toEqual(new Set(own));
  });
});
