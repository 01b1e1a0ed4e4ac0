/** Whole networks, exported and read again: the same numbers as in ONNX Runtime and before, the same names, the same file. */
import { describe, expect, it } from "vitest";
import { backward, crossEntropy, noGrad } from "../../../../src/autograd/index.ts";
import { certify } from "../../../../src/flow/index.ts";
import { exportOnnx, importOnnx } from "../../../../src/io/onnx/index.ts";
import { BatchNorm2d, Conv2d, Linear, type Module, SGD } from "../../../../src/nn/index.ts";
import {
  cifarResNet,
  highwayConvNet,
  highwayNet,
  type Order,
  resnet18,
  resnet50,
  type ShortcutKind,
  type Start,
  vgg,
} from "../../../../src/resnet/index.ts";
import { randn } from "../../../../src/tensor/create.ts";
import { Rng } from "../../../../src/tensor/rng.ts";
import type { Shape } from "../../../../src/tensor/shape.ts";
import { difference, openOnnx } from "../runtime.ts";
import { trained } from "../trained.ts";

/** Of the largest logit. Both compute in float32 and add in other orders. */
const TOLERANCE = 1e-5;

type Case = readonly [name: string, make: (rng: Rng) => Module, inputShape: Shape];

const classes = 10;
const small: Shape = [3, 32, 32];

/** Reads the exported network and compares all it computes. */
async function check(model: Module, inputShape: Shape, foldBatchNorm: boolean): Promise<void> {
  const file = exportOnnx(model, { inputShape, foldBatchNorm });
  const network = importOnnx(file);
  const again = exportOnnx(network, { inputShape });
  const runner = await openOnnx(file);
  const runnerAgain = await openOnnx(again);
  for (const batch of [1, 3]) {
    const x = randn([batch, ...inputShape], new Rng(batch));
    const y = noGrad(() => network.forward(x));
    expect(difference(y, await runner.run(x), 0), "ONNX Runtime").toBeLessThan(TOLERANCE);
    expect(
      difference(
        y,
        noGrad(() => model.forward(x)),
        0,
      ),
      "the network",
    ).toBeLessThan(TOLERANCE);
    expect(difference(await runnerAgain.run(x), await runner.run(x), 0), "exported again").toBeLessThan(TOLERANCE);
  }
}

const networks: readonly Case[] = [
  ["ResNet-18", (rng) => resnet18({ classes, rng }), [3, 64, 48]],
  ["ResNet-50", (rng) => resnet50({ classes, rng }), [3, 47, 33]],
  ["pre-activation CIFAR ResNet-20", (rng) => cifarResNet(20, { order: "pre", rng }), small],
  ["highway network of 50 layers", (rng) => highwayNet(50, { rng }), [784]],
  ["convolutional highway network", (rng) => highwayConvNet(20, { batchNorm: true, rng }), small],
  ["VGG-11", (rng) => vgg(11, { classes, hidden: [64, 64], rng }), small],
];

describe("networks", () => {
  it.each(networks)("%s", async (_, make, inputShape) => {
    await check(trained(make, inputShape), inputShape, false);
  });

  it("one with folded batch norms", async () => {
    await check(
      trained((rng) => cifarResNet(20, { rng }), small),
      small,
      true,
    );
  });
});

