/**
 * NaN and ±∞ through every kernel: the same results as in the plain tier, wherever they stand.
 *
 * What is finite agrees within rounding; what is not, exactly. Winograd convolutions are the one exception: they take
 * differences of neighbouring pixels, and ∞ − ∞ is NaN, so what comes out is not finite in a whole tile.
 */
import { describe, expect, it, vi } from "vitest";
import { broadcastGeometry } from "../../../src/tensor/geometry/broadcast.ts";
import { convGeometry } from "../../../src/tensor/geometry/conv.ts";
import { permuteGeometry } from "../../../src/tensor/geometry/copy.ts";
import { interpolateGeometry, transposed } from "../../../src/tensor/geometry/interpolate.ts";
import { poolGeometry } from "../../../src/tensor/geometry/pool.ts";
import { reduceGeometry } from "../../../src/tensor/geometry/reduce.ts";
import type { ArrayKernels, BinaryOp, ReduceOp } from "../../../src/tensor/kernels.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { type Shape, sizeOf } from "../../../src/tensor/shape.ts";
import { tiers, unwritten } from "../../support/kernel.ts";
import { UNARY, UNARY_OPS } from "../../support/unary.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

/** Normal numbers; of every forty, one is NaN, one +∞, one −∞, two are zeros of either sign. */
function special(size: number, seed: number): Float32Array {
  const rng = new Rng(seed);
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];
  return Float32Array.from({ length: size }, () => {
    const v = rng.normal();
    return odd[rng.integer(40)] ?? v;
  });
}

/** The same with a NaN or an infinity in the first third only: most rows stay finite. */
function sparse(size: number, seed: number): Float32Array {
  return special(size, seed).map((v, i) => (Number.isFinite(v) || i < size / 3 ? v : 0.5));
}

/** Nothing special but zeros. */
function tame(size: number, seed: number): Float32Array {
  return special(size, seed).map((v) => (Number.isFinite(v) ? v : 1));
}

/** Calls a kernel on its inputs, and returns all that it wrote. */
type Run = (k: ArrayKernels) => readonly Float32Array[];

/** A case of one kernel, which changes these arrays. */
function changes(
  name: string,
  arrays: () => readonly Float32Array[],
  call: (k: ArrayKernels, ...arrays: Float32Array[]) => void,
): [string, Run] {
  return [
    name,
    (k) => {
      const changed = arrays();
      call(k, ...changed);
      return changed;
    },
  ];
}

const fresh = (...sizes: number[]): Float32Array[] => sizes.map(unwritten);

/** A case of one kernel, which writes arrays of these sizes. */
function writes(
  name: string,
  sizes: readonly number[],
  call: (k: ArrayKernels, ...outputs: Float32Array[]) => void,
): [string, Run] {
  return changes(name, () => fresh(...sizes), call);
}

const BINARY: readonly BinaryOp[] = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "pow",
  "eq",
  "ne",
  "lt",
  "le",
  "keep",
  "drop",
];
const N = 331;
const PAIRS: [Shape, Shape][] = [[[N], [N]], [[N], []], [[5, 67], [67]], [[5, 67], [5, 1]]]; // biome-ignore format: a list

