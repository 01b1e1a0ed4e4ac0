import { describe, expect, test } from "vitest";
import { relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { ReLU } from "../../src/nn/activation.ts";
import { Identity, Sequential } from "../../src/nn/container.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { ConvTranspose2d } from "../../src/nn/conv-transpose.ts";
import { freeze } from "../../src/nn/freeze.ts";
import { fuse } from "../../src/nn/fuse.ts";
import { Module } from "../../src/nn/module.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { BasicBlock } from "../../src/resnet/basic-block.ts";
import { cifarResNet } from "../../src/resnet/cifar-resnet.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** Norms as after training: every scale, shift, mean and variance another. */
function scatter<M extends Module>(model: M): M {
  const rng = new Rng(7);
  for (const [, module] of model.namedModules()) {
    if (!(module instanceof BatchNorm2d)) continue;
    for (const t of [module.weight, module.bias, module.runningMean]) {
      t?.assign(Float32Array.from(t.data, () => 0.5 + rng.normal() / 4));
    }
    module.runningVar?.assign(Float32Array.from(module.runningVar.data, () => 0.5 + rng.uniform()));
  }
  return model;
}

/** The largest difference between the outputs before and after, relative to the largest output. */
function differenceAfterFusing(model: Module, x: Tensor, folded: number): number {
  const before = noGrad(() => model.eval().forward(x));
  expect(fuse(model)).toBe(folded);
  const after = noGrad(() => model.forward(x));
  const largest = Math.max(...before.data.map(Math.abs));
  return Math.max(...before.data.map((y, i) => Math.abs(y - after.data[i]))) / largest;
}

describe("example", () => {
  test("w′ = w·γ/√(σ² + ε), b′ = β + (b − μ)·γ/√(σ² + ε)", () => {
    const conv = new Conv2d(1, 2, 1, { rng: new Rng(0) });
    const norm = new BatchNorm2d(2, { eps: 1 });
    conv.weight.assign([2, 3]);
    conv.bias?.assign([1, 0]);
    norm.weight?.assign([4, 1]);
    norm.bias?.assign([10, 20]);
    norm.runningMean?.assign([5, 6]);
    norm.runningVar?.assign([3, 8]);
    const model = new Sequential(conv, norm);
    expect(fuse(model)).toBe(1);
    expect(conv.weight.toArray()).toEqual([[[[4]]], [[[1]]]]);
    expect(conv.bias?.toArray()).toEqual([2, 18]);
    expect(model.layers[1]).toBeInstanceOf(Identity);
    expect(model.forward(tensor([[[[1]]]])).toArray()).toEqual([[[[6]], [[19]]]]);
  });
});

describe("outputs are the same", () => {
  // A result is a sum over some hundred products, each rounded: 1e-5 is some hundred roundings of the largest output.
  const rng = new Rng(1);
  const x = randn([2, 4, 7, 5], rng);

  test("Sequential: conv without bias, groups 2, norm, relu, conv, norm without scale and shift", () => {
    const model = scatter(
      new Sequential(
        new Conv2d(4, 6, 3, { padding: 1, groups: 2, bias: false, rng }),
        new BatchNorm2d(6),
        new ReLU(),
        new Conv2d(6, 4, 1, { rng }),
        new BatchNorm2d(4, { affine: false }),
      ),
    );
    expect(differenceAfterFusing(model, x, 2)).toBeLessThan(1e-5);
  });

  test("BasicBlock, shortcut project: conv1, conv2 and the projection", () => {
    const block = scatter(new BasicBlock(4, 8, { stride: 2, shortcut: "project", rng }));
    expect(differenceAfterFusing(block, x, 3)).toBeLessThan(1e-5);
  });

  test("BasicBlock, order pre: bn2, which follows conv1; bn1 follows nothing", () => {
    const block = scatter(new BasicBlock(4, 4, { order: "pre", rng }));
    expect(differenceAfterFusing(block, x, 1)).toBeLessThan(1e-5);
    expect(block.bn1).toBeInstanceOf(BatchNorm2d);
  });

  test.each([
    ["post", "pad", 7],
    ["post", "project", 9],
    ["pre", "project", 3],
  ] as const)("CIFAR ResNet-8, order %s, shortcut %s: %i folded", (order, shortcut, folded) => {
    const model = scatter(cifarResNet(8, { width: 4, order, shortcut, rng }));
    expect(differenceAfterFusing(model, randn([2, 3, 8, 8], rng), folded)).toBeLessThan(1e-5);
  });

  test("state: no norm is left, each convolution has a bias", () => {
    const model = cifarResNet(8, { width: 4, rng });
    fuse(model);
    const names = Object.keys(model.stateDict());
    expect(names.filter((name) => name.includes("bn"))).toEqual([]);
    expect(names.filter((name) => name.endsWith("conv1.bias"))).toHaveLength(4);
  });

  test("a second time there is nothing to fold", () => {
    const model = cifarResNet(8, { width: 4, rng });
    expect([fuse(model), fuse(model)]).toEqual([7, 0]);
  });
});

describe("parts in containers", () => {
  const rng = new Rng(6);

  class Contained extends Module {
    readonly list: Module[][] = [[new Conv2d(2, 2, 1, { rng }), new BatchNorm2d(2)]];
    readonly map: Map<string, Module> = new Map<string, Module>([
      ["conv", new Conv2d(2, 2, 1, { rng })],
      ["norm", new BatchNorm2d(2)],
    ]);
    readonly record: Record<string, Module> = { conv: new Conv2d(2, 2, 1, { rng }), norm: new BatchNorm2d(2) };
    readonly set: Set<Module> = new Set<Module>([new Conv2d(2, 2, 1, { rng }), new BatchNorm2d(2)]);

    forward(x: Tensor): Tensor {
      const parts = [...this.list[0], ...this.map.values(), ...Object.values(this.record), ...this.set];
      return parts.reduce((y, part) => part.forward(y), x);
    }
  }

  test("lists, Maps and objects are folded, Sets are not", () => {
    const model = scatter(new Contained());
    expect(differenceAfterFusing(model, randn([1, 2, 3, 3], rng), 3)).toBeLessThan(1e-5);
    expect([...model.map.keys()]).toEqual(["conv", "norm"]);
    expect([...model.map.values(), ...Object.values(model.record)].map((part) => part.constructor.name)).toEqual([
      "Conv2d",
      "Identity",
      "Conv2d",
      "Identity",
    ]);
  });

  test("a convolution that is in another container too is not folded", () => {
    class Twice extends Contained {
      readonly again: Map<string, Module> = new Map([["conv", this.record["conv"]]]);
    }
    expect(differenceAfterFusing(scatter(new Twice()), randn([1, 2, 3, 3], rng), 2)).toBeLessThan(1e-5);
  });

  test("a frozen model's parameters stay parameters, and frozen", () => {
    const model = freeze(new Contained());
    expect(fuse(model)).toBe(3);
    expect(model.namedParameters().filter(([name]) => !name.startsWith("set"))).toHaveLength(6);
    expect(model.parameters().some((t) => t.requiresGrad)).toBe(false);
  });
});

describe("what is not folded", () => {
  const rng = new Rng(2);

  test("a norm after an activation", () => {
    expect(fuse(new Sequential(new Conv2d(2, 2, 1, { rng }), new ReLU(), new BatchNorm2d(2)))).toBe(0);
  });

  test("a norm without running statistics", () => {
    expect(fuse(new Sequential(new Conv2d(2, 2, 1, { rng }), new BatchNorm2d(2, { trackRunningStats: false })))).toBe(
      0,
    );
  });

  test("a convolution used twice, with a norm of its own each time", () => {
    const conv = new Conv2d(2, 2, 1, { rng });
    const model = scatter(new Sequential(conv, new BatchNorm2d(2), conv, new BatchNorm2d(2)));
    expect(differenceAfterFusing(model, randn([1, 2, 3, 3], rng), 0)).toBe(0);
  });
});

/** Applies its parts in another order than it declares them. */
class Deceptive extends Module {
  readonly conv = new Conv2d(2, 2, 1, { rng: new Rng(3) });
  readonly norm = new BatchNorm2d(2);

  forward(x: Tensor): Tensor {
    return this.norm.forward(relu(this.conv.forward(x)));
  }
}

describe("errors", () => {
  test("train() of a fused model, and of a module around it", () => {
    const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
    fuse(model);
    expect(() => model.train()).toThrow(/^train: this ResNet belongs to a model whose batch norms were folded/);
    expect(() => new Sequential(model).train()).toThrow(/evaluation only/);
    expect(model.namedModules().some(([, module]) => module.training)).toBe(false);
    expect(model.eval()).toBe(model);
  });

  test("with an example: a module that does not apply its parts in order stays as it was", () => {
    const model = scatter(new Deceptive());
    const x = randn([1, 2, 4, 4], new Rng(4));
    const { conv, norm } = model;
    const { weight, bias } = conv;
    expect(() => fuse(model, x)).toThrow("fuse: Deceptive gives other outputs with its batch norms folded");
    expect([model.conv, model.norm, conv.weight, conv.bias]).toEqual([conv, norm, weight, bias]);
    expect(model.training).toBe(true);
  });

  test("an example that the model does not take leaves it as it was", () => {
    const model = new Deceptive();
    expect(() => fuse(model, randn([1, 3, 4, 4], new Rng(4)))).toThrow("conv2d: x has 3 channels");
    expect(model.training).toBe(true);
  });

  test("with an example: a network as it should be", () => {
    expect(fuse(scatter(cifarResNet(8, { width: 4, rng: new Rng(0) })), randn([1, 3, 8, 8], new Rng(5)))).toBe(7);
  });
});

test("a norm after a transposed convolution stays: its weights are by other axes", () => {
  const rng = new Rng(1);
  const model = scatter(
    new Sequential(new ConvTranspose2d(4, 4, 2, { stride: 2, rng }), new BatchNorm2d(4), new ReLU()),
  );
  expect(differenceAfterFusing(model, randn([2, 4, 5, 5], new Rng(2)), 0)).toBe(0);
});
