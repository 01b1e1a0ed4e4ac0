/** Layers: that each calls its operation with its own state and options. The operations have tests of their own. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { conv1d, conv2d } from "../../src/autograd/conv.ts";
import { convTranspose2d } from "../../src/autograd/conv-transpose.ts";
import {
  elu,
  gelu,
  hardswish,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "../../src/autograd/elementwise.ts";
import { interpolate } from "../../src/autograd/interpolate.ts";
import { groupNorm, instanceNorm, layerNorm } from "../../src/autograd/norm.ts";
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from "../../src/autograd/pool.ts";
import { sum } from "../../src/autograd/reduce.ts";
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  ELU,
  Flatten,
  GELU,
  GlobalAvgPool2d,
  GroupNorm,
  Hardswish,
  Identity,
  InstanceNorm1d,
  InstanceNorm2d,
  LayerNorm,
  LeakyReLU,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  SELU,
  Sequential,
  Sigmoid,
  SiLU,
  Softplus,
  Tanh,
  Upsample,
} from "../../src/nn/index.ts";
import { ones, randn, tensor, uniform } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const rng = new Rng(11);
const image = randn([2, 4, 7, 5], rng);

it("Linear: x wᵀ + b, an example by eye", () => {
  const layer = new Linear(2, 3, { rng });
  layer.weight.assign([1, 2, 3, 4, 5, 6]);
  layer.bias!.assign([10, 20, 30]);
  expect(layer.forward(tensor([[1, 1]])).toArray()).toEqual([[13, 27, 41]]);
  expect([layer.inFeatures, layer.outFeatures]).toEqual([2, 3]);
  expect(new Linear(2, 3, { bias: false, rng }).bias).toBeNull();
});

describe("Conv2d", () => {
  it.each([
    ["defaults", 3, {}],
    ["stride 2, padding 1", 3, { stride: 2, padding: 1 }],
    ["stride [2,1], padding [1,0], kernel [3,2]", [3, 2] as const, { stride: [2, 1], padding: [1, 0] } as const],
    ["dilation 2", 3, { dilation: 2, padding: 2 }],
    ["groups 2", 3, { groups: 2 }],
    ["without bias", 1, { bias: false }],
  ] as const)("%s", (_, kernelSize, options) => {
    const layer = new Conv2d(4, 6, kernelSize, { ...options, rng });
    const { bias: _bias, ...geometry } = { bias: true, ...options };
    expect(layer.forward(image).data).toEqual(conv2d(image, layer.weight, layer.bias, geometry).data);
  });

  it("channels that do not divide into the groups", () => {
    expect(() => new Conv2d(4, 6, 3, { groups: 3, rng })).toThrow(
      "Conv2d: 4 input and 6 output channels do not both divide into 3 groups",
    );
  });
});

describe("ConvTranspose2d", () => {
  it.each([
    ["defaults", 3, {}],
    ["stride 2, padding 1, output padding 1", 3, { stride: 2, padding: 1, outputPadding: 1 }],
    ["stride [2,1], padding [1,0], kernel [3,2]", [3, 2] as const, { stride: [2, 1], padding: [1, 0] } as const],
    ["dilation 2", 3, { dilation: 2, padding: 2 }],
    ["groups 2", 3, { groups: 2 }],
    ["without bias", 2, { stride: 2, bias: false }],
  ] as const)("%s", (_, kernelSize, options) => {
    const layer = new ConvTranspose2d(4, 6, kernelSize, { ...options, rng });
    const { bias: _bias, ...geometry } = { bias: true, ...options };
    expect(layer.forward(image).data).toEqual(convTranspose2d(image, layer.weight, layer.bias, geometry).data);
  });

  it("has PyTorch's names and shapes, and starts within its bounds: the fan in counts the results of a group", () => {
    const layer = new ConvTranspose2d(8, 6, [3, 2], { groups: 2, rng });
    const shapes = Object.entries(layer.stateDict()).map(([name, t]) => [name, [...t.shape]]);
    expect(shapes).toEqual([
      ["weight", [8, 3, 3, 2]],
      ["bias", [6]],
    ]);
    const bound = 1 / Math.sqrt(3 * 3 * 2);
    const largest = Math.max(...layer.weight.data.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.9 * bound);
    expect(Math.max(...layer.bias!.data.map(Math.abs))).toBeLessThanOrEqual(bound);
  });

  it("is described with what differs from the defaults", () => {
    expect(new ConvTranspose2d(8, 4, 3, { stride: 2, padding: 1, outputPadding: 1, rng }).describe()).toBe(
      "8 → 4, 3×3, stride 2, padding 1, output padding 1",
    );
    expect(new ConvTranspose2d(8, 4, 2, { groups: 2, rng }).describe()).toBe("8 → 4, 2×2, stride 1, groups 2");
  });

  it("channels that do not divide into the groups", () => {
    expect(() => new ConvTranspose2d(4, 6, 3, { groups: 4, rng })).toThrow(
      "ConvTranspose2d: 4 input and 6 output channels do not both divide into 4 groups",
    );
  });
});

it("Upsample is described by its options", () => {
  const shown = [
    new Upsample({ scaleFactor: 2 }),
    new Upsample({ scaleFactor: [2, 1.5], mode: "bilinear" }),
    new Upsample({ size: 7, mode: "bilinear", alignCorners: true }),
    new Upsample({ size: [7, 9] }),
  ].map((layer) => layer.describe());
  expect(shown).toEqual(["× 2, nearest", "× 2×1.5, bilinear", "to 7×7, bilinear, aligned corners", "to 7×9, nearest"]);
});

describe("BatchNorm2d", () => {
  it("moves the running statistics with momentum, unbiased variance, and counts batches", () => {
    const layer = new BatchNorm2d(1, { momentum: 0.5 });
    layer.forward(tensor([[[[1, 3]]]])); // mean 2, biased variance 1, unbiased 2
    expect(layer.runningMean!.item()).toBe(1);
    expect(layer.runningVar!.item()).toBe(1.5);
    expect(layer.numBatchesTracked!.item()).toBe(1);
  });

  it("momentum null is the plain average over all batches", () => {
    const layer = new BatchNorm2d(1, { momentum: null });
    for (const [a, b] of [
      [1, 3],
      [4, 8],
      [0, 3],
    ]) {
      layer.forward(tensor([[[[a, b]]]]));
    }
    expect(layer.runningMean!.item()).toBeCloseTo((2 + 6 + 1.5) / 3, 6);
    expect(layer.runningVar!.item()).toBeCloseTo((2 + 8 + 4.5) / 3, 6);
  });

  it("evaluation uses the running statistics and leaves them", () => {
    const layer = new BatchNorm2d(1, { eps: 0 });
    layer.runningMean!.assign([2]);
    layer.runningVar!.assign([4]);
    layer.eval();
    expect(layer.forward(tensor([[[[4, 6]]]])).toArray()).toEqual([[[[1, 2]]]]);
    expect(layer.runningMean!.item()).toBe(2);
    expect(layer.numBatchesTracked!.item()).toBe(0);
  });

  it("running statistics stay outside the graph: backward works after another forward", () => {
    const layer = new BatchNorm2d(4);
    const y = layer.forward(image);
    layer.forward(image);
    expect(backward(sum(y)).get(layer.bias!).toArray()).toEqual([70, 70, 70, 70]);
  });

  it("trackRunningStats: false uses the batch's own in evaluation too", () => {
    const layer = new BatchNorm2d(4, { trackRunningStats: false, affine: false });
    expect(Object.keys(layer.stateDict())).toEqual([]);
    const training = layer.forward(image);
    expect(layer.eval().forward(image).data).toEqual(training.data);
  });

  it("errors: channels, rank, one value per channel; nothing is counted then", () => {
    const layer = new BatchNorm2d(3);
    expect(() => layer.forward(image)).toThrow("BatchNorm2d: x must be [N, 3, H, W], got [2,4,7,5]");
    expect(() => layer.forward(ones([2, 3]))).toThrow("BatchNorm2d: x must be [N, 3, H, W], got [2,3]");
    expect(() => layer.forward(ones([1, 3, 1, 1]))).toThrow("batchNorm");
    expect(layer.numBatchesTracked!.item()).toBe(0);
  });
});

describe("Conv1d", () => {
  const lines = randn([2, 4, 9], rng);
  it.each([
    ["defaults", {}],
    ["stride 2, padding 1", { stride: 2, padding: 1 }],
    ["dilation 2, groups 2", { dilation: 2, groups: 2 }],
    ["without bias", { bias: false }],
  ] as const)("%s", (_, options) => {
    const layer = new Conv1d(4, 6, 3, { ...options, rng });
    const { bias: _bias, ...geometry } = { bias: true, ...options };
    expect(layer.forward(lines).data).toEqual(conv1d(lines, layer.weight, layer.bias, geometry).data);
  });

  it("PyTorch's state dict, initial values within ±1/√(fan in), the same from the same seed", () => {
    const make = (): Conv1d => new Conv1d(4, 6, 3, { groups: 2, rng: new Rng(3) });
    const layer = make();
    const shapes = Object.entries(layer.stateDict()).map(([name, { shape }]) => [name, shape]);
    expect(shapes).toEqual([
      ["weight", [6, 2, 3]],
      ["bias", [6]],
    ]);
    for (const t of layer.parameters()) {
      const largest = Math.max(...t.data.map(Math.abs));
      expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(6));
      expect(largest).toBeGreaterThan(0.6 / Math.sqrt(6));
    }
    expect(make().weight.data).toEqual(layer.weight.data);
    const other = new Conv1d(4, 6, 3, { groups: 2, rng });
    other.loadStateDict(layer.stateDict());
    expect(other.forward(lines).data).toEqual(layer.forward(lines).data);
  });

  it("as text, and channels that do not divide into the groups", () => {
    expect(`${new Conv1d(4, 6, 3, { stride: 2, padding: 1, groups: 2, rng })}`).toContain(
      "Conv1d(4 → 6, 3, stride 2, padding 1, groups 2",
    );
    expect(() => new Conv1d(4, 6, 3, { groups: 3, rng })).toThrow(
      "Conv1d: 4 input and 6 output channels do not both divide into 3 groups",
    );
  });
});

describe("InstanceNorm and BatchNorm1d (with PyTorch's numbers: autograd/axes.test.ts)", () => {
  it("InstanceNorm2d is bare by default; with a scale and a shift, and running statistics, they have PyTorch's names", () => {
    expect(new InstanceNorm2d(4).stateDict()).toEqual({});
    expect(new InstanceNorm2d(4).forward(image).data).toEqual(instanceNorm(image).data);
    const layer = new InstanceNorm2d(4, { affine: true, trackRunningStats: true, eps: 0.1 });
    layer.bias!.assign([1, 2, 3, 4]);
    expect(Object.keys(layer.stateDict())).toEqual([
      "weight",
      "bias",
      "running_mean",
      "running_var",
      "num_batches_tracked",
    ]);
    expect(layer.forward(image).data).toEqual(instanceNorm(image, layer.weight, layer.bias, { eps: 0.1 }).data);
  });

  it("each refuses what it is not for", () => {
    expect(() => new InstanceNorm2d(3).forward(image)).toThrow("InstanceNorm2d: x must be [N, 3, H, W], got [2,4,7,5]");
    expect(() => new InstanceNorm1d(4).forward(image)).toThrow("InstanceNorm1d: x must be [N, 4, L], got [2,4,7,5]");
    expect(() => new BatchNorm1d(4).forward(image)).toThrow(
      "BatchNorm1d: x must be [N, 4] or [N, 4, L], got [2,4,7,5]",
    );
    expect(() => new BatchNorm1d(4).forward(ones([1, 4]))).toThrow("batchNorm: training needs more than one value");
  });
});

describe("LayerNorm and GroupNorm", () => {
  it("LayerNorm over the last axes", () => {
    const layer = new LayerNorm([7, 5], { eps: 0.1 });
    layer.weight!.assign(uniform([7, 5], rng).data);
    expect(layer.forward(image).data).toEqual(layerNorm(image, [7, 5], layer.weight, layer.bias, { eps: 0.1 }).data);
    expect(new LayerNorm(5, { affine: false }).parameterCount()).toBe(0);
    expect(new LayerNorm(5).weight!.shape).toEqual([5]);
  });

  it("GroupNorm", () => {
    const layer = new GroupNorm(2, 4, { eps: 0.1 });
    layer.bias!.assign([1, 2, 3, 4]);
    expect(layer.forward(image).data).toEqual(groupNorm(image, 2, layer.weight, layer.bias, { eps: 0.1 }).data);
    expect(() => new GroupNorm(3, 4)).toThrow("GroupNorm: 4 channels do not divide into 3 groups");
    expect(() => new GroupNorm(2, 6).forward(image)).toThrow("GroupNorm: x must be [N, 6, …], got [2,4,7,5]");
  });
});

it("a norm that is given no tensor says so with its name", () => {
  const norms = [
    new BatchNorm1d(2),
    new BatchNorm2d(2),
    new GroupNorm(1, 2),
    new InstanceNorm1d(2),
    new InstanceNorm2d(2),
  ];
  for (const norm of norms) {
    for (const wrong of [undefined, null, [1, 2], 3, "x"]) {
      expect(() => norm.forward(wrong as never)).toThrow(`${norm.constructor.name}: x must be a tensor, got `);
    }
  }
});

describe("layers without state", () => {
  const max = { stride: 2, padding: 1, dilation: 1, ceilMode: true };
  const avg = { stride: 2, padding: 1, ceilMode: true, countIncludePad: false };
  it.each<[string, Module, (x: Tensor) => Tensor]>([
    ["ReLU", new ReLU(), relu],
    ["LeakyReLU", new LeakyReLU(0.3), (x) => leakyRelu(x, 0.3)],
    ["Sigmoid", new Sigmoid(), sigmoid],
    ["Tanh", new Tanh(), tanh],
    ["SiLU", new SiLU(), silu],
    ["Hardswish", new Hardswish(), hardswish],
    ["SELU", new SELU(), selu],
    ["ELU", new ELU(0.7), (x) => elu(x, 0.7)],
    ["GELU", new GELU(), (x) => gelu(x)],
    ["GELU by tanh", new GELU({ approximate: "tanh" }), (x) => gelu(x, { approximate: "tanh" })],
    ["Softplus", new Softplus({ beta: 2 }), (x) => softplus(x, { beta: 2 })],
    ["MaxPool2d", new MaxPool2d(2), (x) => maxPool2d(x, { kernelSize: 2 })],
    ["MaxPool2d with options", new MaxPool2d(3, max), (x) => maxPool2d(x, { kernelSize: 3, ...max })],
    ["AvgPool2d", new AvgPool2d([2, 3]), (x) => avgPool2d(x, { kernelSize: [2, 3] })],
    ["AvgPool2d with options", new AvgPool2d(3, avg), (x) => avgPool2d(x, { kernelSize: 3, ...avg })],
    ["AdaptiveAvgPool2d", new AdaptiveAvgPool2d([3, 2]), (x) => adaptiveAvgPool2d(x, [3, 2])],
    ["Upsample", new Upsample({ scaleFactor: 2 }), (x) => interpolate(x, { scaleFactor: 2 })],
    [
      "Upsample with options",
      new Upsample({ size: [9, 4], mode: "bilinear", alignCorners: true }),
      (x) => interpolate(x, { size: [9, 4], mode: "bilinear", alignCorners: true }),
    ],
    ["GlobalAvgPool2d", new GlobalAvgPool2d(), globalAvgPool2d],
  ])("%s", (_, layer, f) => {
    const [y, expected] = [layer.forward(image), f(image)];
    expect(y.shape).toEqual(expected.shape);
    expect(y.data).toEqual(expected.data);
    expect(layer.parameterCount()).toBe(0);
  });

  it("Identity is x itself", () => {
    expect(new Identity().forward(image)).toBe(image);
  });

  it("Flatten joins all but the batch axis, or the axes it is given", () => {
    expect(new Flatten().forward(image).shape).toEqual([2, 140]);
    expect(new Flatten(2, 3).forward(image).shape).toEqual([2, 4, 35]);
  });
});

describe("Dropout", () => {
  it("in training zeroes a fraction p and scales the rest; in evaluation passes everything", () => {
    const layer = new Dropout(0.25, { rng: new Rng(5) });
    const x = ones([10_000]);
    const { data } = layer.forward(x);
    const zeros = data.filter((v: number) => v === 0).length;
    // Binomial: 2,500 ± 4·√(10,000·¼·¾)
    expect(Math.abs(zeros - 2500)).toBeLessThan(174);
    expect(new Set(data)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(layer.eval().forward(x).data).toEqual(x.data);
  });

  it("the same seed drops the same elements", () => {
    const drop = (): unknown => new Dropout(0.5, { rng: new Rng(5) }).forward(ones([50])).toArray();
    expect(drop()).toEqual(drop());
  });
});

it("Sequential applies its parts in order", () => {
  const model = new Sequential(new Flatten(), new LeakyReLU(0.5), new ReLU());
  expect(model.forward(tensor([[[-2], [4]]])).toArray()).toEqual([[0, 4]]);
  expect(new Sequential().forward(image)).toBe(image);
});
