/**
 * Pieces of work as plain data, so that other processes (peers/) can do the same. No imports, because peers compile
 * this file too.
 *
 * Shapes are those of CIFAR and ImageNet residual networks, and of the narrow networks that `npm start` trains.
 */

export type Pass = "forward" | "inputGradient" | "weightGradient" | "all";

export interface Gemm {
  readonly kind: "gemm";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

export interface ConvShape {
  /** Images. */
  readonly N: number;
  readonly C: number;
  readonly O: number;
  /** Height and width of the images. */
  readonly size: number;
  /** Height and width of the filters. */
  readonly kernel: number;
  readonly stride?: number;
}

/** Zero padding is ⌊kernel / 2⌋. "all" is forward and both gradients. */
export interface Convolution extends ConvShape {
  readonly kind: "convolution";
  readonly pass: Pass;
}

/** On `[N, C, size, size]`. */
export interface ElementWise {
  readonly kind: "relu" | "add" | "batchNormRelu";
  readonly N: number;
  readonly C: number;
  readonly size: number;
}

/** To twice the size. "all" is forward and the gradient. */
export interface Resizing {
  readonly kind: "interpolate";
  readonly mode: "nearest" | "bilinear";
  readonly pass: "forward" | "all";
  readonly N: number;
  readonly C: number;
  readonly size: number;
}

/** A transposed convolution, with a bias. "all" is forward and all gradients. */
export interface TransposedConvolution extends ConvShape {
  readonly kind: "convTranspose";
  readonly pass: "forward" | "all";
  readonly padding: number;
}

/** The larger ones are not written for the peers. */
export type NetworkName = "ResNet-20" | "ResNet-18" | "ResNet-50" | "pre-activation ResNet-1001";

export interface NetworkWork {
  /** A step is forward, backward and an update by SGD with momentum 0.9 and weight decay. */
  readonly kind: "trainingStep" | "inference";
  readonly network: NetworkName;
  readonly batch: number;
  /** Channels of the first stage; ResNet-20 only. Default 16. */
  readonly width?: number;
  /** Whether the blocks are computed twice instead of kept; of the 1001 layers only. */
  readonly checkpoint?: boolean;
  /** Height and width of the images. */
  readonly size: number;
  /** Channels of the images. */
  readonly channels: number;
}

/** Only multiply-adds on 128-bit registers: the most that the processor can do in WebAssembly. */
export interface Peak {
  readonly kind: "peak";
}

export type Work = Gemm | Convolution | ElementWise | Resizing | TransposedConvolution | NetworkWork | Peak;

const PASSES: Readonly<Record<Pass, string>> = {
  forward: "forward",
  inputGradient: "input gradient",
  weightGradient: "weight gradient",
  all: "forward + gradients",
};

export function nameOf(work: Work): string {
  switch (work.kind) {
    case "peak":
      return "multiply-adds on registers";
    case "gemm": {
      const transposed = `${work.transposeA ? " Aᵀ" : ""}${work.transposeB ? " Bᵀ" : ""}`;
      return `gemm ${work.m}×${work.k} · ${work.k}×${work.n}${transposed}`;
    }
    case "convolution":
      return `conv2d ${PASSES[work.pass]} ${nameOfShape(work)}`;
    case "interpolate":
      return `${work.mode} to twice the size, ${PASSES[work.pass]} ${work.N}×${work.C}×${work.size}×${work.size}`;
    case "convTranspose":
      return `convTranspose2d ${PASSES[work.pass]} ${nameOfShape(work)}`;
    case "relu":
    case "add":
      return `${work.kind} ${work.N}×${work.C}×${work.size}×${work.size}`;
    case "batchNormRelu":
      return `batch norm + relu, training, both ways ${work.N}×${work.C}×${work.size}×${work.size}`;
    case "trainingStep":
    case "inference": {
      const width = work.width === undefined ? "" : ` width ${work.width}`;
      return `${work.kind === "inference" ? "inference" : "training step"} ${work.network}${width}${work.checkpoint ? ", checkpointed," : ""} @${work.size} ×${work.batch}`;
    }
  }
}

/** `3×3 s2 16→32 @32 ×32`. */
export function nameOfShape({ N, C, O, size, kernel, stride = 1 }: ConvShape): string {
  return `${kernel}×${kernel}${stride > 1 ? ` s${stride}` : ""} ${C}→${O} @${size} ×${N}`;
}

/** Chains of sums in peak.ts, steps of each, and what one step is: four lanes, a multiplication and an addition. */
export const PEAK_CHAINS = 14;
export const PEAK_STEPS: number = 2 ** 18;
const PEAK_FLOPS = PEAK_STEPS * PEAK_CHAINS * 4 * 2;

/** Multiplications and additions by the definition; undefined if the work only moves numbers, or is a network. */
export function flopsOf(work: Work): number | undefined {
  if (work.kind === "peak") return PEAK_FLOPS;
  if (work.kind === "gemm") return 2 * work.m * work.n * work.k;
  if (work.kind === "convTranspose") {
    const { N, C, O, size, kernel } = work;
    return (work.pass === "all" ? 3 : 1) * 2 * N * C * size * size * O * kernel * kernel;
  }
  if (work.kind !== "convolution") return undefined;
  const { N, C, O, size, kernel, stride = 1 } = work;
  const outSize = Math.floor((size + 2 * (kernel >> 1) - kernel) / stride) + 1;
  return (work.pass === "all" ? 3 : 1) * 2 * N * O * outSize * outSize * C * kernel * kernel;
}

/** Convolutions, the first five of them 3×3 at stride 1. */
export const convShapes: readonly ConvShape[] = [
  { N: 32, C: 16, O: 16, size: 32, kernel: 3 },
  { N: 32, C: 32, O: 32, size: 16, kernel: 3 },
  { N: 32, C: 64, O: 64, size: 8, kernel: 3 },
  { N: 1, C: 64, O: 64, size: 56, kernel: 3 },
  { N: 1, C: 512, O: 512, size: 7, kernel: 3 },
  { N: 1, C: 3, O: 64, size: 224, kernel: 7, stride: 2 },
  { N: 1, C: 256, O: 64, size: 56, kernel: 1 },
];

/** Strided ones, and ones as narrow as those of `npm start`. */
export const smallConvShapes: readonly ConvShape[] = [
  { N: 32, C: 16, O: 32, size: 32, kernel: 3, stride: 2 },
  { N: 64, C: 4, O: 4, size: 28, kernel: 3 },
  { N: 64, C: 8, O: 8, size: 14, kernel: 3 },
  { N: 64, C: 16, O: 16, size: 7, kernel: 3 },
];

/** What enlarges images in a decoder: each forward, and both ways. */
export const enlargements: readonly (Resizing | TransposedConvolution)[] = (["forward", "all"] as const).flatMap(
  (pass) => [
    { kind: "interpolate" as const, mode: "bilinear" as const, pass, N: 8, C: 64, size: 28 },
    { kind: "interpolate" as const, mode: "bilinear" as const, pass, N: 1, C: 16, size: 112 },
    { kind: "interpolate" as const, mode: "nearest" as const, pass, N: 8, C: 64, size: 28 },
    { kind: "convTranspose" as const, pass, N: 8, C: 64, O: 32, size: 28, kernel: 2, stride: 2, padding: 0 },
    { kind: "convTranspose" as const, pass, N: 4, C: 128, O: 64, size: 14, kernel: 4, stride: 2, padding: 1 },
    { kind: "convTranspose" as const, pass, N: 8, C: 32, O: 32, size: 32, kernel: 3, padding: 1 },
  ],
);

export const cube = (n: number): Gemm => ({ kind: "gemm", m: n, n, k: n });

export const batchNormRelu: ElementWise = { kind: "batchNormRelu", N: 32, C: 16, size: 32 };

export const cifarStep = (batch: number): NetworkWork => ({
  kind: "trainingStep",
  network: "ResNet-20",
  batch,
  size: 32,
  channels: 3,
});

/** 1001 layers, as they are or checkpointed. */
export const deepStep = (checkpoint: boolean): NetworkWork => ({
  ...cifarStep(8),
  network: "pre-activation ResNet-1001",
  checkpoint,
});

export const cifarInference: NetworkWork = { ...cifarStep(32), kind: "inference" };

export const imageNetInference: NetworkWork = {
  kind: "inference",
  network: "ResNet-18",
  batch: 1,
  size: 224,
  channels: 3,
};

/** The network that `npm run lab` trains most: a narrow one, on MNIST. */
export const digitsStep: NetworkWork = { ...cifarStep(32), width: 8, size: 28, channels: 1 };

export const imageNetStep: NetworkWork = { ...imageNetInference, kind: "trainingStep", batch: 8 };

/** Almost all of it 1×1 and 3×3 convolutions of one image, in equal parts. */
export const bottleneckInference: NetworkWork = { ...imageNetInference, network: "ResNet-50" };

/** With 32 images it needs more memory than 32-bit addresses reach. */
export const largeStep = (batch: number): NetworkWork => ({
  kind: "trainingStep",
  network: "ResNet-50",
  batch,
  size: 224,
  channels: 3,
});

/** The works for comparing peers. */
export const comparedWorks: readonly Work[] = [
  cube(512),
  ...convShapes.flatMap((shape) =>
    (["forward", "all"] as const).map((pass): Convolution => ({ kind: "convolution", pass, ...shape })),
  ),
  batchNormRelu,
  cifarStep(32),
  cifarInference,
  imageNetInference,
];
