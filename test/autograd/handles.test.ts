/**
 * Operations pass arrays on and never look inside: on a tier whose arrays are handles (test/support/handles.ts) every
 * operation, network and training step gives the plain tier's bits.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { backward, type Gradients, valueAndGrad } from "../../src/autograd/backward.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { buffer, type Module } from "../../src/nn/module.ts";
import { Adam, AdamW } from "../../src/nn/optim/adam.ts";
import { clipGradNorm } from "../../src/nn/optim/clip.ts";
import type { Optimizer } from "../../src/nn/optim/optimizer.ts";
import { SGD } from "../../src/nn/optim/sgd.ts";
import { cifarResNet } from "../../src/resnet/cifar-resnet.ts";
import { highwayConvNet, highwayNet } from "../../src/resnet/highway.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { owned, Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { handleKernels, pool } from "../support/handles.ts";
import type { OpCase } from "./cases/types.ts";

const families = await Promise.all(
  readdirSync(new URL("./cases", import.meta.url))
    .filter((file) => file.endsWith(".ts") && file !== "types.ts")
    .map(async (file) => ({
      family: file.replace(".ts", ""),
      cases: ((await import(`./cases/${file.replace(".ts", "")}.ts`)) as { cases: readonly OpCase[] }).cases,
    })),
);

afterEach(() => {
  useKernels("auto");
});

/** The same numbers on both tiers: an ordinary array, or a handle. */
type Place = (t: Tensor) => Tensor;
const ordinary: Place = (t) => owned(Float32Array.from(t.data), t.shape, t.requiresGrad);
const handled: Place = (t) => owned(pool.place(Float32Array.from(t.data)), t.shape, t.requiresGrad);

/** fn on the plain tier, and on handles. */
function both<T>(fn: (place: Place) => T): [T, T] {
  useKernels("plain");
  const expected = fn(ordinary);
  useKernels(handleKernels);
  const before = pool.handles;
  const got = fn(handled);
  expect(pool.handles).toBeGreaterThan(before);
  return [expected, got];
}

const bits = (t: Tensor): number[] => [...t.data];

describe.each(families)("$family", ({ cases }) => {
  it.each(cases.map((c) => [c.name.startsWith(c.op) ? c.name : `${c.op} ${c.name}`, c] as const))("%s", (_, c) => {
    const rng = new Rng(1);
    const inputs = c.inputs.map((shape, i) => {
      const t = randn(shape, rng);
      t.assign(t.data.map((v) => c.prepare?.(v, i) ?? v));
      t.requiresGrad = true;
      return t;
    });
    const [expected, got] = both((place) => {
      const at = inputs.map(place);
      const y = c.call(...at);
      const upstream = place(randn(y.shape, new Rng(2)));
      const grads = backward(y, { gradient: upstream });
      const inside = valueAndGrad(() => {
        const again = c.call(...at);
        return { loss: sum(mul(again, upstream)), again };
      });
      const all = (g: Gradients): number[][] => at.map((t) => bits(g.get(t)));
      return [bits(y), ...all(grads), bits(inside.value.again), bits(inside.value.loss), ...all(inside.grads)];
    });
    expect(got).toEqual(expected);
  });
});

/** The model with every parameter and buffer where `place` puts it. */
function placed(model: Module, place: Place): Module {
  for (const [, module] of model.namedModules()) {
    for (const [key, value] of Object.entries(module)) {
      if (!(value instanceof Tensor)) continue;
      const there = place(value);
      (module as unknown as Record<string, Tensor>)[key] = namedAsBuffer(model, value) ? buffer(there) : there;
    }
  }
  return model;
}

function namedAsBuffer(model: Module, t: Tensor): boolean {
  return model.namedBuffers().some(([, b]) => b === t);
}

describe("networks", () => {
  const small = { classes: 10, width: 4 } as const;
  const images = [4, 3, 16, 16];
  it.each<[string, (rng: Rng) => Module, (p: Tensor[]) => Optimizer, number[]]>([
    [
      "ResNet-20, option A, SGD",
      (rng) => cifarResNet(20, { ...small, rng }),
      (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 1e-4, nesterov: true }),
      images,
    ],
    [
      "pre-activation ResNet-20, projections, AdamW",
      (rng) => cifarResNet(20, { ...small, order: "pre", shortcut: "project", rng }),
      (p) => new AdamW(p, { lr: 0.01 }),
      images,
    ],
    [
      "gated shortcuts, stochastic depth, SGD",
      (rng) => cifarResNet(8, { ...small, shortcut: "gate", stochasticDepth: 0.5, rng }),
      (p) => new SGD(p, { lr: 0.1 }),
      images,
    ],
    ["highway network, Adam", (rng) => highwayNet(10, { rng }), (p) => new Adam(p), [4, 1, 28, 28]],
    ["convolutional highway network", (rng) => highwayConvNet(19, { rng }), (p) => new SGD(p, { lr: 0.1 }), images],
  ])("%s: losses, parameters and running statistics of two steps, and evaluation", (_, build, optimizerOf, shape) => {
    const [expected, got] = both((place) => {
      const model = placed(build(new Rng(3)), place);
      const optimizer = optimizerOf(model.parameters());
      const x = place(randn(shape, new Rng(4)));
      const seen: number[][] = [];
      for (let step = 0; step < 2; step++) {
        const { value, grads } = valueAndGrad(() => {
          const logits = model.forward(x);
          return { loss: crossEntropy(logits, [1, 2, 3, 4], { labelSmoothing: 0.1 }), logits };
        });
        seen.push(bits(value.loss), bits(value.logits));
        optimizer.step(clipGradNorm(grads, optimizer.parameters, 1).grads);
      }
      model.eval();
      seen.push(bits(noGrad(() => model.forward(x))));
      return [...seen, ...Object.values(model.stateDict()).map(bits)];
    });
    expect(got).toEqual(expected);
  });
});

it("no operation reads numbers by the public accessor, or from an array", () => {
  const folder = new URL("../../src/autograd/", import.meta.url);
  for (const file of readdirSync(folder)) {
    const code = readFileSync(new URL(file, folder), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    // `index.data` is the whole numbers that a gather is given, and that argmax makes.
    expect(code.match(/(?<!index|indices)\.data\b/g) ?? [], file).toEqual([]);
    expect(code.match(/\bFloats\b|as unknown as|\btoArray\(/g) ?? [], file).toEqual([]);
  }
});