const elementwise: [string, Run][] = [
  ...BINARY.flatMap((op) =>
    PAIRS.map(([a, b]) => {
      const g = broadcastGeometry(op, a, b);
      return writes(`binary ${op} [${a}] [${b}]`, [g.size], (k, y) =>
        k.binary(op, special(sizeOf(a), 1), special(sizeOf(b), 2), y, g),
      );
    }),
  ),
  ...UNARY_OPS.flatMap((op) => {
    const { p = 0, q = 0 } = UNARY[op];
    return [
      writes(`unary ${op}`, [N], (k, y) => k.unary(op, special(N, 3), y, p, q)),
      writes(`unaryGradient ${op}`, [N], (k, gx) => {
        const [x, [y]] = [special(N, 4), fresh(N)];
        tiers[0].unary(op, x, y, p, q);
        k.unaryGradient(op, special(N, 5), x, y, gx, p, q);
      }),
    ];
  }),
  ...(["pow", "maximum", "minimum"] as const).map((op) =>
    writes(`binaryGradient ${op}`, [N, N], (k, ga, gb) => {
      const [a, b, [y]] = [special(N, 60), special(N, 61), fresh(N)];
      tiers[0].binary(op, a, b, y, broadcastGeometry(op, [N], [N]));
      k.binaryGradient(op, special(N, 62), a, b, y, ga, gb);
    }),
  ),
  writes("where", [N], (k, y) => k.where(special(N, 64), special(N, 65), special(N, 66), y)),
  writes("where, of a number", [N], (k, y) => k.where(special(N, 64), Float32Array.of(Number.NaN), special(N, 66), y)),
  changes(
    "addScaled",
    () => [special(N, 6)],
    (k, y) => k.addScaled(-0.5, special(N, 7), y),
  ),
];

const picked = Int32Array.of(4, 0, 4);
const axis = { outer: 1, length: 5, inner: 40 };
const moving: [string, Run][] = [
  writes("fill", [N], (k, y) => k.fill(y, Number.NEGATIVE_INFINITY)),
  writes("put", [N], (k, y) => k.put([...special(N, 63)], y)),
  writes("copyStrided", [24 * 31], (k, y) =>
    k.copyStrided(special(24 * 31, 8), y, permuteGeometry("permute", [24, 31], [1, 0]).copy),
  ),
  writes("topK", [24], (k, y) => {
    const positions = new Int32Array(24);
    k.topK(special(200, 67), positions, 3, true, { outer: 1, length: 25, inner: 8 });
    y.set(positions);
  }),
  writes("indexSelect", [3 * 40], (k, y) => k.indexSelect(special(200, 9), picked, y, axis)),
  changes(
    "indexAdd",
    () => [special(200, 10)],
    (k, gx) => k.indexAdd(special(120, 11), picked, gx, axis),
  ),
];

const KINDS: readonly (readonly number[])[] = [
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY],
  [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];

/** Numbers of [6, 9, 41], some of them of a kind. */
function some(kind: readonly number[]): Float32Array {
  const x = tame(6 * 9 * 41, 12);
  x.set(kind, 777);
  return x;
}

const reducing: [string, Run][] = [
  ...(["sum", "mean", "prod", "max", "min", "logsumexp"] as readonly ReduceOp[]).flatMap((op) =>
    [[0, 1, 2], [2], [0], [0, 2]].flatMap((axes) =>
      KINDS.map((kind) => {
        const g = reduceGeometry(op, [6, 9, 41], axes, false);
        return writes(`reduce ${op} [6,9,41] over [${axes}] with ${kind}`, [g.kept.length], (k, y) =>
          k.reduce(op, some(kind), y, g),
        );
      }),
    ),
  ),
  ...[false, true].flatMap((root) =>
    KINDS.flatMap((kind) => {
      const g = reduceGeometry("variance", [6, 9, 41], [0, 2], false);
      const what = `${root ? " root" : ""} with ${kind}`;
      return [
        writes(`variance${what}`, [9], (k, y) => k.variance(some(kind), y, g, g.count - 1, root)),
        writes(`varianceGradient${what}`, [6 * 9 * 41], (k, gx) =>
          k.varianceGradient(tame(9, 53), some(kind), gx, g, g.count - 1, root),
        ),
      ];
    }),
  ),
  ...(["argmax", "argmin"] as const).map((op): [string, Run] => [
    op,
    (k) => {
      const y = new Int32Array(9);
      k[op](special(9 * 70, 13), y, reduceGeometry(op, [9, 70], [1], false));
      return [Float32Array.from(y)];
    },
  ]),
  writes("prodGradient", [6 * 9 * 41], (k, gx) =>
    k.prodGradient(tame(9, 53), some([0, 2, 3]), gx, reduceGeometry("prod", [6, 9, 41], [0, 2], false)),
  ),
  writes("cumsum", [6 * 9 * 41], (k, y) =>
    k.cumsum(special(6 * 9 * 41, 54), y, { outer: 6, length: 9, inner: 41 }, false),
  ),
];

