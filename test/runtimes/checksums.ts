/**
 * Checksums, by name, of everything whose bits are promised to be equal everywhere; and, for the SIMD tier, of what is
 * promised to be equal wherever x·y + z is rounded alike. It needs nothing but the library: any JavaScript engine can run it.
 */
import {
  Adam,
  AdamW,
  abs,
  add,
  backward,
  batches,
  cifarResNet,
  clamp,
  clipGradNorm,
  compose,
  conv2d,
  div,
  exp,
  gelu,
  gradNorm,
  highwayNet,
  init,
  leakyRelu,
  log,
  logSoftmax,
  logsumexp,
  makeDataset,
  matmul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  type Optimizer,
  pow,
  Rng,
  randn,
  randomCrop,
  randomFlip,
  relu,
  type Schedule,
  SGD,
  type Shape,
  schedules,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  sub,
  sum,
  type Tensor,
  type Tier,
  type TierInUse,
  tanh,
  tensor,
  useKernels,
  valueAndGrad,
  zeros,
} from "../../src/index.ts";
import * as math from "../../src/tensor/math/index.ts";
import { kernels } from "../../src/tensor/tier.ts";
import { cases as backwardCases } from "../autograd/cases/backward.ts";
import { cases as convolution } from "../autograd/cases/conv.ts";
import { cases as dropout } from "../autograd/cases/dropout.ts";
import { cases as elementwise } from "../autograd/cases/elementwise.ts";
import { cases as losses } from "../autograd/cases/losses.ts";
import { cases as matrices } from "../autograd/cases/matmul.ts";
import { cases as normalization } from "../autograd/cases/norm.ts";
import { cases as pooling } from "../autograd/cases/pool.ts";
import { cases as reductions } from "../autograd/cases/reduce.ts";
import { cases as shaping } from "../autograd/cases/shape.ts";
import { cases as softmaxes } from "../autograd/cases/softmax.ts";
import type { OpCase } from "../autograd/cases/types.ts";
import { describeTraining, train } from "../browser/training.ts";
import { type Hash, hashOf } from "./hash.ts";

/** Name of what was computed, and its checksum. */
export type Checksums = Readonly<Record<string, string>>;

export interface Report {
  /** On the plain tier, and of what no tier computes. */
  readonly everywhere: Checksums;
  /** On the SIMD tier; null where there is none. */
  readonly simd: { readonly fused: boolean; readonly checksums: Checksums } | null;
}

type Parts = Readonly<Record<string, (hash: Hash) => void>>;

const families: Readonly<Record<string, readonly OpCase[]>> = {
  backward: backwardCases,
  convolution,
  dropout,
  elementwise,
  losses,
  matrices,
  normalization,
  pooling,
  reductions,
  shaping,
  softmaxes,
};

/** Every operation as its own tests call it. */
const byFamily: Parts = Object.fromEntries(
  Object.entries(families).map(([name, cases]) => [name, (hash) => derivatives(cases, hash)]),
);

/** Everything. `draws`: how many random numbers of each kind; fewer for engines without a compiler. */
export function report({ draws = 1_000_000 }: { draws?: number } = {}): Report {
  const everywhere = onTier("plain", () =>
    checksums({
      ...randomNumbers(draws),
      ...functions(draws / 5),
      schedules: scheduled,
      "initial values": initialValues,
      batches: batched,
      clipping: clipped,
      "special numbers": specialNumbers,
      ...byFamily,
      ...trainings,
    }),
  );
  return { everywhere, simd: hasSimd() ? onTier("simd", ofSimd) : null };
}

function checksums(parts: Parts): Checksums {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, hashOf(part)]));
}

function onTier<T>(tier: Tier | TierInUse, fn: () => T): T {
  const previous = useKernels(tier);
  try {
    return fn();
  } finally {
    useKernels(previous);
  }
}

function hasSimd(): boolean {
  return onTier("auto", () => kernels.name === "simd");
}

function randomNumbers(draws: number): Parts {
  return {
    uniforms: (hash) => {
      const rng = new Rng(1);
      for (let i = 0; i < draws; i++) hash.double(rng.uniform(-1, 3));
    },
    normals: (hash) => {
      const rng = new Rng(1);
      for (let i = 0; i < draws; i++) hash.double(rng.normal());
    },
    permutations: (hash) => {
      const rng = new Rng(1);
      for (const i of rng.permutation(draws)) hash.bits(i);
      for (const label of ["weights", "shuffle"]) hash.double(rng.fork(label).normal(2, 0.1));
    },
  };
}

