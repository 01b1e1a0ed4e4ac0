/**
 * Dilated ResNets, VGG on any image and grid, squeeze-and-excitation and blur pooling against torchvision
 * (test/golden/networks-more), and the last two as options of blocks and networks.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { certify, certifyBetween } from "../../src/flow/index.ts";
import { exportOnnx, importOnnx } from "../../src/io/index.ts";
import { fuse, type Module, observe } from "../../src/nn/index.ts";
import {
  BasicBlock,
  BlurPool2d,
  Bottleneck,
  cifarResNet,
  ImageNetResNet,
  type ResidualBlock,
  resnet18,
  resnet50,
  SqueezeExcitation,
  vgg,
} from "../../src/resnet/index.ts";
import { randn, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { inputTensor } from "../support/golden.ts";

interface Case {
  readonly shape: number[];
  readonly scales: Record<string, [scale: number, offset: number]>;
  readonly y: number[];
  readonly yShape: number[];
  readonly gradNorm: number;
  /** Of the outputs of conv1, bn1, relu, maxpool, layer1, … */
  readonly shapes: number[][];
  readonly flags: [boolean, boolean, boolean];
  readonly grid: [number, number];
  readonly stride: number;
}
const url = new URL("../golden/networks-more/networks_more.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(url, "utf8")) as { cases: Record<string, Case> };

const rng = new Rng(0);
const leaveZero = (): void => {};

/** Output, shapes and the norm of the input's gradient are torchvision's. */
function expectAsTorchvision(name: string, model: Module<Tensor, Tensor>): void {
  const { shape, scales, y: expected, yShape, gradNorm } = cases[name];
  const state = model.stateDict();
  const filled = Object.entries(scales).map(([key, [scale, offset]]): [string, Tensor] => {
    return [key, inputTensor({ shape: [...state[key].shape], gen: `more/${name}/${key}`, scale, offset })];
  });
  const counters = Object.keys(state).filter((key) => key.endsWith("num_batches_tracked"));
  model.loadStateDict(Object.fromEntries([...filled, ...counters.map((key): [string, Tensor] => [key, zeros([])])]));
  const x = inputTensor({ shape, gen: `more/${name}/x`, scale: 1, offset: 0 }, true);
  const y = model.eval().forward(x);
  expect(y.shape).toEqual(yShape);
  // Sums of some thousand products, layer after layer.
  const largest = Math.max(...expected.map(Math.abs));
  y.data.forEach((value, i) => {
    expect(Math.abs(value - expected[i]), `y[${i}] = ${value}, ${expected[i]}`).toBeLessThan(1e-5 * largest);
  });
  const gx = backward(sum(y)).get(x);
  expect(Math.hypot(...gx.data) / gradNorm).toBeCloseTo(1, 4);
}

describe("replaceStrideWithDilation", () => {
  it.each(["dilated", "dilated_last", "dilated_all"])("%s: as torchvision's, and each stage's shape", (name) => {
    const { flags, shape, shapes } = cases[name];
    const design = { block: "bottleneck", stages: [1, 2, 2, 2] } as const;
    const model = new ImageNetResNet(design, { classes: 5, replaceStrideWithDilation: flags, rng });
    // A ReLU at a sum of nearly zero may be open in float32 that is closed in the reference, which is float64: in SIMD one is, as in
    // PyTorch's own float32, and the gradient's norm would differ by 7e-5.
    const before = useKernels("plain");
    expectAsTorchvision(name, model);
    useKernels(before);
    const seen: (readonly number[])[] = [];
    observe(
      model,
      (path, _module, _x, y) => {
        if (/^(conv1|bn1|maxpool|layer\d|avgpool|fc)$/.test(path)) seen.push(y.shape);
      },
      () => model.forward(zeros(shape)),
    );
    expect(seen).toEqual(shapes.filter((_, i) => i !== 2));
  });

  it("errors", () => {
    const basic = "needs bottlenecks: basic blocks have no dilation";
    expect(() => resnet18({ replaceStrideWithDilation: [false, false, true], rng })).toThrow(basic);
    for (const wrong of [true, [true, false], [1, 0, 0]]) {
      expect(() => resnet50({ replaceStrideWithDilation: wrong as never, rng })).toThrow(
        "ImageNetResNet: replaceStrideWithDilation must be three of true and false, for layer2, layer3 and layer4, got ",
      );
    }
  });
});

describe("vgg", () => {
  it.each(["vgg_wide", "vgg_tall", "vgg_grid"])("%s: an image that is not square, as torchvision's", (name) => {
    const gridSize = cases[name].grid;
    expectAsTorchvision(name, vgg(11, { classes: 4, hidden: [6], gridSize, rng, init: leaveZero }));
  });
});

describe("SqueezeExcitation", () => {
  it("is torchvision.ops.SqueezeExcitation", () => {
    expectAsTorchvision("se", new SqueezeExcitation(6, 2, { rng }));
  });

  it("errors", () => {
    expect(() => new SqueezeExcitation(0, 2, { rng })).toThrow("SqueezeExcitation: channels must be a whole number");
    expect(() => new SqueezeExcitation(4, 0.5, { rng })).toThrow("SqueezeExcitation: squeezed, the channels between,");
    expect(() => new SqueezeExcitation(4, 2, {} as never)).toThrow("SqueezeExcitation: ");
    expect(() => new BasicBlock(4, 4, { squeezeExcitation: 0, rng })).toThrow(
      "BasicBlock: squeezeExcitation must be a whole number of 1 or more, got 0",
    );
  });

  it("in a network: timm's names, the other weights of its twin, an end that can be zero", () => {
    const make = (squeezeExcitation: number | false): Record<string, Tensor> =>
      cifarResNet(8, { width: 4, squeezeExcitation, rng: new Rng(1) }).stateDict();
    const [plain, se] = [make(false), make(3)];
    const added = Object.keys(se).filter((name) => !(name in plain));
    expect(added.slice(0, 4)).toEqual(
      ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map((name) => `layer1.0.se.${name}`),
    );
    expect(se["layer3.0.se.fc1.weight"].shape).toEqual([5, 16, 1, 1]);
    for (const name of Object.keys(plain)) expect(se[name].data).toEqual(plain[name].data);
    const block = new BasicBlock(4, 4, { squeezeExcitation: 2, order: "pre", start: "zeroInitLast", rng });
    const x = randn([2, 4, 6, 6], rng);
    expect(block.forward(x).data).toEqual(x.data);
  });
});

describe("BlurPool2d", () => {
  it.each(["blur1", "blur2", "blur3"])("%s: as its definition in PyTorch", (name) => {
    expectAsTorchvision(name, new BlurPool2d({ stride: cases[name].stride }));
  });

  it("leaves a constant image as it is, and repeats a side of one pixel", () => {
    const ones = (shape: number[]): Tensor => inputTensor({ shape, gen: "x", scale: 0, offset: 1 });
    for (const shape of [
      [1, 2, 7, 6],
      [1, 1, 1, 5],
      [1, 1, 1, 1],
    ]) {
      expect(new Set(new BlurPool2d().forward(ones(shape)).data)).toEqual(new Set([1]));
    }
    expect(() => new BlurPool2d({ stride: 0 })).toThrow(
      "BlurPool2d: stride must be a whole number of 1 or more, got 0",
    );
    const blur = new BlurPool2d();
    expect(() => blur.forward(undefined as never)).toThrow("BlurPool2d: x must be a tensor, got undefined");
    expect(() => blur.forward(ones([2, 3]))).toThrow("BlurPool2d: x must be [N, C, H, W], got [2,3]");
  });

  it("is weightless: a certificate follows it", () => {
    const x = randn([1, 2, 5, 5], rng, { requiresGrad: true });
    const { verdict, ways } = certifyBetween(new BlurPool2d().forward(x), x, { seed: 0 });
    // In each direction x goes on as it is, and by its two copied lines.
    expect([verdict, ways]).toEqual(["mixed", 9]);
  });
});

describe("anti-aliased blocks", () => {
  it.each<[string, (antialias: boolean) => ResidualBlock, number]>([
    ["basic", (antialias) => new BasicBlock(4, 8, { stride: 2, antialias, rng }), 1],
    ["basic, projected", (antialias) => new BasicBlock(4, 8, { stride: 2, shortcut: "project", antialias, rng }), 2],
    [
      "pre, projected",
      (antialias) => new BasicBlock(4, 8, { stride: 2, shortcut: "project", order: "pre", antialias, rng }),
      2,
    ],
    ["bottleneck", (antialias) => new Bottleneck(4, 8, { stride: 3, antialias, rng }), 1],
    ["version 1", (antialias) => new Bottleneck(4, 8, { stride: 2, version: 1, antialias, rng }), 1],
  ])("%s: the same shapes and parameters, and a blur per subsampling", (_, make, blurs) => {
    const [blurred, plain] = [make(true), make(false)];
    const x = randn([2, 4, 7, 9], rng);
    expect(blurred.forward(x).shape).toEqual(plain.forward(x).shape);
    expect(blurred.parameterCount()).toBe(plain.parameterCount());
    expect(blurred.namedModules().filter(([, part]) => part instanceof BlurPool2d)).toHaveLength(blurs);
  });

  it("a block that keeps the shape has none, nor a stem without pooling", () => {
    const block = new BasicBlock(4, 4, { antialias: true, rng });
    expect(block.namedModules().some(([, part]) => part instanceof BlurPool2d)).toBe(false);
    const model = resnet18({ antialias: true, replaceStem: "cifar", classes: 4, rng, init: leaveZero }).eval();
    expect(model.blurpool).toBe(null);
    expect(
      resnet18({ antialias: true, classes: 4, rng, init: leaveZero })
        .eval()
        .forward(zeros([1, 3, 64, 40])).shape,
    ).toEqual([1, 4]);
  });
});

it("the shortcut stays provable: both options are in the branch alone", () => {
  const options = { width: 4, squeezeExcitation: 4, antialias: true, rng: new Rng(2) };
  const digits = randn([2, 3, 16, 16], rng);
  const pre = certify(cifarResNet(8, { ...options, order: "pre" }), digits);
  expect([pre.holds, pre.blocks.map(({ verdict }) => verdict)]).toEqual([true, ["identity", "selection", "selection"]]);
  expect(certify(cifarResNet(8, { ...options, order: "post" }), digits).holds).toBe(false);
});

it("through ONNX and back such a network computes the same", () => {
  const model = cifarResNet(8, { width: 4, squeezeExcitation: 4, antialias: true, shortcut: "project", rng }).eval();
  const x = randn([1, 3, 16, 16], rng);
  const again = importOnnx(exportOnnx(model, { inputShape: [3, 16, 16] }))
    .eval()
    .forward(x) as Tensor;
  model.forward(x).data.forEach((value, i) => {
    expect(again.data[i]).toBeCloseTo(value, 6);
  });
});

it("fuse keeps what such a network computes", () => {
  const model = cifarResNet(8, { width: 4, squeezeExcitation: 4, antialias: true, shortcut: "project", rng }).eval();
  const x = randn([1, 3, 16, 16], rng);
  const before = model.forward(x).data;
  fuse(model);
  model.forward(x).data.forEach((value, i) => {
    expect(value).toBeCloseTo(before[i], 5);
  });
});
