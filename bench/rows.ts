/**
 * What is measured: one row for each piece of work. To add one, add it to `rows`.
 *
 * Shapes are those of SPEED.md (CIFAR and ImageNet residual networks) and of the narrow networks that `npm start` trains.
 */
import { type Conv2dOptions, type ConvGeometry, convGeometry } from "../src/tensor/geometry/conv.ts";
import type { GemmGeometry } from "../src/tensor/geometry/gemm.ts";
import type { Kernels } from "../src/tensor/kernels.ts";
import { Rng } from "../src/tensor/rng.ts";
import { trainingStep } from "./training-step.ts";

/** A piece of work with its data in place. */
export interface Subject {
  /** Does the work once, on the given tier. */
  readonly run: (kernels: Kernels) => void;
  /** Some of the result, for the sink. */
  readonly result: () => number;
  /** Multiplications and additions of one run, by the definition. Undefined where the work is moving numbers. */
  readonly flops?: number;
}

export interface Row {
  readonly name: string;
  /** Makes the data. Called when the row's turn comes. */
  readonly prepare: () => Subject;
  /** Takes seconds: one sample is enough. */
  readonly slow?: boolean;
}

function random(size: number, seed: number): Float32Array {
  const rng = new Rng(seed);
  return Float32Array.from({ length: size }, () => rng.normal());
}

function gemm(m: number, n: number, k: number, options: Partial<GemmGeometry> = {}): Row {
  const transposed = `${options.transposeA ? " Aᵀ" : ""}${options.transposeB ? " Bᵀ" : ""}`;
  return {
    name: `gemm ${m}×${k} · ${k}×${n}${transposed}`,
    prepare: () => {
      const [a, b, c] = [random(m * k, 1), random(k * n, 2), new Float32Array(m * n)];
      const g = { m, n, k, ...options };
      return { run: (kernels) => kernels.gemm(a, b, c, g), result: () => c[0], flops: 2 * m * n * k };
    },
  };
}

interface ConvShape {
  readonly N: number;
  readonly C: number;
  readonly O: number;
  /** Height and width of the image. */
  readonly size: number;
  readonly kernel: number;
  readonly options?: Conv2dOptions;
}

function geometryOf({ N, C, O, size, kernel, options }: ConvShape): ConvGeometry {
  return convGeometry([N, C, size, size], [O, C, kernel, kernel], null, { padding: kernel >> 1, ...options });
}

function im2col(shape: ConvShape): Row[] {
  const g = geometryOf(shape);
  const work = `${g.kh}×${g.kw} of ${g.C}×${g.H}×${g.W}`;
  const data = (): [Float32Array, Float32Array] => [random(g.C * g.H * g.W, 1), random(g.K * g.L, 2)];
  return [
    {
      name: `im2col ${work}`,
      prepare: () => {
        const [x, columns] = data();
        return { run: (kernels) => kernels.im2col(x, columns, g), result: () => columns[0] };
      },
    },
    {
      name: `col2im ${work}`,
      prepare: () => {
        const [x, columns] = data();
        // Zeros first, as a caller must: sums that grow without bound would become infinite.
        return { run: (kernels) => kernels.col2im(columns, x.fill(0), g), result: () => x[0] };
      },
    },
  ];
}

/** Forward, input gradient and weight gradient of one convolution. */
function convolution(shape: ConvShape): Row[] {
  const g = geometryOf(shape);
  const stride = g.sh > 1 ? ` s${g.sh}` : "";
  const work = `${g.kh}×${g.kw}${stride} ${g.C}→${g.O} @${g.H} ×${g.N}`;
  const flops = 2 * g.N * g.O * g.L * g.K;
  const imagesSize = g.N * g.C * g.H * g.W;
  const resultSize = g.N * g.O * g.L;
  return [
    {
      name: `conv2d forward ${work}`,
      prepare: () => {
        const [x, w, b, y] = [
          random(imagesSize, 1),
          random(g.O * g.K, 2),
          random(g.O, 3),
          new Float32Array(resultSize),
        ];
        return { run: (kernels) => kernels.conv2d(x, w, b, y, g), result: () => y[0], flops };
      },
    },
    {
      name: `conv2d input gradient ${work}`,
      prepare: () => {
        const [gy, w, gx] = [random(resultSize, 1), random(g.O * g.K, 2), new Float32Array(imagesSize)];
        return { run: (kernels) => kernels.conv2dInputGradient(gy, w, gx, g), result: () => gx[0], flops };
      },
    },
    {
      name: `conv2d weight gradient ${work}`,
      prepare: () => {
        const [gy, x, gw] = [random(resultSize, 1), random(imagesSize, 2), new Float32Array(g.O * g.K)];
        return { run: (kernels) => kernels.conv2dWeightGradient(gy, x, gw, g), result: () => gw[0], flops };
      },
    },
  ];
}

export const rows: readonly Row[] = [
  ...im2col({ N: 1, C: 16, O: 16, size: 32, kernel: 3 }),
  ...im2col({ N: 1, C: 64, O: 64, size: 56, kernel: 3 }),
  gemm(128, 128, 128),
  gemm(512, 512, 512),
  gemm(512, 512, 512, { transposeA: true }),
  gemm(512, 512, 512, { transposeB: true }),
  gemm(16, 1024, 144),
  gemm(4, 784, 36),
  gemm(128, 10, 64, { transposeB: true }),
  ...convolution({ N: 32, C: 16, O: 16, size: 32, kernel: 3 }),
  ...convolution({ N: 32, C: 32, O: 32, size: 16, kernel: 3 }),
  ...convolution({ N: 32, C: 64, O: 64, size: 8, kernel: 3 }),
  ...convolution({ N: 32, C: 16, O: 32, size: 32, kernel: 3, options: { stride: 2 } }),
  ...convolution({ N: 64, C: 4, O: 4, size: 28, kernel: 3 }),
  ...convolution({ N: 64, C: 8, O: 8, size: 14, kernel: 3 }),
  ...convolution({ N: 64, C: 16, O: 16, size: 7, kernel: 3 }),
  ...convolution({ N: 1, C: 64, O: 64, size: 56, kernel: 3 }),
  ...convolution({ N: 1, C: 512, O: 512, size: 7, kernel: 3 }),
  ...convolution({ N: 1, C: 3, O: 64, size: 224, kernel: 7, options: { stride: 2 } }),
  ...convolution({ N: 1, C: 256, O: 64, size: 56, kernel: 1 }),
  {
    name: "training step ResNet-20 width 16 @32 ×32",
    prepare: () => trainingStep({ width: 16, size: 32, batch: 32, channels: 3 }),
    slow: true,
  },
  {
    name: "training step ResNet-20 width 4 @28 ×64",
    prepare: () => trainingStep({ width: 4, size: 28, batch: 64, channels: 1 }),
    slow: true,
  },
];
