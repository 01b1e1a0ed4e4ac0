/** One file for images of every size, checked by ONNX Runtime with sizes that the export did not try; and what cannot be. */
import { describe, expect, it } from "vitest";
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm,
  concat,
  div,
  expand,
  flatten,
  groupNorm,
  linear,
  maxPool2d,
  mean,
  mul,
  noGrad,
  relu,
  slice,
  softmax,
} from "../../../src/autograd/index.ts";
import { exportOnnx, importOnnx, OnnxExportError, type OnnxExportOptions } from "../../../src/io/onnx/index.ts";
import { BatchNorm2d, Conv2d, GroupNorm, MaxPool2d, type Module, ReLU, Sequential } from "../../../src/nn/index.ts";
import { cifarResNet, highwayConvNet, resnet18 } from "../../../src/resnet/index.ts";
import { ones, randn } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { Apply } from "./apply.ts";
import { decode } from "./decode.ts";
import { difference, openOnnx } from "./runtime.ts";
import { trained } from "./trained.ts";

/** Of the largest number of the output: see networks.test.ts. */
const TOLERANCE = 2e-5;

const rng = new Rng(5);
const row = randn([1, 3, 1, 1], rng, { requiresGrad: true });

/** The file, once ONNX Runtime has computed with it what the model does, for other batches and sizes. */
async function checked(model: Module, inputShape: Shape, sizes: readonly Shape[], options: OnnxExportOptions = {}) {
  const bytes = exportOnnx(model, { inputShape, dynamicSize: true, ...options });
  const runner = await openOnnx(bytes);
  const again = importOnnx(bytes);
  for (const [i, [H, W]] of sizes.entries()) {
    const x = randn([1 + i, inputShape[0], H, W], new Rng(i));
    const expected = noGrad(() => model.forward(x));
    expect(difference(await runner.run(x), expected, 0), `${H}×${W}`).toBeLessThan(TOLERANCE);
    expect(
      difference(
        noGrad(() => again.forward(x)),
        expected,
        0,
      ),
      `imported, ${H}×${W}`,
    ).toBeLessThan(TOLERANCE);
  }
  return decode(bytes).graph;
}

describe("networks that take images of every size", () => {
  const classes = 10;
  it.each<[string, (rng: Rng) => Module, number]>([
    ["ResNet-18", (rng) => resnet18({ classes, rng }), 64],
    ["CIFAR ResNet-20, option A", (rng) => cifarResNet(20, { rng }), 32],
    ["pre-activation CIFAR ResNet-20", (rng) => cifarResNet(20, { order: "pre", rng }), 32],
    [
      "anti-aliased CIFAR ResNet-8",
      (rng) => cifarResNet(8, { width: 4, antialias: true, shortcut: "project", rng }),
      32,
    ],
    ["convolutional highway network", (rng) => highwayConvNet(20, { batchNorm: true, rng }), 32],
    [
      "fully convolutional",
      (rng) =>
        new Sequential(
          ...[new Conv2d(3, 8, 5, { stride: 2, rng }), new BatchNorm2d(8), new ReLU(), new MaxPool2d(3, { stride: 2 })],
          ...[new Conv2d(8, 8, 3, { padding: 1, rng }), new GroupNorm(2, 8), new ReLU(), new Conv2d(8, 5, 1, { rng })],
        ),
      31,
    ],
  ])("%s", async (_, make, side) => {
    const inputShape = [3, side, side + 5];
    const model = trained(make, inputShape);
    const sizes = [
      [side + 9, side],
      [side, side + 40],
      [side + 17, side + 2],
    ];
    const graph = await checked(model, inputShape, sizes);
    expect(graph.input.shape).toEqual(["batch", 3, "height", "width"]);
  });
});