const products: [string, Run][] = [
  writes("gemm", [19 * 21], (k, c) => k.gemm(sparse(19 * 33, 14), sparse(33 * 21, 15), c, { m: 19, n: 21, k: 33 })),
];

const stencil = convGeometry([2, 5, 13, 11], [9, 5, 3, 3], null, { stride: 2, padding: 1 });
const yCount = 2 * 9 * 7 * 6;
const xCount = 2 * 5 * 13 * 11;
/** A few special pixels, so that most results are finite. */
const spotted = (size: number, seed: number): Float32Array => {
  const x = special(size, seed).map((v) => (Number.isFinite(v) ? v : 0.25));
  [x[3], x[20], x[40]] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return x;
};

const convolving: [string, Run][] = [
  writes("im2col", [5 * 9 * 42], (k, columns) => k.im2col(special(xCount / 2, 16), columns, stencil)),
  changes(
    "col2im",
    () => [special(xCount / 2, 17)],
    (k, x) => k.col2im(special(5 * 9 * 42, 18), x, stencil),
  ),
  writes("conv2d", [yCount], (k, y) => k.conv2d(spotted(xCount, 19), tame(9 * 45, 20), special(9, 21), y, stencil)),
  writes("conv2dInputGradient", [xCount], (k, gx) =>
    k.conv2dInputGradient(spotted(yCount, 22), tame(9 * 45, 23), gx, stencil),
  ),
  writes("conv2dWeightGradient", [9 * 45], (k, gw) =>
    k.conv2dWeightGradient(spotted(yCount, 24), tame(xCount, 25), gw, stencil),
  ),
];

const pools = (
  [
    [2, 2, 0],
    [3, 2, 1],
    [16, 16, 0],
  ] as const
).map(([kernelSize, stride, padding]) => poolGeometry("pool", [2, 3, 16, 16], { kernelSize, stride, padding }));

const pooling: [string, Run][] = pools.flatMap((g): [string, Run][] => {
  const name = `${16 / g.Ho}× smaller`;
  const [n, m] = [6 * 256, g.planes * g.Ho * g.Wo];
  return [
    [
      `maxPool2d ${name}`,
      (k) => {
        const [y, indices] = [unwritten(m), new Int32Array(m)];
        k.maxPool2d(special(n, 26), y, indices, g);
        return [y, Float32Array.from(indices)];
      },
    ],
    writes(`maxPool2dGradient ${name}`, [n], (k, gx) => {
      const indices = new Int32Array(m);
      tiers[0].maxPool2d(special(n, 26), unwritten(m), indices, g);
      k.maxPool2dGradient(special(m, 27), indices, gx, g);
    }),
    writes(`avgPool2d ${name}`, [m], (k, y) => k.avgPool2d(spotted(n, 28), y, g)),
    writes(`avgPool2dGradient ${name}`, [n], (k, gx) => k.avgPool2dGradient(special(m, 29), gx, g)),
  ];
});

const resizing: [string, Run][] = (["nearest", "bilinear"] as const).flatMap((mode) =>
  [
    [23, 30],
    [7, 40],
  ].flatMap(([Ho, Wo]) => {
    const g = interpolateGeometry([2, 3, 12, 19], { size: [Ho, Wo], mode });
    const [n, m] = [6 * 12 * 19, 6 * Ho * Wo];
    return [
      writes(`resample ${mode} to ${Ho}×${Wo}`, [m], (k, y) => k.resample(special(n, 41), y, g)),
      writes(`resample ${mode} to ${Ho}×${Wo}, gradient`, [n], (k, gx) =>
        k.resample(special(m, 42), gx, transposed(g)),
      ),
    ];
  }),
);

