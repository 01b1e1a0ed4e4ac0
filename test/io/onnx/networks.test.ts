/** Whole networks in ONNX Runtime: every one that the story of residual learning names, for batches of one and of three. */
import { describe, expect, it } from "vitest";
import { noGrad } from "../../../src/autograd/graph.ts";
import { exportOnnx } from "../../../src/io/onnx/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Flatten,
  Linear,
  type Module,
  Sequential,
  Upsample,
} from "../../../src/nn/index.ts";
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
} from "../../../src/resnet/index.ts";
import { randn } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import { difference, openOnnx } from "./runtime.ts";
import { trained } from "./trained.ts";

/**
 * Of the largest logit, where 1e-4 is asked for. Both compute in float32 and add in other orders; no difference seen is above
 * 3e-6 (ResNet-50). A wrong epsilon or a forgotten shift would make one of 1e-4 and more.
 */
const TOLERANCE = 2e-5;

type Case = readonly [name: string, make: (rng: Rng) => Module, inputShape: Shape];

async function check([, make, inputShape]: Case, foldings: readonly boolean[]): Promise<void> {
  const model = trained(make, inputShape);
  const inputs = [1, 3].map((batch) => randn([batch, ...inputShape], new Rng(batch)));
  const expected = inputs.map((x) => noGrad(() => model.forward(x)));
  for (const foldBatchNorm of foldings) {
    const runner = await openOnnx(exportOnnx(model, { inputShape, foldBatchNorm }));
    for (const [i, x] of inputs.entries()) {
      expect(
        difference(await runner.run(x), expected[i], 0),
        `batch ${x.shape[0]}, folded: ${foldBatchNorm}`,
      ).toBeLessThan(TOLERANCE);
    }
  }
}

/** Enlarges images by each layer that does, the last to a fixed size. */
const decoder = (rng: Rng): Module =>
  new Sequential(
    new Conv2d(3, 8, 3, { padding: 1, bias: false, rng }),
    new BatchNorm2d(8),
    new Upsample({ scaleFactor: 2, mode: "bilinear" }),
    new ConvTranspose2d(8, 6, 3, { stride: 2, padding: 1, outputPadding: 1, rng }),
    new BatchNorm2d(6),
    new Upsample({ scaleFactor: [1.5, 2] }),
    new Upsample({ size: [33, 47], mode: "bilinear", alignCorners: true }),
    new Flatten(),
    new Linear(6 * 33 * 47, 10, { rng }),
  );

const classes = 10;
const small: Shape = [3, 32, 32];
const networks: readonly Case[] = [
  ["ResNet-18", (rng) => resnet18({ classes, rng }), [3, 64, 48]],
  ["ResNet-50", (rng) => resnet50({ classes, rng }), [3, 47, 33]],
  ["CIFAR ResNet-110", (rng) => cifarResNet(110, { rng }), small],
  ["pre-activation CIFAR ResNet-20", (rng) => cifarResNet(20, { order: "pre", rng }), small],
  ["pre-activation CIFAR ResNet-164", (rng) => cifarResNet(164, { block: "bottleneck", order: "pre", rng }), small],
  ["plain CIFAR network of 20 layers", (rng) => cifarResNet(20, { shortcut: "none", rng }), small],
  ["highway network of 50 layers", (rng) => highwayNet(50, { rng }), [784]],
  ["convolutional highway network", (rng) => highwayConvNet(20, { batchNorm: true, rng }), small],
  ["a decoder", decoder, [3, 5, 7]],
  ["VGG-11", (rng) => vgg(11, { classes, hidden: [64, 64], rng }), small],
];

describe("networks, with batch norms as they are and folded", () => {
  it.each(networks)("%s", async (...c) => {
    await check(c, [false, true]);
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
    ...shortcuts.map((shortcut): Case => [`shortcut ${shortcut}`, (rng) => cifarResNet(8, { shortcut, rng }), small]),
    ...orders.map((order): Case => [`order ${order}`, (rng) => cifarResNet(8, { order, rng }), small]),
    ...starts.map((start): Case => [`start ${start}`, (rng) => cifarResNet(8, { start, rng }), small]),
    ["stochastic depth", (rng) => cifarResNet(8, { stochasticDepth: 0.5, rng }), small],
    ["channels padded on both sides", (rng) => cifarResNet(8, { padChannels: "both", rng }), small],
  ];
  it.each(variants)("%s", async (...c) => {
    await check(c, [true]);
  });
});
