/** `checkpoint`: the same numbers as without, to the bit, in less memory. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backward, type Gradients, tap, valueAndGrad } from "../../src/autograd/backward.ts";
import { checkpoint } from "../../src/autograd/checkpoint.ts";
import { dropout } from "../../src/autograd/dropout.ts";
import { add, exp, mul, relu } from "../../src/autograd/elementwise.ts";
import { nodesBefore, noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { mean, sum } from "../../src/autograd/reduce.ts";
import { reshape } from "../../src/autograd/shape.ts";
import { CheckpointedSequential } from "../../src/nn/checkpointed.ts";
import { Sequential } from "../../src/nn/container.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Linear } from "../../src/nn/linear.ts";
import type { Module } from "../../src/nn/module.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { SGD } from "../../src/nn/optim/index.ts";
import { type CifarResNetOptions, cifarResNet } from "../../src/resnet/cifar-resnet.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { debugMemory } from "../../src/tensor/memory.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { countingKernels } from "../support/counting-pool.ts";

const x = randn([4, 3, 12, 12], new Rng(1));
const labels = [1, 2, 3, 4];

/** All that three steps of training compute: losses, gradients, and the state in the end. */
function training(model: Module): number[] {
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const numbers: number[] = [];
  for (let step = 0; step < 3; step++) {
    const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(x), labels));
    optimizer.step(grads);
    numbers.push(value.item(), ...gradientsOf(model.parameters(), grads));
  }
  for (const t of Object.values(model.stateDict())) numbers.push(...t.data);
  return numbers;
}

/** In the place of the gradient of a tensor that none reached. */
const NO_GRADIENT = 1e30;

function gradientsOf(tensors: readonly Tensor[], grads: Gradients): number[] {
  return tensors.flatMap((t) => (grads.has(t) ? [...grads.get(t).data] : [NO_GRADIENT]));
}

