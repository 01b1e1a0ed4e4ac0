/** What a step gives back before it ends: who may still read reads right numbers, the others an error. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backward, detach, tap, valueAndGrad } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/conv.ts";
import { defineOperation } from "../../src/autograd/define-operation.ts";
import { add, exp, mul, relu, sigmoid } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { batchNorm } from "../../src/autograd/norm.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { reshape, slice } from "../../src/autograd/shape.ts";
import { fuse } from "../../src/nn/fuse.ts";
import type { Module } from "../../src/nn/module.ts";
import { observe } from "../../src/nn/observe.ts";
import { cifarResNet } from "../../src/resnet/cifar-resnet.ts";
import { ImageNetResNet } from "../../src/resnet/imagenet-resnet.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { debugMemory } from "../../src/tensor/memory.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { countingKernels } from "../support/counting-pool.ts";

const x = randn([2, 4, 10, 10], new Rng(1));
const w = randn([4, 4, 3, 3], new Rng(2), { requiresGrad: true });
const gamma = randn([4], new Rng(3), { requiresGrad: true });
const same = { padding: 1 } as const;
const normalized = (t: Tensor): Tensor => batchNorm(t, gamma, null, { training: true });

describe.each(["simd", "plain"] as const)("numbers that are read are right (%s)", (tier) => {
  let before: ReturnType<typeof useKernels>;
  beforeEach(() => {
    before = useKernels(tier);
    debugMemory(true);
  });
  afterEach(() => {
    debugMemory(false);
    useKernels(before);
  });

  /** What `fn` computes in a step, and outside of any, where nothing is given back. */
  const both = (fn: () => Tensor[]): [number[][], number[][]] => {
    const numbers = (tensors: Tensor[]): number[][] => tensors.map((t) => [...t.data]);
    const inStep = valueAndGrad(() => {
      const tensors = fn();
      return { loss: sum(tensors[0]), tensors };
    });
    return [numbers(inStep.value.tensors), numbers(fn())];
  };

  it("the ReLU of a norm, after the convolution that read it", () => {
    const [inStep, outside] = both(() => {
      const z = relu(normalized(conv2d(x, w, null, same)));
      const y = conv2d(z, w, null, same);
      return [y, z, add(z, y), slice(z, [[1, 2]]), detach(z)];
    });
    expect(inStep).toEqual(outside);
  });

  it("a convolution, after the addition that read it; twice; after a second convolution", () => {
    const [inStep, outside] = both(() => {
      const y = conv2d(x, w, null, same);
      const s = add(y, x);
      const again = add(y, s);
      return [again, y, conv2d(y, w, null, same), reshape(y, [-1]), s];
    });
    expect(inStep).toEqual(outside);
  });

  it("a tensor that was read, cloned or made to outlive the step in the middle of it", () => {
    const [inStep, outside] = both(() => {
      const z = relu(normalized(conv2d(x, w, null, same)));
      z.data[0];
      const y = conv2d(z, w, null, same);
      const u = conv2d(y, w, null, same);
      const copy = u.clone();
      return [add(u, y), z, copy, u];
    });
    expect(inStep).toEqual(outside);
    let held: Tensor | undefined;
    const view = valueAndGrad(() => {
      const h = mul(gamma, 2);
      held = reshape(h, [2, 2]);
      held.outliveStep();
      return sum(exp(h));
    });
    expect(view.value.item()).toBeGreaterThan(0);
    expect([...held!.data]).toEqual([...gamma.data].map((v) => 2 * v));
  });

  it("everything that fn returns: tensors in lists, maps and objects, views, sums that wait", () => {
    const result = valueAndGrad(() => {
      const h = mul(gamma, 3);
      const c = conv2d(x, w, null, same);
      const n = normalized(c);
      const loss = sum(mul(reshape(h, [4, 1, 1]), relu(n)));
      return { loss, list: [h, new Map([["view", reshape(h, [2, 2])]])], deep: { n, c, sum: add(n, c) } };
    });
    const { list, deep } = result.value;
    const expected = [...gamma.data].map((v) => Math.fround(3 * v));
    expect([...(list[0] as Tensor).data]).toEqual(expected);
    expect([...(list[1] as Map<string, Tensor>).get("view")!.data]).toEqual(expected);
    const c = conv2d(x, w, null, same);
    expect([...deep.c.data]).toEqual([...c.data]);
    expect([...deep.n.data]).toEqual([...normalized(c).data]);
    expect([...deep.sum.data]).toEqual([...add(normalized(c), c).data]);
  });

  it("two backward passes in a step, then a third; and what fn holds in between", () => {
    const gradients = (inStep: boolean): number[][] => {
      const all: number[][] = [];
      const run = (): Tensor => {
        const z = relu(normalized(conv2d(x, w, null, same)));
        const y = conv2d(z, w, null, same);
        const [first, second] = [sum(mul(y, y)), sum(sigmoid(y))];
        for (const loss of [first, second, first]) all.push([...backward(loss).get(w).data]);
        all.push([...z.data], [...y.data]);
        return add(first, second);
      };
      if (inStep) all.push([...valueAndGrad(run).grads.get(w).data]);
      else all.push([...backward(run()).get(w).data]);
      return all;
    };
    expect(gradients(true)).toEqual(gradients(false));
  });

  it("a gradient that is an array of the forward pass", () => {
    // ∂(y·z)/∂y = z: with an upstream gradient of ones a rule may pass z itself.
    const run = (): Tensor[] => {
      const z = relu(normalized(conv2d(x, w, null, same)));
      const y = conv2d(x, w, null, same);
      const gy = backward(sum(mul(y, z)), { keep: [y] }).get(y);
      return [conv2d(z, w, null, same), gy, z];
    };
    const [inStep, outside] = both(run);
    expect(inStep).toEqual(outside);
  });

  it("inside another step nothing is spent: the program goes on there", () => {
    let held: Tensor | undefined;
    valueAndGrad(() => {
      valueAndGrad(() => {
        held = mul(gamma, 2);
        return sum(exp(held));
      });
      expect([...held!.data]).toEqual([...gamma.data].map((v) => 2 * v));
      return sum(gamma);
    });
  });

  it("a tap may look at any activation, and an operation of one's own at its inputs and output", () => {
    const seen: number[][] = [];
    valueAndGrad(() => {
      const h = mul(gamma, 2);
      const later = exp(tap(h, () => seen.push([...h.data], [...later.data])));
      return sum(exp(later));
    });
    const doubled = [...gamma.data].map((v) => Math.fround(2 * v));
    expect(seen[0]).toEqual(doubled);
    expect(seen[1]).toEqual([...exp(tensor(doubled)).data]);
    const own = defineOperation({
      name: "mine.square",
      forward: (t: Tensor) => mul(t, t),
      backward(gy, { inputs: [t], output }) {
        seen.push([...output.data]);
        return [mul(gy, mul(t, 2))];
      },
    });
    const { grads } = valueAndGrad(() => sum(own(exp(gamma))));
    expect([...grads.get(gamma).data]).toEqual([...backward(sum(own(exp(gamma)))).get(gamma).data]);
    expect(seen[2]).toEqual(seen[3]);
  });

  it("an observer that reads what it held after the forward pass", () => {
    const model: Module = cifarResNet(8, { width: 4, order: "pre", rng: new Rng(4) });
    const images = randn([2, 3, 16, 16], new Rng(5));
    const observed = (inStep: boolean): number[][] => {
      const outputs: Tensor[] = [];
      const run = (): Tensor => {
        const loss = observe(
          model,
          (_path, _module, _x, y) => outputs.push(y),
          () => crossEntropy(model.forward(images), [1, 2]),
        );
        for (const t of outputs) numbers.push([...t.data]);
        return loss;
      };
      const numbers: number[][] = [];
      if (inStep) valueAndGrad(run);
      else run();
      return numbers;
    };
    expect(observed(true)).toEqual(observed(false));
  });

  it("an observer that reads what it held after an inference, of both kinds of block", () => {
    const images = randn([1, 3, 32, 32], new Rng(5));
    for (const block of ["basic", "bottleneck"] as const) {
      const model: Module = new ImageNetResNet({ block, stages: [1, 1, 1, 1] }, { rng: new Rng(4), classes: 3 }).eval();
      const observed = (): number[][] => {
        const outputs: Tensor[] = [];
        observe(
          model,
          (_path, _module, _x, y) => outputs.push(y),
          () => model.forward(images),
        );
        return outputs.map((t) => [...t.data]);
      };
      expect(noGrad(observed)).toEqual(observed());
    }
  });
});