describe("parts", () => {
  it.each<[string, (x: Tensor) => Tensor, (number | string)[]]>([
    [
      "a margin cut off",
      (x) => slice(x, [null, null, [1, x.shape[2] - 1], [1, -1]]),
      ["batch", 3, "height - 2", "width - 2"],
    ],
    ["its pixels in one axis", (x) => flatten(x, 2), ["batch", 3, "output_height"]],
    ["a row for each pixel", (x) => add(mul(x, 2), expand(row, x.shape)), ["batch", 3, "height", "width"]],
    ["adaptive pooling to one pixel", (x) => adaptiveAvgPool2d(x, 1), ["batch", 3, 1, 1]],
    [
      "averages and maxima in windows",
      (x) =>
        add(
          avgPool2d(x, { kernelSize: 3, padding: 1, stride: 2 }),
          maxPool2d(x, { kernelSize: 3, padding: 1, stride: 2 }),
        ),
      ["batch", 3, "output_height", "output_width"],
    ],
    ["means of rows", (x) => softmax(mean(x, 3), 1), ["batch", 3, "height"]],
    [
      "group norm after a stride",
      (x) => groupNorm(avgPool2d(x, { kernelSize: 3 }), 3, null, null),
      ["batch", 3, "output_height", "output_width"],
    ],
    [
      "batch norm by the batch's own statistics",
      (x) => batchNorm(avgPool2d(x, { kernelSize: 2 }), ones([3]), null, { training: true }),
      ["batch", 3, "output_height", "output_width"],
    ],
  ])("%s", async (_, f, output) => {
    const graph = await checked(
      new Apply(f),
      [3, 9, 12],
      [
        [9, 12],
        [20, 11],
        [7, 31],
      ],
    );
    expect(graph.output.shape).toEqual(output);
  });

  it("a network that takes even sizes alone", async () => {
    const halves = (x: Tensor): Tensor =>
      concat([slice(x, [null, null, [0, null, 2]]), slice(x, [null, null, [1, null, 2]])], 1);
    await checked(
      new Apply((x) => relu(halves(x))),
      [3, 8, 8],
      [
        [10, 9],
        [64, 8],
      ],
    );
    expect(() => exportOnnx(new Apply(halves), { inputShape: [3, 9, 8], dynamicSize: true })).toThrow(/concat/);
  });

  it("with one batch", async () => {
    const graph = await checked(new Apply((x) => flatten(relu(x), 2)), [3, 8, 8], [[5, 6]], { dynamicBatch: false });
    expect(graph.input.shape).toEqual([1, 3, "height", "width"]);
  });
});

describe("what is made for one size is an error that names it", () => {
  const features = randn([5, 3 * 8 * 8], rng);
  it.each<[string, (x: Tensor) => Tensor, RegExp]>([
    [
      "a layer for all pixels",
      (x) => linear(flatten(x, 1), features),
      /^exportOnnx: Apply does not take an input of shape \[1,3,40,8\]: linear: .*: export it without dynamicSize$/,
    ],
    [
      "cells that follow the size",
      (x) => adaptiveAvgPool2d(x, 7),
      /^exportOnnx: adaptiveAvgPool2d in the network itself: a constant is .* for a width of 8 and .* for a width of 41: .*; if only the image's size matters, export with dynamicSize: false$/,
    ],
    [
      "windows that hang over the edge",
      (x) => maxPool2d(x, { kernelSize: 2, ceilMode: true }),
      /^exportOnnx: maxPool2d in the network itself: with ceilMode its padding follows the image's size/,
    ],
    [
      "a number of pixels",
      (x) => div(x, x.shape[2] * x.shape[3]),
      /^exportOnnx: div in the network itself: a constant is \[\] 64 for a height of 8 and \[\] 328 for a height of 41/,
    ],
    [
      "an attribute",
      (x) => avgPool2d(x, { kernelSize: x.shape[2] > 10 ? 3 : 2 }),
      /avgPool2d .*: the operator is AveragePool/,
    ],
    [
      "an axis of two",
      (x) => expand(mean(x), [x.shape[2] * x.shape[3]]),
      /expand .*: lengths are \[64\] for a height of 8 and \[328\]/,
    ],
  ])("%s", (_, f, message) => {
    const call = (): unknown => exportOnnx(new Apply(f), { inputShape: [3, 8, 8], dynamicSize: true });
    expect(call).toThrow(OnnxExportError);
    expect(call).toThrow(message);
  });

  it("no image", () => {
    expect(() => exportOnnx(new Apply(relu), { inputShape: [3], dynamicSize: true })).toThrow(
      "exportOnnx: with dynamicSize the network's inputs must be images [C, H, W], got [3]",
    );
  });
});