describe("variants of a residual network of 8 layers", () => {
  const shortcuts: readonly ShortcutKind[] = [
    "pad",
    "project",
    "none",
    "scale",
    "gate",
    "shortcutGate",
    "conv1x1",
    "dropout",
  ];
  const orders: readonly Order[] = ["post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre", "pre"];
  const starts: readonly Start[] = ["default", "zeroInitLast", "skipInit", "fixup"];
  const variants: readonly Case[] = [
    ...shortcuts.map(
      (shortcut): Case => [
        `pre-activation, ${shortcut}`,
        (rng) => cifarResNet(8, { order: "pre", shortcut, rng }),
        small,
      ],
    ),
    ...orders.map((order): Case => [`order ${order}`, (rng) => cifarResNet(8, { order, rng }), small]),
    ...starts.map((start): Case => [`start ${start}`, (rng) => cifarResNet(8, { start, rng }), small]),
    ["stochastic depth", (rng) => cifarResNet(8, { stochasticDepth: 0.5, rng }), small],
  ];
  it.each(variants)("%s", async (_, make, inputShape) => {
    await check(trained(make, inputShape), inputShape, false);
  });

  it.each(variants)("%s: the names of its state", (_, make, inputShape) => {
    const model = trained(make, inputShape);
    const network = importOnnx(exportOnnx(model, { inputShape }));
    const state = (module: Module) =>
      Object.fromEntries(Object.entries(module.stateDict()).map(([name, t]) => [name, `${t.shape}`]));
    expect(state(network)).toEqual(state(model));
    expect(new Set(network.namedParameters().map(([name]) => name))).toEqual(
      new Set(model.namedParameters().map(([name]) => name)),
    );
    expect(network.loadStateDict(make(new Rng(5)).stateDict())).toEqual({ missing: [], unexpected: [] });
  });
});

describe("a network that was read", () => {
  const original = trained((rng) => cifarResNet(8, { rng }), small);
  const read = (): Module => importOnnx(exportOnnx(original, { inputShape: small }));

  it("is in evaluation mode, and has this library's layers", () => {
    const network = read();
    expect(network.namedModules().every(([, module]) => !module.training)).toBe(true);
    const modules = new Map<string, unknown>(network.namedModules());
    expect(modules.get("conv1")).toBeInstanceOf(Conv2d);
    expect(modules.get("layer1.0.bn2")).toBeInstanceOf(BatchNorm2d);
    expect(modules.get("fc")).toBeInstanceOf(Linear);
    expect(`${network}`).toMatch(/^OnnxNetwork\(\d+ nodes, opset 17\) {2}[\d,]+ parameters\n {2}\(conv1\) Conv2d/);
  });

  it("normalises with the batch in training, moves the running statistics, and is exported anew with them", async () => {
    const network = read().train();
    const x = randn([4, ...small], new Rng(2));
    const y = noGrad(() => network.forward(x));
    expect(
      difference(
        y,
        noGrad(() => original.train().forward(x)),
      ),
    ).toBeLessThan(TOLERANCE);
    const state = network.stateDict();
    for (const [name, t] of original.namedBuffers()) {
      // The number of batches before is in no file.
      if (name.endsWith("num_batches_tracked")) expect(state[name].item()).toBe(1);
      else expect(difference(state[name], t)).toBeLessThan(TOLERANCE);
    }
    network.eval();
    original.eval();
    const runner = await openOnnx(exportOnnx(network, { inputShape: small }));
    expect(
      difference(
        await runner.run(x),
        noGrad(() => original.forward(x)),
      ),
    ).toBeLessThan(TOLERANCE);
  });

  it("is certified as the original is, by the blocks that stand in its graph", () => {
    const preActivation = cifarResNet(8, { order: "pre", rng: new Rng(0) });
    const network = importOnnx(exportOnnx(preActivation, { inputShape: small }));
    const x = randn([2, ...small], new Rng(1));
    const verdicts = [preActivation, network].map((model) => certify(model, x).blocks.map(({ verdict }) => verdict));
    expect(verdicts[0]).toContain("identity");
    expect(verdicts[1]).toEqual(verdicts[0]);
    expect(certify(network, x).holds).toBe(true);
  });

  it("learns: its loss falls, and the file it came from is a copy", () => {
    const network = read().train();
    const optimizer = new SGD(network.parameters(), { lr: 0.05, momentum: 0.9 });
    const x = randn([4, ...small], new Rng(2));
    const losses = Array.from({ length: 8 }, () => {
      const loss = crossEntropy(network.forward(x), [0, 1, 2, 3]);
      optimizer.step(backward(loss));
      return loss.item();
    });
    expect(losses[7]).toBeLessThan(losses[0] / 2);
    expect(read().stateDict()["conv1.weight"].data).toEqual(original.stateDict()["conv1.weight"].data);
  });

  it("exports to the same bytes from then on", () => {
    const once = exportOnnx(read(), { inputShape: small });
    expect(Buffer.compare(exportOnnx(importOnnx(once), { inputShape: small }), once)).toBe(0);
  });
});