describe("what is gone says so", () => {
  it("an activation that an operation of one's own reads after its last rule", () => {
    const read = (): unknown =>
      valueAndGrad(() => {
        let later: Tensor | undefined;
        const peeking = defineOperation({
          name: "mine.peeking",
          forward: (t: Tensor) => mul(t, 2),
          backward: (gy) => [mul(gy, sum(later!))],
        });
        later = exp(peeking(mul(gamma, 1)));
        return sum(exp(later));
      });
    expect(read).toThrow(
      "tensor: the values of this [4] were given back when the last derivative that reads them was computed: return it from the function given to valueAndGrad, or clone() it inside",
    );
  });

  it("a convolution whose weights were changed before its output, given back, was read", () => {
    const own = tensor([[[[2]]]], { requiresGrad: true });
    const image = randn([1, 1, 4, 4], new Rng(1));
    const read = (): unknown =>
      valueAndGrad(() => {
        const y = conv2d(image, own);
        const s = add(y, 1);
        own.assign([3]);
        y.toArray();
        return sum(s);
      });
    expect(read).toThrow("conv2d: an input was changed in place before the output [1,1,4,4] was read");
  });
});

describe("what a step keeps", () => {
  const most = (fn: () => Tensor): { forward: number; most: number; end: number } => {
    const { tier, pool } = countingKernels();
    const before = useKernels(tier);
    try {
      let forward = 0;
      valueAndGrad(() => {
        const loss = fn();
        forward = pool.bytes;
        return loss;
      });
      return { forward, most: pool.most, end: pool.bytes };
    } finally {
      useKernels(before);
    }
  };

  it.each(["as it is", "fused"])(
    "an inference of a network %s: of a block its sum, and of a projection two maps",
    (how) => {
      const { tier, pool } = countingKernels();
      const before = useKernels(tier);
      try {
        const model = new ImageNetResNet(
          { block: "bottleneck", stages: [3, 1, 1, 1] },
          { rng: new Rng(1), classes: 2 },
        ).eval();
        if (how === "fused") fuse(model);
        noGrad(() => {
          model.forward(zeros([1, 3, 64, 64]));
          const map = 4 * 64 * 16 * 16;
          // The pooled stem; in layer1 three sums of four times its channels, in each other layer one of half the size before.
          const sums = 4 * (3 + 1 / 2 + 1 / 4 + 1 / 8);
          const projections = 2 * 4 * (1 + 1 / 2 + 1 / 4 + 1 / 8);
          expect(pool.bytes / map).toBeGreaterThan(1 + sums);
          expect(pool.bytes / map).toBeLessThan(1.1 * (1 + sums + projections));
        });
      } finally {
        useKernels(before);
      }
    },
  );

  it("ResNet-20: the sum by hand, and a backward pass that adds no more than the gradients of the weights", () => {
    const width = 16;
    const batch = 2;
    const model = cifarResNet(20, { width, rng: new Rng(1) });
    const images = zeros([batch, 3, 32, 32]);
    const { forward, most: peak } = most(() => crossEntropy(model.forward(images), [0, 1]));
    const map = (stage: 1 | 2 | 3): number => (4 * batch * width * 32 * 32) / 2 ** (stage - 1);
    // The stem: conv1, which bn1 reads, and its ReLU, which the first block's convolution reads and its shortcut.
    // Each block: both convolutions, which norms read, and the last ReLU, which the next block reads. Not: the norms and the
    // sums, which are never stored; the first ReLU, computed again from the convolution; shortcuts, which no rule reads.
    const stages = ([1, 2, 3] as const).reduce((bytes, stage) => bytes + 3 * 3 * map(stage), 0);
    const byHand = 2 * map(1) + stages;
    // Means and deviations, the pooled features, the logits and what the loss keeps: numbers per channel and example.
    expect(forward).toBeGreaterThan(byHand);
    expect(forward).toBeLessThan(byHand + 40_000);
    expect(peak).toBeLessThan(byHand + 4 * model.parameterCount());
  });
});
