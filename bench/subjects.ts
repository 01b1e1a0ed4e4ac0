/** Skipstone's implementation of the works, with their data in place, to run again and again. */
import { backward, valueAndGrad } from "../src/autograd/backward.ts";
import { conv2d } from "../src/autograd/conv.ts";
import { convTranspose2d } from "../src/autograd/conv-transpose.ts";
import { add, relu } from "../src/autograd/elementwise.ts";
import { nodesBefore, noGrad } from "../src/autograd/graph.ts";
import { interpolate } from "../src/autograd/interpolate.ts";
import { crossEntropy } from "../src/autograd/losses.ts";
import { batchNorm } from "../src/autograd/norm.ts";
import { fuse } from "../src/nn/fuse.ts";
import { SGD } from "../src/nn/optim/sgd.ts";
import { ones, randn, zeros } from "../src/tensor/create.ts";
import { convGeometry } from "../src/tensor/geometry/conv.ts";
import type { GemmGeometry } from "../src/tensor/geometry/matmul.ts";
import type { ArrayKernels } from "../src/tensor/kernels.ts";
import { inStep } from "../src/tensor/memory.ts";
import { plainKernels } from "../src/tensor/plain/index.ts";
import { Rng } from "../src/tensor/rng.ts";
import { sizeOf } from "../src/tensor/shape.ts";
import { peek, Tensor } from "../src/tensor/tensor.ts";
import { useKernels } from "../src/tensor/tier.ts";
import { makeNetwork } from "./networks.ts";
import { peak } from "./peak.ts";
import { engine, resident } from "./tiers.ts";
import type { Convolution, ElementWise, Gemm, NetworkWork, Resizing, TransposedConvolution, Work } from "./works.ts";
import { flopsOf } from "./works.ts";

/** A piece of work with its data in place. */
export interface Subject {
  /** Does the work once. */
  readonly run: () => void;
  /** A number of the result, for the sink: work whose result nobody reads could be optimised away. */
  readonly result: () => number;
  /** Multiplications and additions of one run, by the definition. Undefined if the work only moves numbers. */
  readonly flops?: number;
}

/**
 * The work on these kernels. Its arrays are where a network has them: activations and their gradients in the memory of
 * the kernels (released by `clearResidents`), weights in ordinary arrays.
 */
export function subjectOf(work: Work, kernels: ArrayKernels): Subject {
  switch (work.kind) {
    case "peak":
      if (!engine) throw new Error("this platform has no WebAssembly");
      return { run: peak(engine), result: () => 0, flops: flopsOf(work) as number };
    case "gemm":
      return product(work, kernels);
    case "convolution":
      return work.pass === "all" ? convolutionBothWays(work, kernels) : convolution(work, kernels);
    case "interpolate":
      return resizing(work, kernels);
    case "convTranspose":
      return transposedConvolution(work, kernels);
    case "relu":
    case "add":
    case "batchNormRelu":
      return elementWise(work, kernels);
    case "trainingStep":
      return trainingStep(work, kernels);
    case "inference":
      return inference(work, kernels);
  }
}

function ordinary(size: number, seed: number): Float32Array {
  const rng = new Rng(seed);
  return Float32Array.from({ length: size }, () => rng.normal());
}

function residentRandom(kernels: ArrayKernels, size: number, seed: number): Float32Array {
  const array = resident(kernels, size);
  array.set(ordinary(size, seed));
  return array;
}

/** Runs `fn` on these kernels. */
function using<T>(kernels: ArrayKernels, fn: () => T): T {
  const previous = useKernels(kernels);
  try {
    return fn();
  } finally {
    useKernels(previous);
  }
}

/**
 * A number for the sink. Reading `data` within a step would copy the array; a network never does that between
 * operations.
 */
const first = (t: Tensor): number => peek(t)[0];

/** Runs `fn` as a step on these kernels; nothing outlives it. */
function stepOn(kernels: ArrayKernels, fn: () => void): void {
  using(kernels, () => inStep(fn, () => {}));
}

function product(work: Gemm, kernels: ArrayKernels): Subject {
  const { m, n, k, transposeA = false, transposeB = false } = work;
  const a = residentRandom(kernels, m * k, 1);
  const b = residentRandom(kernels, k * n, 2);
  const c = resident(kernels, m * n);
  const g: GemmGeometry = { m, n, k, transposeA, transposeB };
  return { run: () => kernels.gemm(a, b, c, g), result: () => c[0], flops: 2 * m * n * k };
}

/** One pass, by the kernel. */
function convolution(work: Convolution, kernels: ArrayKernels): Subject {
  const { N, C, O, size, kernel, stride = 1 } = work;
  const g = convGeometry([N, C, size, size], [O, C, kernel, kernel], null, { stride, padding: kernel >> 1 });
  const x = residentRandom(kernels, N * C * size * size, 1);
  const w = ordinary(O * g.K, 2);
  const y = residentRandom(kernels, N * O * g.L, 3);
  const flops = flopsOf(work) as number;
  switch (work.pass) {
    case "inputGradient":
      return { run: () => kernels.conv2dInputGradient(y, w, x, g), result: () => x[0], flops };
    case "weightGradient":
      return { run: () => kernels.conv2dWeightGradient(y, x, w, g), result: () => w[0], flops };
    default: {
      const b = ordinary(O, 4);
      return { run: () => kernels.conv2d(x, w, b, y, g), result: () => y[0], flops };
    }
  }
}

