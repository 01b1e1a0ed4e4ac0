/**
 * Same seed, same engine: same bits. Whatever else is in memory, in a step or without one, in the first step or a later one.
 *
 * (Another engine may round otherwise: one with a fused multiply-add does. test/browser/page.test.ts.)
 */
import { afterEach, describe, expect, it } from "vitest";
import { backward, valueAndGrad } from "../../../src/autograd/backward.ts";
import { conv2d } from "../../../src/autograd/conv.ts";
import { exp, mul, sigmoid, tanh } from "../../../src/autograd/elementwise.ts";
import { noGrad } from "../../../src/autograd/graph.ts";
import { crossEntropy } from "../../../src/autograd/losses.ts";
import { sum } from "../../../src/autograd/reduce.ts";
import { slice } from "../../../src/autograd/shape.ts";
import { softmax } from "../../../src/autograd/softmax.ts";
import { SGD } from "../../../src/nn/index.ts";
import { cifarResNet } from "../../../src/resnet/index.ts";
import { randn, zeros } from "../../../src/tensor/create.ts";
import { allocate, debugMemory, type Floats, inStep, numbersOf } from "../../../src/tensor/memory.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { kernelsOf } from "../../../src/tensor/simd/index.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { useKernels } from "../../../src/tensor/tier.ts";

const wasm = webAssembly()!;
const MIB = 2 ** 20;

/** A new engine whose kernels compute from now on. */
function begin(bytes = 64 * MIB): Engine {
  const engine = new Engine(wasm, bytes, bytes);
  useKernels(kernelsOf(engine));
  return engine;
}

interface Trained {
  readonly losses: readonly number[];
  readonly parameters: readonly Floats[];
}

type LossAndUpdate = (loss: () => Tensor, optimizer: SGD) => number;

const inSteps: LossAndUpdate = (loss, optimizer) => {
  const { value, grads } = valueAndGrad(loss);
  optimizer.step(grads);
  return value.item();
};
const withoutSteps: LossAndUpdate = (loss, optimizer) => {
  const value = loss();
  optimizer.step(backward(value));
  return value.item();
};

/** Five steps of a residual network; every kind of layer, sizes that are not multiples of anything. */
function train(step: LossAndUpdate = inSteps): Trained {
  const rng = new Rng(5);
  const model = cifarResNet(8, { width: 6, classes: 7, rng: rng.fork("weights") });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-4 });
  const labels = Int32Array.from({ length: 9 }, (_, i) => i % 7);
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) {
    const x = randn([9, 3, 18, 14], rng.fork(`batch ${i}`));
    losses.push(step(() => crossEntropy(model.forward(x), labels), optimizer));
  }
  return { losses, parameters: model.parameters().map((p) => p.data) };
}

afterEach(() => {
  debugMemory(false);
  useKernels("auto");
});

describe("the same bits", () => {
  begin();
  const reference = train();
  useKernels("auto");

  it("are those of a training that works", () => {
    expect(reference.losses.every(Number.isFinite)).toBe(true);
    expect(new Set(reference.losses).size).toBe(5);
  });

  it("run after run", () => {
    begin();
    expect(train()).toEqual(reference);
    expect(train()).toEqual(reference);
  });

  it("without steps", () => {
    begin();
    expect(train(withoutSteps)).toEqual(reference);
  });

  it("in one large step around all of it, beside other tensors", () => {
    const engine = begin();
    const alive: Floats[] = [];
    const trained = inStep(
      () => {
        for (let i = 0; i < 100; i++) alive.push(numbersOf(allocate(1000 + 17 * i)).fill(i));
        expect(alive.every((array) => engine.arena.owns(array))).toBe(true);
        return train();
      },
      () => {
        // Nothing was written over them.
        expect(alive.every((array, i) => array.every((v) => v === i))).toBe(true);
      },
    );
    expect(trained).toEqual(reference);
  });

  it("without steps, whatever the size: where plain kernels are as fast, they compute in both or in none", () => {
    begin();
    for (let n = 40; n < 5000; n = Math.ceil(n * 1.17)) {
      const x = randn([3, n], new Rng(n));
      // Each computed from x itself, and from a tensor that lives where the step's tensors do.
      const compute = (): Tensor[] => {
        const h = mul(x, 1);
        return [exp(h), sum(h), sum(h, 1), softmax(h), tanh(exp(h)), mul(h, sigmoid(h))];
      };
      const numbers = (ts: readonly Tensor[]): Floats[] => ts.map((t) => t.data);
      expect(numbers(noGrad(compute))).toEqual(numbers(compute()));
    }
  });

  it("with ordinary tensors alive", () => {
    begin();
    const alive = Array.from({ length: 50 }, (_, i) => zeros([i * 1000 + 1]));
    expect(train()).toEqual(reference);
    expect(alive.every((t) => t.data.every((v) => v === 0))).toBe(true);
  });

  it("in debug mode: nothing is read that was not written", () => {
    begin();
    debugMemory(true);
    expect(train()).toEqual(reference);
  });

  it("where half the tensors found no room", () => {
    const { arena } = begin();
    const allocateThere = arena.allocate.bind(arena);
    let refused = 0;
    arena.allocate = (size) => (size > 2000 && refused++ % 2 ? undefined : allocateThere(size));
    expect(train()).toEqual(reference);
    expect(refused).toBeGreaterThan(100);
  });

  it("in a step that has filled its memory: 512 → 512 channels, forward and both gradients", () => {
    const compute = (full: boolean): Floats[] => {
      const engine = new Engine(wasm);
      useKernels(kernelsOf(engine));
      const [x, w] = [
        [16, 512, 4, 4],
        [512, 512, 3, 3],
      ].map((shape, i) => randn(shape, new Rng(i), { requiresGrad: true }));
      const { value, grads } = valueAndGrad(() => {
        for (const size of full ? [2 ** 20, 2 ** 10] : []) while (engine.arena.allocate(size));
        const y = conv2d(x, w, null, { padding: 1 });
        return sum(mul(y, y));
      });
      return [value, grads.get(x), grads.get(w)].map((t) => t.data);
    };
    // Millions of numbers: too many for toEqual.
    const expected = compute(false);
    compute(true).forEach((values, i) => {
      expect(values.every((v, k) => v === expected[i][k])).toBe(true);
    });
  });

  it("of filters so large that they are not transformed all at once: those of each alone", () => {
    begin(128 * MIB);
    const x = randn([20, 1100, 8, 8], new Rng(1));
    const w = randn([1000, 1100, 3, 3], new Rng(2));
    const y = conv2d(x, w, null, { padding: 1 });
    expect(slice(y, [null, [500, 508]]).data).toEqual(conv2d(x, slice(w, [[500, 508]]), null, { padding: 1 }).data);
  });

  it("after the memory has grown", () => {
    const engine = new Engine(wasm, MIB / 4);
    useKernels(kernelsOf(engine));
    train();
    expect(engine.arena.bytes).toBeGreaterThan(MIB / 4);
    expect(train()).toEqual(reference);
  });
});