const norm = { outer: 3, groups: 12, inner: 35 };
const size = 3 * 12 * 35;
const tamed = { mean: tame(12, 36), rstd: tame(12, 37), weight: tame(12, 38), bias: null };
const normalising: [string, Run][] = [
  [
    "moments",
    (k) => {
      const [mean, variance] = fresh(12, 12);
      k.moments(spotted(size, 30), mean, variance, norm);
      return [mean, variance];
    },
  ],
  ...[false, true].map((relu): [string, Run] => [
    `normalize${relu ? " + add, ReLU" : ""}`,
    (k) => {
      const [y] = fresh(size);
      const [mean, rstd, weight, bias] = [32, 33, 34, 35].map((seed) => special(12, seed));
      const by = { mean, rstd, weight, bias };
      k.normalize(special(size, 31), by, relu ? special(size, 36) : null, relu, y, norm);
      return [y];
    },
  ]),
  [
    "normalizeGradient",
    (k) => {
      const [gx, gw, gb] = fresh(size, 12, 12);
      k.normalizeGradient(spotted(size, 39), spotted(size, 40), tamed, { x: gx, weight: gw, bias: gb }, norm);
      return [gx, gw, gb];
    },
  ],
  [
    "normalizeReluGradient",
    (k) => {
      const [gz, gx, gw, gb] = fresh(size, size, 12, 12);
      const [gy, z, x] = [spotted(size, 39), special(size, 43), spotted(size, 40)];
      k.normalizeReluGradient(gy, z, x, tamed, gz, { x: gx, weight: gw, bias: gb }, norm);
      return [gz, gx, gw, gb];
    },
  ],
];

const rows = { outer: 40, length: 37, inner: 1 };
const softening: [string, Run][] = (["softmax", "logSoftmax"] as const).flatMap((name) => [
  writes(name, [40 * 37], (k, y) => k[name](sparse(40 * 37, 41), y, rows)),
  writes(`${name}Gradient`, [40 * 37], (k, gx) =>
    k[`${name}Gradient`](sparse(40 * 37, 42), sparse(40 * 37, 43), gx, rows),
  ),
]);

const sgd = { lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 1e-2, nesterov: true, maximize: false, first: false };
const adam = {
  lr: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 1e-2,
  decoupled: true,
  maximize: false,
  step: 3,
};
const rmsprop = { lr: 0.1, alpha: 0.99, eps: 1e-8, momentum: 0.9, weightDecay: 1e-2, maximize: false };
const updating: [string, Run][] = [
  changes(
    "runningAverage",
    () => [special(N, 79)],
    (k, running) => k.runningAverage(running, special(N, 80), 0.1, 1.25),
  ),
  changes(
    "sgd",
    () => [special(N, 44), special(N, 45)],
    (k, w, v) => k.sgd(w, special(N, 46), v, sgd),
  ),
  changes(
    "adam",
    () => [special(N, 47), special(N, 48), special(N, 49).map(Math.abs)],
    (k, w, m, v) => k.adam(w, special(N, 50), m, v, null, adam),
  ),
  changes(
    "adam, AMSGrad",
    () => [special(N, 47), special(N, 48), special(N, 49).map(Math.abs), special(N, 81).map(Math.abs)],
    (k, w, m, v, peak) => k.adam(w, special(N, 50), m, v, peak, { ...adam, maximize: true }),
  ),
  changes(
    "rmsprop",
    () => [special(N, 82), special(N, 83).map(Math.abs), special(N, 84), special(N, 85)],
    (k, w, s, m, v) => k.rmsprop(w, special(N, 86), s, m, v, rmsprop),
  ),
];

const classes = { outer: 12, length: 10, inner: 8 };
const scores = 12 * 10 * 8;

