/**
 * The rows of `npm run bench`: one for each piece of work, with the tiers to measure it on. To add a row, add it to
 * `rows`.
 */
import { convGeometry } from "../src/tensor/geometry/conv.ts";
import type { ArrayKernels } from "../src/tensor/kernels.ts";
import { Rng } from "../src/tensor/rng.ts";
import { type Subject, subjectOf } from "./subjects.ts";
import { algorithms } from "./tiers.ts";
import {
  batchNormRelu,
  bottleneckInference,
  type Convolution,
  type ConvShape,
  cifarInference,
  cifarStep,
  convShapes,
  cube,
  enlargements,
  imageNetInference,
  nameOf,
  smallConvShapes,
  type Work,
} from "./works.ts";

export interface Row {
  readonly name: string;
  /** Tiers by name (tiers.ts). */
  readonly tiers: readonly string[];
  /** Whether the naive loops can do it too. */
  readonly naive: boolean;
  /** Makes the data. Called when the row's turn comes. */
  readonly prepare: (kernels: ArrayKernels) => Subject;
  /** Takes seconds on the plain tier and longer on the naive loops, so it gets few samples there. */
  readonly slow?: boolean;
}

const TIERS = ["plain", "simd"];
const ALGORITHMS = [...TIERS, ...algorithms];

const row = (work: Work, { tiers = TIERS, naive = true, slow = false } = {}): Row => ({
  name: nameOf(work),
  tiers,
  naive,
  slow,
  prepare: (kernels) => subjectOf(work, kernels),
});

/** The passes one by one, then all together as in a network. */
function convolution(shape: ConvShape): Row[] {
  const of = (pass: Convolution["pass"]): Work => ({ kind: "convolution", pass, ...shape });
  return [
    ...(["forward", "inputGradient", "weightGradient"] as const).map((pass) => row(of(pass), { tiers: ALGORITHMS })),
    row(of("all"), { tiers: ALGORITHMS, naive: false }),
  ];
}

/** The matrix of patches; only the plain tier makes it. */
function im2col(C: number, size: number): Row[] {
  const g = convGeometry([1, C, size, size], [C, C, 3, 3], null, { padding: 1 });
  const random = (length: number, rng: Rng): Float32Array => Float32Array.from({ length }, () => rng.normal());
  const data = (): [Float32Array, Float32Array] => {
    const rng = new Rng(1);
    return [random(g.C * g.H * g.W, rng), random(g.K * g.L, rng)];
  };
  const common = { tiers: ["plain"], naive: true };
  return [
    {
      ...common,
      name: `im2col 3×3 of ${C}×${size}×${size}`,
      prepare: (kernels) => {
        const [x, columns] = data();
        return { run: () => kernels.im2col(x, columns, g), result: () => columns[0] };
      },
    },
    {
      ...common,
      name: `col2im 3×3 of ${C}×${size}×${size}`,
      prepare: (kernels) => {
        const [x, columns] = data();
        // Start from zeros, as a caller must: otherwise the sums would grow to infinity.
        return { run: () => kernels.col2im(columns, x.fill(0), g), result: () => x[0] };
      },
    },
  ];
}

/** 2 MiB. */
const IMAGES = { N: 32, C: 16, size: 32 };

export const rows: readonly Row[] = [
  row(cube(128)),
  row(cube(256)),
  row(cube(512)),
  row({ ...cube(512), transposeA: true }),
  row({ ...cube(512), transposeB: true }),
  row(cube(1024), { slow: true }),
  row({ kind: "gemm", m: 16, n: 1024, k: 144 }),
  row({ kind: "gemm", m: 4, n: 784, k: 36 }),
  row({ kind: "gemm", m: 128, n: 10, k: 64, transposeB: true }),
  ...[...convShapes, ...smallConvShapes].flatMap(convolution),
  ...im2col(16, 32),
  ...im2col(64, 56),
  row({ kind: "relu", ...IMAGES }, { naive: false }),
  row({ kind: "add", ...IMAGES }, { naive: false }),
  row(batchNormRelu, { naive: false }),
  ...enlargements.map((work) => row(work, { naive: false })),
  row(cifarStep(32), { tiers: ALGORITHMS, slow: true }),
  row(cifarStep(128), { tiers: ["simd"], naive: false, slow: true }),
  row({ ...cifarStep(64), width: 4, size: 28, channels: 1 }, { slow: true }),
  row(cifarInference, { naive: false, slow: true }),
  row(imageNetInference, { tiers: ALGORITHMS, naive: false, slow: true }),
  row(bottleneckInference, { naive: false, slow: true }),
];