/** Forward and both gradients, by the operation and its derivative. */
function convolutionBothWays(work: Convolution, kernels: ArrayKernels): Subject {
  const { N, C, O, size, kernel, stride = 1 } = work;
  const options = { stride, padding: kernel >> 1 };
  const x = new Tensor(residentRandom(kernels, N * C * size * size, 1), [N, C, size, size], true);
  const w = new Tensor(ordinary(O * C * kernel * kernel, 2), [O, C, kernel, kernel], true);
  const { shape, L } = convGeometry(x.shape, w.shape, null, options);
  const gradient = new Tensor(residentRandom(kernels, N * O * L, 3), shape);
  let sink = 0;
  return {
    run: () =>
      stepOn(kernels, () => {
        sink = first(backward(conv2d(x, w, null, options), { gradient }).get(x));
      }),
    result: () => sink,
    flops: flopsOf(work) as number,
  };
}

/** Runs `forward` on x, and its derivatives if the pass is "all". */
function enlarging(x: Tensor, forward: () => Tensor, pass: "forward" | "all", kernels: ArrayKernels): Subject {
  const { shape } = using(plainKernels, () => noGrad(forward));
  const gradient = new Tensor(residentRandom(kernels, sizeOf(shape), 3), shape);
  let sink = 0;
  return {
    run: () =>
      stepOn(kernels, () => {
        sink = first(pass === "all" ? backward(forward(), { gradient }).get(x) : noGrad(forward));
      }),
    result: () => sink,
  };
}

function resizing({ N, C, size, mode, pass }: Resizing, kernels: ArrayKernels): Subject {
  const x = new Tensor(residentRandom(kernels, N * C * size * size, 1), [N, C, size, size], true);
  return enlarging(x, () => interpolate(x, { scaleFactor: 2, mode }), pass, kernels);
}

function transposedConvolution(work: TransposedConvolution, kernels: ArrayKernels): Subject {
  const { N, C, O, size, kernel, stride = 1, padding, pass } = work;
  const x = new Tensor(residentRandom(kernels, N * C * size * size, 1), [N, C, size, size], true);
  const w = new Tensor(ordinary(C * O * kernel * kernel, 2), [C, O, kernel, kernel], true);
  const b = new Tensor(ordinary(O, 4), [O], true);
  const forward = (): Tensor => convTranspose2d(x, w, b, { stride, padding });
  return { ...enlarging(x, forward, pass, kernels), flops: flopsOf(work) as number };
}

function elementWise({ kind, N, C, size }: ElementWise, kernels: ArrayKernels): Subject {
  const shape = [N, C, size, size];
  const count = N * C * size * size;
  const x = new Tensor(residentRandom(kernels, count, 1), shape, kind === "batchNormRelu");
  const gradient = new Tensor(residentRandom(kernels, count, 2), shape);
  let sink = 0;
  const repeat = (fn: () => Tensor): Subject => ({
    run: () =>
      stepOn(kernels, () => {
        sink = first(fn());
      }),
    result: () => sink,
  });
  if (kind === "relu") return repeat(() => relu(x));
  if (kind === "add") return repeat(() => add(x, gradient));
  const weight = ones([C], { requiresGrad: true });
  const bias = zeros([C], { requiresGrad: true });
  const [runningMean, runningVar] = [zeros([C]), ones([C])];
  return repeat(() => {
    const y = relu(batchNorm(x, weight, bias, { training: true, runningMean, runningVar }));
    return backward(y, { gradient }).get(x);
  });
}

/** Forward, backward, update. */
function trainingStep(work: NetworkWork, kernels: ArrayKernels): Subject {
  const { batch, channels, size } = work;
  const rng = new Rng(0);
  const model = makeNetwork(work, rng);
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 1e-4 });
  const images = randn([batch, channels, size, size], rng);
  const labels = Int32Array.from({ length: batch }, () => rng.integer(10));
  const forward = (): Tensor => crossEntropy(model.forward(images), labels);
  let loss = Number.NaN;
  return {
    flops: convolutionWork(work, new Rng(0)),
    run: () =>
      using(kernels, () => {
        const { value, grads } = valueAndGrad(forward);
        optimizer.step(grads);
        loss = value.item();
      }),
    result: () => loss,
  };
}

/** Batch norm folded. */
function inference(work: NetworkWork, kernels: ArrayKernels): Subject {
  const { batch, channels, size } = work;
  const rng = new Rng(0);
  const model = makeNetwork(work, rng);
  fuse(model);
  const images = randn([batch, channels, size, size], rng);
  let sink = 0;
  const run = (): void =>
    using(kernels, () => {
      sink = first(noGrad(() => model.forward(images)));
    });
  // With SIMD, packed filters are kept from the second step on; the third finds them.
  if (kernels.pool) for (let i = 0; i < 2; i++) run();
  return { run, result: () => sink };
}

/**
 * Multiplications and additions of a training step's convolutions, forward and both gradients; the rest is a few per
 * cent. Counted on one image. The images need no gradient, so the first convolution has only one.
 */
function convolutionWork(work: NetworkWork, rng: Rng): number {
  let flops = 0;
  const model = makeNetwork(work, rng);
  const root = using(plainKernels, () => model.forward(zeros([1, work.channels, work.size, work.size])));
  for (const { op, inputs, output } of nodesBefore(root)) {
    if (op !== "conv2d") continue;
    const [x, w] = inputs;
    flops += (x.node ? 3 : 2) * 2 * output.size * (w.size / w.shape[0]);
  }
  return flops * work.batch;
}