/** src/tensor/math, over all of its domain; and powers of two, of which constants in src/ are made. */
function functions(draws: number): Parts {
  const signed = (rng: Rng): number => rng.uniform(-1, 1) * math.pow(10, rng.uniform(-20, 3));
  const positive = (rng: Rng): number => math.exp(rng.uniform(-745, 709));
  const numbers: Readonly<Record<string, (rng: Rng) => number>> = {
    exp: (rng) => math.exp(signed(rng)),
    log: (rng) => math.log(positive(rng)),
    log1p: (rng) => math.log1p(signed(rng)),
    tanh: (rng) => math.tanh(signed(rng)),
    sin: (rng) => math.sin(signed(rng)),
    cos: (rng) => math.cos(signed(rng)),
    pow: (rng) => math.pow(positive(rng), signed(rng)),
    sigmoid: (rng) => math.sigmoid(signed(rng)),
    softplus: (rng) => math.softplus(signed(rng)),
    sqrt: (rng) => Math.sqrt(positive(rng)),
    "2 ** n": (rng) => 2 ** (rng.integer(2098) - 1074),
  };
  return Object.fromEntries(
    Object.entries(numbers).map(([name, f]) => [
      name,
      (hash: Hash) => {
        const rng = new Rng(2);
        for (let i = 0; i < draws; i++) hash.double(f(rng));
      },
    ]),
  );
}

function scheduled(hash: Hash): void {
  const cycle = schedules.oneCycle(0.1, { steps: 250 });
  const all: readonly Schedule[] = [
    schedules.constant(0.1),
    schedules.stepDecay(0.1, { every: 7, factor: 0.7 }),
    schedules.multiStepDecay(0.1, { milestones: [30, 60, 90] }),
    schedules.exponentialDecay(0.1, { factor: 0.97 }),
    schedules.linear(0.1, { steps: 77 }),
    schedules.polynomial(0.1, { steps: 211, power: 0.9 }),
    schedules.cosine(0.1, { steps: 237, minLr: 1e-4 }),
    schedules.cosineRestarts(0.1, { steps: 13, factor: 1.7 }),
    schedules.warmup(schedules.cosine(0.1, { steps: 200 }), { steps: 17 }),
    schedules.sequence([schedules.constant(0.01), schedules.exponentialDecay(0.1, { factor: 0.9 })], [40]),
    cycle.lr,
    cycle.momentum,
  ];
  for (const schedule of all) for (let step = 0; step < 300; step++) hash.double(schedule(step));
}

function initialValues(hash: Hash): void {
  const rng = new Rng(3);
  const models = [
    cifarResNet(8, { width: 4, rng }),
    cifarResNet(8, { width: 4, start: "fixup", batchNorm: false, rng }),
    highwayNet(7, { units: 8, inFeatures: 12, rng }),
  ];
  for (const model of models) for (const t of Object.values(model.stateDict())) hash.tensor(t);
  hash.tensor(init.orthogonal(zeros([8, 3, 3, 3]), rng, { gain: init.gainOf("relu") }));
  hash.tensor(init.xavierNormal(zeros([8, 9]), rng));
  hash.tensor(init.kaimingUniform(zeros([8, 9]), rng, { gain: init.gainOf("leakyRelu", 0.2) }));
}

function batched(hash: Hash): void {
  const rng = new Rng(4);
  const images = Uint8Array.from({ length: 20 * 3 * 8 * 8 }, () => rng.integer(256));
  const labels = Int32Array.from({ length: 20 }, () => rng.integer(3));
  const dataset = makeDataset({ name: "noise", images, labels, shape: [20, 3, 8, 8], classes: ["a", "b", "c"] });
  const augment = compose(randomCrop(2), randomFlip());
  for (const batch of batches(dataset, { batchSize: 6, rng, augment })) {
    hash.tensor(batch.x);
    for (const label of batch.labels) hash.bits(label);
  }
}

function clipped(hash: Hash): void {
  const w = randn([40], new Rng(5), { requiresGrad: true });
  const { grads } = valueAndGrad(() => sum(mul(w, w)));
  for (const p of [1, 2, 3, 2.5, Number.POSITIVE_INFINITY]) hash.double(gradNorm(grads, [w], p));
  hash.tensor(clipGradNorm(grads, [w], 0.1, { p: 3 }).grads.get(w));
}

/** Where definitions have corners; with signs, and with what is nearly that. */
const SPECIAL: readonly number[] = [0, 1e-45, 1e-38, 1e-4, 0.5, 1, 2, 3, 20, 88, 89, 104, 3e38, Infinity].flatMap(
  (v) => [v, -v],
);