describe.each(["simd", "plain"] as const)("the same bits as without (%s)", (tier) => {
  let before: ReturnType<typeof useKernels>;
  beforeEach(() => {
    before = useKernels(tier);
    debugMemory(true);
  });
  afterEach(() => {
    debugMemory(false);
    useKernels(before);
  });

  const network = (depth: number, options: Partial<CifarResNetOptions>): ((checkpoint: boolean) => Module) => {
    return (checkpoint) => cifarResNet(depth, { width: 4, ...options, checkpoint, rng: new Rng(3) });
  };
  const networks: [string, (checkpoint: boolean) => Module][] = [
    ["ResNet-20", network(20, {})],
    ["pre-activation, bottlenecks", network(29, { order: "pre", block: "bottleneck" })],
    ["stochastic depth", network(20, { stochasticDepth: 0.5 })],
    ["no norms", network(14, { start: "fixup" })],
    ["squeeze-and-excitation", network(14, { squeezeExcitation: 4 })],
  ];
  it.each(networks)("%s: losses, gradients, running statistics", (_, make) => {
    const [kept, again] = [false, true].map((checkpoint) => training(make(checkpoint)));
    expect(kept.every(Number.isFinite)).toBe(true);
    expect(again).toEqual(kept);
  });

  it("a generator that is used inside and outside, a module that is used twice inside and once outside", () => {
    const make = (checkpointed: boolean): number[] => {
      const rng = new Rng(5);
      const conv = new Conv2d(3, 3, 3, { padding: 1, rng });
      const norm = new BatchNorm2d(3);
      const drop = new Dropout(0.3, { rng });
      const part = (y: Tensor): Tensor => relu(norm.forward(conv.forward(drop.forward(conv.forward(y)))));
      const { value, grads } = valueAndGrad(() => {
        const start = dropout(conv.forward(x), 0.2, { rng });
        const y = checkpointed ? checkpoint(() => add(part(start), start)) : add(part(start), start);
        return mean(mul(drop.forward(norm.forward(conv.forward(y))), y));
      });
      const parameters = [...conv.parameters(), ...norm.parameters()];
      const state = Object.values(norm.stateDict()).flatMap((t) => [...t.data]);
      return [value.item(), ...gradientsOf(parameters, grads), ...state, ...rng.state];
    };
    expect(make(true)).toEqual(make(false));
  });

  it("a checkpoint in a checkpoint", () => {
    const w = randn([6, 6], new Rng(2), { requiresGrad: true });
    const b = randn([6], new Rng(3), { requiresGrad: true });
    const gradients = (around: (fn: () => Tensor) => Tensor, inside: (fn: () => Tensor) => Tensor): number[] => {
      const rng = new Rng(4);
      const { value, grads } = valueAndGrad(() => {
        const start = mul(w, 2);
        const y = around(() => {
          const z = inside(() => dropout(exp(mul(add(start, b), 0.1)), 0.5, { rng }));
          return mul(
            inside(() => mul(z, add(start, w))),
            z,
          );
        });
        return sum(add(mul(y, start), w));
      });
      return [value.item(), ...gradientsOf([w, b], grads), rng.uniform()];
    };
    const plainly = (fn: () => Tensor): Tensor => fn();
    const expected = gradients(plainly, plainly);
    expect(gradients(checkpoint, plainly)).toEqual(expected);
    expect(gradients(plainly, checkpoint)).toEqual(expected);
    expect(gradients(checkpoint, checkpoint)).toEqual(expected);
  });

  it("only some gradients; inputs returned as they are, as views, or without a gradient", () => {
    const [a, b] = [1, 2].map((seed) => randn([2, 3], new Rng(seed), { requiresGrad: true }));
    const constant = randn([3, 2], new Rng(3));
    const parts: (() => Tensor)[] = [
      () => reshape(mul(a, b), [3, 2]),
      () => reshape(a, [3, 2]),
      () => constant,
      () => mul(constant, 2),
    ];
    for (const part of parts) {
      const gradients = (around: (fn: () => Tensor) => Tensor, only: Tensor[] | undefined): number[] => {
        const options = only ? { only } : {};
        const { value, grads } = valueAndGrad(
          () => sum(mul(around(part), add(reshape(a, [3, 2]), reshape(b, [3, 2])))),
          options,
        );
        return [value.item(), ...gradientsOf([a, b], grads)];
      };
      for (const only of [undefined, [a], [b]])
        expect(gradients(checkpoint, only)).toEqual(gradients((fn) => fn(), only));
    }
    const { grads } = valueAndGrad(() => sum(checkpoint(() => a)));
    expect([...grads.get(a).data]).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe("outside a valueAndGrad it is fn() and no more", () => {
  const w = tensor([1, 2, 3], { requiresGrad: true });

  it("the graph is there for those who read graphs", () => {
    const y = checkpoint(() => exp(mul(w, w)));
    expect(nodesBefore(y).map(({ op }) => op)).toEqual(["exp", "mul"]);
    expect([...backward(sum(y)).get(w).data]).toEqual([...backward(sum(exp(mul(w, w)))).get(w).data]);
    expect(noGrad(() => checkpoint(() => mul(w, 2))).toArray()).toEqual([2, 4, 6]);
  });
});

describe("what goes wrong", () => {
  const w = tensor([1, 2, 3], { requiresGrad: true });
  const inside =
    (fn: () => Tensor): (() => unknown) =>
    () =>
      valueAndGrad(() => sum(checkpoint(fn)));

  it("fn is no function of tensors, is async, or returns none", () => {
    expect(() => checkpoint(null as never)).toThrow("checkpoint: fn must be a function, got null");
    expect(inside(() => 1 as never)).toThrow("checkpoint: what fn returns must be a tensor, got 1");
    expect(() => checkpoint((async () => w) as never)).toThrow("checkpoint: fn");
  });

  it("fn computes another shape, or from other tensors, the second time", () => {
    let calls = 0;
    expect(inside(() => (calls++ === 0 ? mul(w, 2) : mul(reshape(w, [3, 1]), 2)))).toThrow(
      "checkpoint: fn must compute the same each time, got [3], then [3,1]",
    );
    const other = (): unknown =>
      valueAndGrad(() => {
        const [p, q] = [mul(w, 2), mul(w, 3)];
        let first = true;
        const y = checkpoint(() => {
          const from = first ? p : q;
          first = false;
          return exp(from);
        });
        return sum(add(y, q));
      });
    expect(other).toThrow("checkpoint: fn must compute the same each time");
  });

  it("an error inside, at either time, leaves everything as it was", () => {
    const rng = new Rng(7);
    const running = [tensor([1, 2]), tensor([3, 4])];
    let calls = 0;
    const failAt = (time: number): (() => unknown) => {
      calls = 0;
      return inside(() => {
        const y = dropout(mul(w, 2), 0.5, { rng });
        running[0].assign([calls, calls]);
        if (++calls === time) throw new Error("on purpose");
        return y;
      });
    };
    expect(failAt(1)).toThrow("on purpose");
    const state = rng.state;
    expect(failAt(2)).toThrow("on purpose");
    // The first time drew three numbers and wrote 0; the second is undone.
    const copy = new Rng(7);
    copy.setState({ state, spare: null });
    for (let i = 0; i < 3; i++) copy.uniform();
    expect(rng.state).toEqual(copy.state);
    expect(running[0].toArray()).toEqual([0, 0]);
    expect([...valueAndGrad(() => sum(checkpoint(() => mul(w, w)))).grads.get(w).data]).toEqual([2, 4, 6]);
  });

  it("a tensor from inside is gone, and says so", () => {
    let held: Tensor | undefined;
    const read = (): unknown =>
      valueAndGrad(() => {
        const y = checkpoint(() => {
          held = mul(w, 2);
          return exp(held);
        });
        held!.toArray();
        return sum(y);
      });
    expect(read).toThrow("gone with the step that computed them");
  });

  it("an input that is changed before the backward pass", () => {
    const v = tensor([1, 2, 3], { requiresGrad: true });
    const change = (): unknown =>
      valueAndGrad(() => {
        const y = checkpoint(() => mul(v, v));
        v.assign([4, 5, 6]);
        return sum(y);
      });
    expect(change).toThrow("was changed in place after the forward pass");
  });
});

it("a tap inside sees its gradient once", () => {
  const w = tensor([1, 2, 3], { requiresGrad: true });
  const seen: number[][] = [];
  valueAndGrad(() => sum(checkpoint(() => exp(tap(mul(w, 0), (gy) => seen.push([...gy.data]))))));
  expect(seen).toEqual([[1, 1, 1]]);
});

describe("CheckpointedSequential", () => {
  const layers = (): Linear[] => {
    const rng = new Rng(1);
    return Array.from({ length: 16 }, () => new Linear(8, 8, { rng }));
  };

  it("has √L segments, the names of a Sequential, and its bits for any number of segments", () => {
    const model = new CheckpointedSequential(layers());
    expect(model.segments).toBe(4);
    expect(Object.keys(model.stateDict())).toEqual(Object.keys(new Sequential(...layers()).stateDict()));
    const input = randn([5, 8], new Rng(2));
    const gradients = (model: Sequential): number[] =>
      gradientsOf(model.parameters(), valueAndGrad(() => mean(model.forward(input))).grads);
    const expected = gradients(new Sequential(...layers()));
    for (let segments = 1; segments <= 16; segments++) {
      expect(gradients(new CheckpointedSequential(layers(), segments))).toEqual(expected);
    }
  });

  it("refuses what is no number of segments", () => {
    expect(() => new CheckpointedSequential(layers(), 0)).toThrow("CheckpointedSequential: segments must be");
    expect(() => new CheckpointedSequential(layers(), 17)).toThrow("CheckpointedSequential: segments must be");
  });

  it("keeps what is between the segments, and one segment", () => {
    const input = randn([64, 8], new Rng(2), { requiresGrad: true });
    const peak = (model: Sequential): number => {
      const { tier, pool } = countingKernels();
      const before = useKernels(tier);
      try {
        valueAndGrad(() => mean(exp(model.forward(exp(input)))));
        return pool.most;
      } finally {
        useKernels(before);
      }
    };
    const sizes = (numbers: readonly number[]): number[] => numbers.map((bytes) => bytes / (4 * 64 * 8));
    const [all, some] = sizes([peak(new Sequential(...layers())), peak(new CheckpointedSequential(layers(), 4))]);
    // exp(input), 16 layers, exp; and with 4 segments 4 layers in the place of 16, then 4 inside one, and gradients.
    expect(all).toBeGreaterThan(18);
    expect(some).toBeLessThan(14);
  });
});