const losing: [string, Run][] = [
  writes("labelMass", [scores, 1], (k, q, total) => {
    const labels = Int32Array.from({ length: 96 }, (_, i) => (i % 7 === 0 ? -100 : i % 10));
    k.labelMass(labels, special(10, 64), q, total, { ignoreIndex: -100, smoothing: 0.1 }, classes);
  }),
  writes("targetMass", [scores], (k, q) => k.targetMass(special(scores, 65), special(10, 66), q, 0.1, classes)),
  // Each loss by itself, and their sum divided by a number.
  ...[null, 3].flatMap((count) => {
    const total = (): Float32Array | null => (count === null ? null : Float32Array.of(count));
    const results = (each: number): number => (count === null ? each : 1);
    return [
      writes(`crossSum ${count}`, [results(96)], (k, y) =>
        k.crossSum(special(scores, 67), special(scores, 68), total(), y, classes),
      ),
      writes(`crossSumGradient ${count}`, [scores], (k, gx) =>
        k.crossSumGradient(special(results(96), 69), special(scores, 70), total(), gx, classes),
      ),
      ...(["mse", "bce"] as const).flatMap((op) => [
        writes(`elementLoss ${op} ${count}`, [results(N)], (k, y) =>
          k.elementLoss(op, special(N, 71), special(N, 72), special(N, 73), special(N, 74), count, y),
        ),
        writes(`elementLossGradient ${op} ${count}`, [N, N], (k, gx, gt) => {
          const gy = special(results(N), 75);
          k.elementLossGradient(op, gy, special(N, 76), special(N, 77), null, special(N, 78), count, gx, gt);
        }),
      ]),
    ];
  }),
];

const all = [
  ...[
    elementwise,
    moving,
    reducing,
    products,
    convolving,
    pooling,
    resizing,
    normalising,
    softening,
    losing,
    updating,
  ].flat(),
];

/** 64 roundings of the largest finite number: sums here have at most 369 terms, most of them far fewer. */
function expectSame(got: Float32Array, expected: Float32Array): void {
  const scale = expected.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
  expect(got.length).toBe(expected.length);
  const wrong = [...got.keys()].filter((i) => {
    if (Object.is(got[i], expected[i]) || got[i] === expected[i]) return false;
    return !(Math.abs(got[i] - expected[i]) <= 64 * 2 ** -24 * scale);
  });
  expect(wrong.map((i) => `${i}: ${got[i]}, not ${expected[i]}`).slice(0, 10)).toEqual([]);
}

describe.each(tiers.slice(1))("NaN and ±∞ ($name)", (tier) => {
  it("there is a case for every kernel", () => {
    const covered = new Set(all.map(([name]) => name.split(/,? /)[0]));
    const kernels = Object.keys(tiers[0]).filter((name) => name !== "name" && name !== "arithmetic");
    expect(kernels.filter((name) => !covered.has(name))).toEqual([]);
  });

  it.each(all)("%s", (_, run) => {
    const expected = run(tiers[0]);
    run(tier).forEach((values, i) => {
      expectSame(values, expected[i]);
    });
  });

  it("3×3 convolutions, whatever the algorithm: no special number is lost, and none leaves its image", () => {
    const g = convGeometry([2, 8, 16, 16], [8, 8, 3, 3], null, { padding: 1 });
    const [x, w] = [tame(2 * 8 * 256, 51), tame(8 * 72, 52)];
    x[300] = Number.NaN;
    x[900] = Number.POSITIVE_INFINITY;
    const [got, expected] = fresh(x.length, x.length);
    tier.conv2d(x, w, null, got, g);
    tiers[0].conv2d(x, w, null, expected, g);
    for (let i = 0; i < x.length; i++) {
      if (!Number.isFinite(expected[i])) expect(got[i]).not.toSatisfy(Number.isFinite);
      else if (Number.isFinite(got[i])) expect(Math.abs(got[i] - expected[i])).toBeLessThan(1e-4);
      else expect(i).toBeLessThan(x.length / 2);
    }
  });
});
