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
import { poolGeometry } from "../../../src/tensor/geometry/pool.ts";
import { reduceGeometry } from "../../../src/tensor/geometry/reduce.ts";
import type { ArrayKernels, BinaryOp, ReduceOp } from "../../../src/tensor/kernels.ts";
import { Rng } from "../../../src/tensor/rng.ts";
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

const BINARY: readonly BinaryOp[] = ["add", "sub", "mul", "div", "maximum", "minimum", "pow", "equal"];
const N = 331;

const fresh = (...sizes: number[]): Float32Array[] => sizes.map(unwritten);

const elementwise: [string, Run][] = [
  ...BINARY.flatMap((op): [string, Run][] =>
    (
      [
        [[N], [N]],
        [[N], []],
        [[5, 67], [67]],
        [
          [5, 67],
          [5, 1],
        ],
      ] as const
    ).map(([a, b]) => [
      `binary ${op} [${a}] [${b}]`,
      (k) => {
        const g = broadcastGeometry(op, a, b);
        const [y] = fresh(g.size);
        const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
        k.binary(op, special(size(a), 1), special(size(b), 2), y, g);
        return [y];
      },
    ]),
  ),
  ...UNARY_OPS.flatMap((op): [string, Run][] => {
    const { p = 0, q = 0 } = UNARY[op];
    return [
      [
        `unary ${op}`,
        (k) => {
          const [y] = fresh(N);
          k.unary(op, special(N, 3), y, p, q);
          return [y];
        },
      ],
      [
        `unaryGradient ${op}`,
        (k) => {
          const x = special(N, 4);
          const [y, gx] = fresh(N, N);
          tiers[0].unary(op, x, y, p, q);
          k.unaryGradient(op, special(N, 5), x, y, gx, p, q);
          return [gx];
        },
      ],
    ];
  }),
  ...(["pow", "maximum", "minimum"] as const).map((op): [string, Run] => [
    `binaryGradient ${op}`,
    (k) => {
      const [y, ga, gb] = fresh(N, N, N);
      const [a, b] = [special(N, 60), special(N, 61)];
      tiers[0].binary(op, a, b, y, broadcastGeometry(op, [N], [N]));
      k.binaryGradient(op, special(N, 62), a, b, y, ga, gb);
      return [ga, gb];
    },
  ]),
  [
    "addScaled",
    (k) => {
      const y = special(N, 6);
      k.addScaled(-0.5, special(N, 7), y);
      return [y];
    },
  ],
];

const moving: [string, Run][] = [
  [
    "fill",
    (k) => {
      const [y] = fresh(N);
      k.fill(y, Number.NEGATIVE_INFINITY);
      return [y];
    },
  ],
  [
    "put",
    (k) => {
      const [y] = fresh(N);
      k.put([...special(N, 63)], y);
      return [y];
    },
  ],
  [
    "copyStrided",
    (k) => {
      const [y] = fresh(24 * 31);
      k.copyStrided(special(24 * 31, 8), y, permuteGeometry("permute", [24, 31], [1, 0]).copy);
      return [y];
    },
  ],
  [
    "indexSelect",
    (k) => {
      const [y] = fresh(3 * 40);
      k.indexSelect(special(200, 9), Int32Array.of(4, 0, 4), y, { outer: 1, length: 5, inner: 40 });
      return [y];
    },
  ],
  [
    "indexAdd",
    (k) => {
      const gx = special(200, 10);
      k.indexAdd(special(120, 11), Int32Array.of(4, 0, 4), gx, { outer: 1, length: 5, inner: 40 });
      return [gx];
    },
  ],
];

const KINDS: readonly (readonly number[])[] = [
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY],
  [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];

const reducing: [string, Run][] = [
  ...(["sum", "mean", "max", "logsumexp"] as readonly ReduceOp[]).flatMap((op): [string, Run][] =>
    [[0, 1, 2], [2], [0], [0, 2]].flatMap((axes) =>
      KINDS.map((kind): [string, Run] => [
        `reduce ${op} [6,9,41] over [${axes}] with ${kind}`,
        (k) => {
          const g = reduceGeometry(op, [6, 9, 41], axes, false);
          const [y] = fresh(g.kept.length);
          const x = tame(6 * 9 * 41, 12);
          x.set(kind, 777);
          k.reduce(op, x, y, g);
          return [y];
        },
      ]),
    ),
  ),
  ...[false, true].flatMap((root) =>
    KINDS.flatMap((kind): [string, Run][] => {
      const g = reduceGeometry("variance", [6, 9, 41], [0, 2], false);
      const x = tame(6 * 9 * 41, 12);
      x.set(kind, 777);
      return [
        [
          `variance${root ? " root" : ""} with ${kind}`,
          (k) => {
            const [y] = fresh(9);
            k.variance(x, y, g, g.count - 1, root);
            return [y];
          },
        ],
        [
          `varianceGradient${root ? " root" : ""} with ${kind}`,
          (k) => {
            const [gx] = fresh(x.length);
            k.varianceGradient(tame(9, 53), x, gx, g, g.count - 1, root);
            return [gx];
          },
        ],
      ];
    }),
  ),
  [
    "argmax",
    (k) => {
      const y = new Int32Array(9);
      k.argmax(special(9 * 70, 13), y, reduceGeometry("argmax", [9, 70], [1], false));
      return [Float32Array.from(y)];
    },
  ],
];

