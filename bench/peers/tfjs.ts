/**
 * TensorFlow.js as a contender, on one thread: `tfjs.js wasm` or `tfjs.js cpu`. Images are NHWC, its preferred layout.
 */

import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import type * as Core from "@tensorflow/tfjs";
import type * as Wasm from "@tensorflow/tfjs-backend-wasm";
import { type Prepared, serve } from "../serve.ts";
import type { Convolution, ElementWise, NetworkWork, Work } from "../works.ts";
import { type Operations, random, resnet } from "./network.ts";

// Its ES modules import without file extensions, which Node does not support.
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs") as typeof Core;
const backend = process.argv[2];
if (backend === "wasm") {
  const wasm = require("@tensorflow/tfjs-backend-wasm") as typeof Wasm;
  wasm.setWasmPaths(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")) + sep);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
}
if (!(await tf.setBackend(backend))) throw new Error(`the backend ${backend} does not start`);

const tensor = (shape: number[], fanIn?: number): Core.Tensor =>
  tf.tensor(
    random(
      shape.reduce((n, d) => n * d, 1),
      fanIn,
    ),
    shape,
    "float32",
  );
const images = (shape: number[]): Core.Tensor4D => tensor(shape) as Core.Tensor4D;

/** Runs `fn` and frees its tensors. */
const repeat = (fn: () => Core.TensorContainer): Prepared => ({ run: () => tf.tidy(() => void fn()) });

function convolution({ pass, N, C, O, size, kernel, stride = 1 }: Convolution): Prepared {
  const x = images([N, size, size, C]);
  const w = images([kernel, kernel, C, O]);
  const forward = (x: Core.Tensor, w: Core.Tensor): Core.Tensor =>
    tf.conv2d(x as Core.Tensor4D, w as Core.Tensor4D, stride, kernel >> 1);
  if (pass === "forward") return repeat(() => forward(x, w));
  const gy = tensor(tf.tidy(() => forward(x, w).shape));
  if (pass === "inputGradient") return repeat(() => tf.grad((x) => forward(x, w))(x, gy));
  if (pass === "weightGradient") return repeat(() => tf.grad((w) => forward(x, w))(w, gy));
  return repeat(() => tf.grads(forward)([x, w], gy));
}

function elementWise({ kind, N, C, size }: ElementWise): Prepared {
  const x = images([N, size, size, C]);
  if (kind === "relu") return repeat(() => tf.relu(x));
  if (kind === "add") return repeat(() => tf.add(x, x));
  const [weight, bias, gy] = [tf.ones([C]), tf.zeros([C]), images([N, size, size, C])];
  const f = (x: Core.Tensor, weight: Core.Tensor, bias: Core.Tensor): Core.Tensor =>
    tf.relu(normalize(x, weight, bias));
  return repeat(() => tf.grads(f)([x, weight, bias], gy));
}

function normalize(x: Core.Tensor, weight: Core.Tensor, bias: Core.Tensor): Core.Tensor {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(
    x,
    mean as Core.Tensor1D,
    variance as Core.Tensor1D,
    bias as Core.Tensor1D,
    weight as Core.Tensor1D,
    1e-5,
  );
}

/** Weights are made at first use. */
class Network implements Operations<Core.Tensor> {
  readonly weights = new Map<string, Core.Variable>();
  readonly #folded: boolean;

  constructor(folded: boolean) {
    this.#folded = folded;
  }

  #weight(name: string, make: () => Core.Tensor): Core.Variable {
    const known = this.weights.get(name);
    if (known) return known;
    const made = tf.variable(make());
    this.weights.set(name, made);
    return made;
  }

  conv(x: Core.Tensor, name: string, C: number, O: number, kernel: number, stride: number): Core.Tensor {
    const w = this.#weight(`${name}.w`, () => tensor([kernel, kernel, C, O], kernel * kernel * C));
    const y = tf.conv2d(x as Core.Tensor4D, w as Core.Tensor as Core.Tensor4D, stride, kernel >> 1);
    return this.#folded
      ? tf.add(
          y,
          this.#weight(`${name}.b`, () => tf.zeros([O])),
        )
      : y;
  }

  norm(x: Core.Tensor, name: string, C: number): Core.Tensor {
    if (this.#folded) return x;
    const weight = this.#weight(`${name}.weight`, () => tf.ones([C]));
    return normalize(
      x,
      weight,
      this.#weight(`${name}.bias`, () => tf.zeros([C])),
    );
  }

  relu(x: Core.Tensor): Core.Tensor {
    return tf.relu(x);
  }

  add(x: Core.Tensor, y: Core.Tensor): Core.Tensor {
    return tf.add(x, y);
  }

  halve(x: Core.Tensor, extra: number): Core.Tensor {
    // A strided slice has no gradient there; an average over single pixels does.
    const half = tf.avgPool(x as Core.Tensor4D, 1, 2, "valid");
    return tf.pad(half, [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, extra],
    ]);
  }

  maxPool(x: Core.Tensor): Core.Tensor {
    return tf.maxPool(x as Core.Tensor4D, 3, 2, 1);
  }

  head(x: Core.Tensor, C: number, classes: number): Core.Tensor {
    const w = this.#weight("fc.w", () => tensor([C, classes], C));
    const b = this.#weight("fc.b", () => tf.zeros([classes]));
    return tf.add(tf.matMul(tf.mean(x, [1, 2]) as Core.Tensor2D, w as Core.Tensor as Core.Tensor2D), b);
  }

  twice(x: Core.Tensor): [Core.Tensor, Core.Tensor] {
    return [x, x];
  }
}

function network(work: NetworkWork): Prepared {
  const { batch, size, channels } = work;
  const x = images([batch, size, size, channels]);
  const model = new Network(work.kind === "inference");
  if (work.kind === "inference") return repeat(() => resnet(work, x, model));
  const labels = tf.oneHot(tf.tensor1d(Int32Array.from({ length: batch }, (_, i) => i % 10)), 10);
  const optimizer = tf.train.momentum(0.01, 0.9);
  tf.tidy(() => void resnet(work, x, model));
  return repeat(() => {
    optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, resnet(work, x, model)) as Core.Scalar);
    return [];
  });
}

function prepare(work: Work): Prepared {
  switch (work.kind) {
    case "gemm": {
      const { m, n, k, transposeA = false, transposeB = false } = work;
      const a = tensor(transposeA ? [k, m] : [m, k]);
      const b = tensor(transposeB ? [n, k] : [k, n]);
      return repeat(() => tf.matMul(a, b, transposeA, transposeB));
    }
    case "convolution":
      return convolution(work);
    case "relu":
    case "add":
    case "batchNormRelu":
      return elementWise(work);
    case "trainingStep":
    case "inference":
      return network(work);
    case "peak":
      throw new Error("peak: has no registers to show");
  }
}

await serve({
  version: () => `tfjs-${backend} ${tf.version.tfjs}`,
  prepare,
  clear: () => tf.disposeVariables(),
});
