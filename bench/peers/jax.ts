/** jax-js as a contender: WebAssembly; with or without `jit`, whichever is faster for the work. */
import { createRequire } from "node:module";
import * as jax from "@jax-js/jax";
import { type Prepared, serve } from "../serve.ts";
import type { NetworkWork, Work } from "../works.ts";
import { type Operations, random, resnet } from "./network.ts";

const { lax, nn, numpy: np } = jax;
type Array_ = jax.Array;
type Weights = Record<string, Array_>;

await jax.init("wasm");
jax.defaultDevice("wasm");

const array = (shape: number[], fanIn?: number): Array_ =>
  np
    .array(
      random(
        shape.reduce((n, d) => n * d, 1),
        fanIn,
      ),
    )
    .reshape(shape);

/** The faster of the two, each tried after a first run that may compile. */
async function faster(one: Prepared, other: Prepared): Promise<Prepared> {
  const times: number[] = [];
  for (const { run } of [one, other]) {
    await run();
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times[0] <= times[1] ? one : other;
}

/** `fn` with and without `jit`. */
const eitherWay = <T extends jax.JsTree<Array_>>(
  fn: (...arrays: Array_[]) => T,
  arrays: readonly Array_[],
): Promise<Prepared> => faster(repeat(jax.jit(fn) as unknown as typeof fn, arrays), repeat(fn, arrays));

/** Calls `fn` on new references to `arrays`, and waits for its result, which it returns. */
function repeat<T extends jax.JsTree<Array_>>(fn: (...arrays: Array_[]) => T, arrays: readonly Array_[]): Prepared {
  return {
    run: async () => {
      const result = fn(...arrays.map((a) => a.ref));
      await jax.blockUntilReady(result);
      jax.tree.dispose(result);
    },
  };
}

const convolve = (x: Array_, w: Array_, kernel: number, stride: number): Array_ => {
  const half = kernel >> 1;
  return lax.convGeneralDilated(
    x,
    w,
    [stride, stride],
    [
      [half, half],
      [half, half],
    ],
  );
};

/** Batch norm with the batch's own statistics. */
function normalize(x: Array_, weight: Array_, bias: Array_): Array_ {
  const C = weight.shape[0];
  const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
  const centred = x.sub(mean);
  const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
  const scale = weight.reshape([1, C, 1, 1]).div(np.sqrt(variance.add(1e-5)));
  return centred.mul(scale).add(bias.reshape([1, C, 1, 1]));
}

/** Weights are made at first use; afterwards those of `weights` are used, each once. */
class Network implements Operations<Array_> {
  weights: Weights = {};
  readonly #folded: boolean;

  constructor(folded: boolean) {
    this.#folded = folded;
  }

  #weight(name: string, make: () => Array_): Array_ {
    this.weights[name] ??= make();
    return this.weights[name].ref;
  }

  conv(x: Array_, name: string, C: number, O: number, kernel: number, stride: number): Array_ {
    const w = this.#weight(`${name}.w`, () => array([O, C, kernel, kernel], C * kernel * kernel));
    const y = convolve(x, w, kernel, stride);
    return this.#folded ? y.add(this.#weight(`${name}.b`, () => array([1, O, 1, 1]))) : y;
  }

  norm(x: Array_, name: string, C: number): Array_ {
    if (this.#folded) return x;
    const weight = this.#weight(`${name}.weight`, () => np.ones([C]));
    return normalize(
      x,
      weight,
      this.#weight(`${name}.bias`, () => np.zeros([C])),
    );
  }

  relu(x: Array_): Array_ {
    return nn.relu(x);
  }

  add(x: Array_, y: Array_): Array_ {
    return x.add(y);
  }

  halve(x: Array_, extra: number): Array_ {
    const [N, C, H, W] = x.shape;
    const half = x.reshape([N, C, H / 2, 2, W / 2, 2]).slice([], [], [], 0, [], 0);
    return np.pad(half, [
      [0, 0],
      [0, extra],
      [0, 0],
      [0, 0],
    ]);
  }

  maxPool(x: Array_): Array_ {
    // Values after a ReLU are never negative, so zeros can replace −∞.
    const padded = np.pad(x, [
      [0, 0],
      [0, 0],
      [1, 1],
      [1, 1],
    ]);
    return lax.reduceWindow(padded, np.max, [3, 3], [2, 2]);
  }

  head(x: Array_, C: number, classes: number): Array_ {
    const w = this.#weight("fc.w", () => array([C, classes], C));
    return np.matmul(np.mean(x, [2, 3]), w).add(this.#weight("fc.b", () => np.zeros([classes])));
  }

  twice(x: Array_): [Array_, Array_] {
    return [x.ref, x];
  }
}

function network(work: NetworkWork, jit: boolean): Prepared {
  const { batch, size, channels } = work;
  const x = array([batch, channels, size, size]);
  const model = new Network(work.kind === "inference");
  const forward = (weights: Weights, x: Array_): Array_ => {
    model.weights = weights;
    const y = resnet(work, x, model);
    // The references that the function got, after one more was taken for each use.
    for (const weight of Object.values(weights)) weight.dispose();
    return y;
  };
  // Once without tracing, to make the weights.
  resnet(work, x.ref, model).dispose();
  let weights = model.weights;
  if (work.kind === "inference") {
    const run = jit ? jax.jit(forward) : forward;
    return {
      run: async () => {
        const y = run(jax.tree.ref(weights), x.ref);
        await jax.blockUntilReady(y);
        y.dispose();
      },
    };
  }
  const labels = nn.oneHot(
    np.array(
      Array.from({ length: batch }, (_, i) => i % 10),
      { dtype: np.int32 },
    ),
    10,
  );
  const loss = (weights: Weights, x: Array_, labels: Array_): Array_ =>
    np.mean(np.sum(nn.logSoftmax(forward(weights, x)).mul(labels), -1)).mul(-1);
  type Step = (weights: Weights, momenta: Weights, x: Array_, labels: Array_) => [Weights, Weights, Array_];
  const eager: Step = (weights, momenta, x, labels) => {
    const [value, gradients] = jax.valueAndGrad(loss)(jax.tree.ref(weights), x, labels) as [Array_, Weights];
    const moved: Weights = {};
    const updated: Weights = {};
    for (const [name, gradient] of Object.entries(gradients)) {
      moved[name] = momenta[name].mul(0.9).add(gradient);
      updated[name] = weights[name].sub(moved[name].ref.mul(0.01));
    }
    return [updated, moved, value];
  };
  const step = jit ? (jax.jit(eager) as unknown as Step) : eager;
  let momenta = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, np.zeros(w.shape)]));
  return {
    run: async () => {
      const [updated, moved, value] = step(weights, momenta, x.ref, labels.ref);
      weights = updated;
      momenta = moved;
      await jax.blockUntilReady([weights, momenta]);
      value.dispose();
    },
  };
}