/** Operations that take any number, on special ones among random ones, with their gradients. */
function specialNumbers(hash: Hash): void {
  const x = [Number.NaN, ...SPECIAL, ...Array.from(randn([2000], new Rng(6)).data, (v) => 4 * v)];
  const ofOne: readonly ((x: Tensor) => Tensor)[] = [
    ...[neg, exp, log, sqrt, abs, relu, leakyRelu, sigmoid, tanh, gelu, softplus],
    (x) => gelu(x, { approximate: "tanh" }),
    (x) => softplus(x, { beta: 1.5 }),
    (x) => clamp(x, -1, 2),
  ];
  for (const of of ofOne) differentiated(hash, of, [tensor(x, { requiresGrad: true })]);
  // Each with each.
  const some = x.slice(0, 60);
  for (const of of [add, sub, mul, div, pow, maximum, minimum]) {
    differentiated(hash, of, [
      tensor(some, [60, 1], { requiresGrad: true }),
      tensor(some, [60], { requiresGrad: true }),
    ]);
  }
  // Rows with several special numbers, and rows without.
  for (const of of [softmax, logSoftmax, logsumexp, mean, max, sum]) {
    differentiated(hash, (x) => of(x, 1), [tensor(x.slice(0, 2000), [100, 20], { requiresGrad: true })]);
  }
}

function derivatives(cases: readonly OpCase[], hash: Hash): void {
  for (const { inputs, prepare = (v: number) => v, call } of cases) {
    const rng = new Rng(8);
    const xs = inputs.map((shape, i) => {
      const values = Array.from(randn(shape, rng).data, (v) => prepare(v, i));
      return tensor(values, shape, { requiresGrad: true });
    });
    differentiated(hash, call, xs);
  }
}

/** y, and every input's gradient of ⟨u, y⟩, u random. */
function differentiated(hash: Hash, of: (...xs: Tensor[]) => Tensor, xs: Tensor[]): void {
  const y = of(...xs);
  const grads = backward(y, { gradient: randn(y.shape, new Rng(10)) });
  hash.tensor(y);
  for (const x of xs) hash.tensor(grads.get(x));
}

const trainings: Parts = {
  "Adam, 100 steps": (hash) => trainAlone(hash, (w) => new Adam([w], { lr: 0.01, weightDecay: 0.1 })),
  "AdamW, 100 steps": (hash) => trainAlone(hash, (w) => new AdamW([w], { lr: 0.01 })),
  "SGD, 100 steps": (hash) => trainAlone(hash, (w) => new SGD([w], { lr: 0.001, momentum: 0.9, nesterov: true })),
  "a network, 30 steps": (hash) => hash.text(describeTraining(train(kernels))),
};

/** Of a random bowl. As many weights as the SIMD tier takes for worth its while. */
function trainAlone(hash: Hash, optimizerOf: (w: Tensor) => Optimizer): void {
  const rng = new Rng(9);
  const w = randn([500], rng, { requiresGrad: true });
  const steepness = randn([500], rng);
  const optimizer = optimizerOf(w);
  for (let step = 0; step < 100; step++) {
    const { grads } = valueAndGrad(() => sum(mul(mul(w, w), mul(steepness, steepness))));
    optimizer.step(grads);
    hash.tensor(w);
  }
}

/** Sizes that the SIMD tier takes for worth its while, one for each way it has to convolve. */
const convolutions: readonly [x: Shape, w: Shape, stride: number][] = [
  [[2, 8, 16, 16], [8, 8, 3, 3], 1],
  [[2, 64, 8, 8], [64, 64, 3, 3], 1],
  [[2, 8, 16, 16], [16, 8, 1, 1], 2],
  [[1, 3, 32, 32], [16, 3, 7, 7], 2],
];

function ofSimd(): NonNullable<Report["simd"]> {
  return {
    fused: fuses(),
    checksums: checksums({
      "special numbers": specialNumbers,
      ...byFamily,
      products: (hash) => {
        const rng = new Rng(13);
        differentiated(hash, matmul, [
          randn([50, 70], rng, { requiresGrad: true }),
          randn([70, 60], rng, { requiresGrad: true }),
        ]);
        for (const [x, w, stride] of convolutions) {
          differentiated(hash, (x, w) => conv2d(x, w, null, { stride, padding: w.shape[2] >> 1 }), [
            randn(x, rng, { requiresGrad: true }),
            randn(w, rng, { requiresGrad: true }),
          ]);
        }
      },
      ...trainings,
    }),
  };
}

/** Whether a matrix product rounds x·y + z once: (1 + 2⁻¹²)² − (1 + 2⁻¹¹) is 2⁻²⁴ then, and 0 where the square is rounded too. */
function fuses(): boolean {
  const a = Array.from({ length: 64 }, () => [-(1 + 2 ** -11), 1 + 2 ** -12]);
  const b = [Array.from({ length: 64 }, () => 1), Array.from({ length: 64 }, () => 1 + 2 ** -12)];
  return matmul(tensor(a), tensor(b)).data[0] !== 0;
}