const products: [string, Run][] = [
  [
    "gemm",
    (k) => {
      const [c] = fresh(19 * 21);
      k.gemm(sparse(19 * 33, 14), sparse(33 * 21, 15), c, { m: 19, n: 21, k: 33 });
      return [c];
    },
  ],
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
  [
    "im2col",
    (k) => {
      const [columns] = fresh(5 * 9 * 42);
      k.im2col(special(xCount / 2, 16), columns, stencil);
      return [columns];
    },
  ],
  [
    "col2im",
    (k) => {
      const x = special(xCount / 2, 17);
      k.col2im(special(5 * 9 * 42, 18), x, stencil);
      return [x];
    },
  ],
  [
    "conv2d",
    (k) => {
      const [y] = fresh(yCount);
      k.conv2d(spotted(xCount, 19), tame(9 * 45, 20), special(9, 21), y, stencil);
      return [y];
    },
  ],
  [
    "conv2dInputGradient",
    (k) => {
      const [gx] = fresh(xCount);
      k.conv2dInputGradient(spotted(yCount, 22), tame(9 * 45, 23), gx, stencil);
      return [gx];
    },
  ],
  [
    "conv2dWeightGradient",
    (k) => {
      const [gw] = fresh(9 * 45);
      k.conv2dWeightGradient(spotted(yCount, 24), tame(xCount, 25), gw, stencil);
      return [gw];
    },
  ],
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
    [
      `maxPool2dGradient ${name}`,
      (k) => {
        const [gx] = fresh(n);
        const indices = new Int32Array(m);
        tiers[0].maxPool2d(special(n, 26), unwritten(m), indices, g);
        k.maxPool2dGradient(special(m, 27), indices, gx, g);
        return [gx];
      },
    ],
    [
      `avgPool2d ${name}`,
      (k) => {
        const [y] = fresh(m);
        k.avgPool2d(spotted(n, 28), y, g);
        return [y];
      },
    ],
    [
      `avgPool2dGradient ${name}`,
      (k) => {
        const [gx] = fresh(n);
        k.avgPool2dGradient(special(m, 29), gx, g);
        return [gx];
      },
    ],
  ];
});

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
const softening: [string, Run][] = (["softmax", "logSoftmax"] as const).flatMap((name): [string, Run][] => [
  [
    name,
    (k) => {
      const [y] = fresh(40 * 37);
      k[name](sparse(40 * 37, 41), y, rows);
      return [y];
    },
  ],
  [
    `${name}Gradient`,
    (k) => {
      const [gx] = fresh(40 * 37);
      k[`${name}Gradient`](sparse(40 * 37, 42), sparse(40 * 37, 43), gx, rows);
      return [gx];
    },
  ],
]);

const sgd = { lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 1e-2, nesterov: true, first: false };
const updating: [string, Run][] = [
  [
    "runningAverage",
    (k) => {
      const running = special(N, 79);
      k.runningAverage(running, special(N, 80), 0.1, 1.25);
      return [running];
    },
  ],
  [
    "sgd",
    (k) => {
      const [w, v] = [special(N, 44), special(N, 45)];
      k.sgd(w, special(N, 46), v, sgd);
      return [w, v];
    },
  ],
  [
    "adam",
    (k) => {
      const [w, m, v] = [special(N, 47), special(N, 48), special(N, 49).map(Math.abs)];
      const step = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 1e-2, decoupled: true, step: 3 };
      k.adam(w, special(N, 50), m, v, step);
      return [w, m, v];
    },
  ],
];

const classes = { outer: 12, length: 10, inner: 8 };
const scores = 12 * 10 * 8;

const losing: [string, Run][] = [
  [
    "labelMass",
    (k) => {
      const [q, total] = fresh(scores, 1);
      const labels = Int32Array.from({ length: 96 }, (_, i) => (i % 7 === 0 ? -100 : i % 10));
      k.labelMass(labels, special(10, 64), q, total, { ignoreIndex: -100, smoothing: 0.1 }, classes);
      return [q, total];
    },
  ],
  [
    "targetMass",
    (k) => {
      const [q] = fresh(scores);
      k.targetMass(special(scores, 65), special(10, 66), q, 0.1, classes);
      return [q];
    },
  ],
  ...[null, 3].flatMap((count): [string, Run][] => [
    [
      `crossSum ${count}`,
      (k) => {
        const [y] = fresh(count === null ? 96 : 1);
        const total = count === null ? null : Float32Array.of(count);
        k.crossSum(special(scores, 67), special(scores, 68), total, y, classes);
        return [y];
      },
    ],
    [
      `crossSumGradient ${count}`,
      (k) => {
        const [gx] = fresh(scores);
        const total = count === null ? null : Float32Array.of(count);
        k.crossSumGradient(special(count === null ? 96 : 1, 69), special(scores, 70), total, gx, classes);
        return [gx];
      },
    ],
    ...(["mse", "bce"] as const).flatMap((op): [string, Run][] => [
      [
        `elementLoss ${op} ${count}`,
        (k) => {
          const [y] = fresh(count === null ? N : 1);
          k.elementLoss(op, special(N, 71), special(N, 72), special(N, 73), special(N, 74), count, y);
          return [y];
        },
      ],
      [
        `elementLossGradient ${op} ${count}`,
        (k) => {
          const [gx, gt] = fresh(N, N);
          const gy = special(count === null ? N : 1, 75);
          k.elementLossGradient(op, gy, special(N, 76), special(N, 77), null, special(N, 78), count, gx, gt);
          return [gx, gt];
        },
      ],
    ]),
  ]),
];

const all = [
  ...[elementwise, moving, reducing, products, convolving, pooling, normalising, softening, losing, updating].flat(),
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
    const covered = new Set(all.map(([name]) => name.split(" ")[0]));
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