function prepare(work: Work, variant: string | undefined): Prepared | Promise<Prepared> {
  switch (work.kind) {
    case "gemm": {
      const { m, n, k, transposeA = false, transposeB = false } = work;
      const multiply = (a: Array_, b: Array_): Array_ =>
        np.matmul(transposeA ? np.transpose(a) : a, transposeB ? np.transpose(b) : b);
      return repeat(multiply, [array(transposeA ? [k, m] : [m, k]), array(transposeB ? [n, k] : [k, n])]);
    }
    case "convolution": {
      const { pass, N, C, O, size, kernel, stride = 1 } = work;
      const x = array([N, C, size, size]);
      const w = array([O, C, kernel, kernel]);
      const forward = (x: Array_, w: Array_): Array_ => convolve(x, w, kernel, stride);
      if (pass === "forward") return eitherWay(forward, [x, w]);
      const probe = forward(x.ref, w.ref);
      const gy = array(probe.shape);
      probe.dispose();
      const loss = (x: Array_, w: Array_, gy: Array_): Array_ => np.sum(forward(x, w).mul(gy));
      const argnums = pass === "all" ? [0, 1] : pass === "inputGradient" ? [0] : [1];
      return eitherWay(jax.valueAndGrad(loss, { argnums }), [x, w, gy]);
    }
    case "relu":
    case "add":
    case "batchNormRelu": {
      const shape = [work.N, work.C, work.size, work.size];
      const x = array(shape);
      if (work.kind === "relu") return eitherWay(nn.relu, [x]);
      if (work.kind === "add")
        return repeat(
          jax.jit((x: Array_) => x.ref.add(x)),
          [x],
        );
      const loss = (x: Array_, weight: Array_, bias: Array_, gy: Array_): Array_ =>
        np.sum(nn.relu(normalize(x, weight, bias)).mul(gy));
      const both = jax.valueAndGrad(loss, { argnums: [0, 1, 2] });
      return eitherWay(both, [x, np.ones([work.C]), np.zeros([work.C]), array(shape)]);
    }
    case "trainingStep":
    case "inference":
      // Without jit a network is several times faster (0.1.25: inference of ResNet-20 1.6 s, with it 15 s).
      return network(work, variant === "jit");
    case "peak":
      throw new Error("peak: has no registers to show");
  }
}

// The library does not expose its version; the package.json here pins it.
const { dependencies } = createRequire(import.meta.url)("../../package.json") as {
  dependencies: Record<string, string>;
};
await serve({ version: () => `jax-js ${dependencies["@jax-js/jax"]}`, prepare });
