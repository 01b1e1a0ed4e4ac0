/** summary: a table to read, the papers' multiply-adds to the last one, any module, nothing changed. */
import { describe, expect, it } from "vitest";
import { add, mul, relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { matmul } from "../../src/autograd/matmul.ts";
import { reshape } from "../../src/autograd/shape.ts";
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  Flatten,
  fuse,
  Linear,
  Module,
  parameter,
  ReLU,
  Sequential,
  type SummaryRow,
  summary,
} from "../../src/nn/index.ts";
import {
  type CifarResNetOptions,
  cifarResNet,
  createModel,
  HighwayBlock,
  HighwayLinear,
  type ImageNetResNet,
  type ModelName,
  resnet50,
} from "../../src/resnet/index.ts";
import { ones, randn } from "../../src/tensor/create.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import type { Kernels } from "../../src/tensor/kernels.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { kernels, useKernels } from "../../src/tensor/tier.ts";

const rng = new Rng(0);
const leaveZero = (): void => {};
const sum = (rows: readonly SummaryRow[], key: "parameters" | "multiplyAdds" | "activationBytes"): number =>
  rows.reduce((total, row) => total + row[key], 0);

describe("an example to read", () => {
  class Block extends Module {
    readonly conv = new Conv2d(3, 3, 3, { padding: 1, rng });
    forward(x: Tensor): Tensor {
      return relu(add(x, this.conv.forward(x)));
    }
  }
  const model = new Sequential(new Block(), new Flatten(), new Dropout(0.5, { rng }), new Linear(192, 10, { rng }));

  it("a row for each layer and for each operation that a module applies itself", () => {
    expect(`${summary(model, [3, 8, 8])}`).toBe(
      [
        "Sequential, one example [3,8,8]",
        "layer   kind        output     parameters  multiply-adds  activations     kept",
        "──────────────────────────────────────────────────────────────────────────────",
        "0.conv  Conv2d      [1,3,8,8]          84          5,184      0.8 KiB  0.0 KiB",
        "0       add (skip)  [1,3,8,8]           0              0      0.8 KiB  0.0 KiB",
        "0       relu        [1,3,8,8]           0              0      0.8 KiB  0.8 KiB",
        "1       Flatten     [1,192]             0              0      0.0 KiB  0.0 KiB",
        "2       Dropout     [1,192]             0              0      0.0 KiB  0.0 KiB",
        "3       Linear      [1,10]          1,930          1,920      0.0 KiB  0.0 KiB",
        "──────────────────────────────────────────────────────────────────────────────",
        "total                               2,014          7,104      2.3 KiB  0.8 KiB",
        "skip connections: 1, with 0 parameters and 0 multiply-adds",
      ].join("\n"),
    );
  });

  it("a transposed convolution multiplies each pixel of its input with every number of the pixel's filters", () => {
    const up = new ConvTranspose2d(6, 4, [3, 2], { stride: 2, groups: 2, rng: new Rng(0) });
    expect(summary(up, [6, 5, 7]).multiplyAdds).toBe(6 * 5 * 7 * (2 * 3 * 2));
  });

  it("and as data", () => {
    const { rows, ...totals } = summary(model, [3, 8, 8]);
    expect(rows[1]).toEqual({
      layer: "0",
      kind: "add",
      outputShape: [1, 3, 8, 8],
      parameters: 0,
      multiplyAdds: 0,
      activationBytes: 4 * 192,
      keptBytes: 0,
      keptFor: [],
      skip: true,
    });
    expect(totals).toMatchObject({
      model: "Sequential",
      inputShape: [3, 8, 8],
      parameters: 84 + 1930,
      unusedParameters: 0,
      multiplyAdds: 3 * 64 * 27 + 1920,
      activationBytes: 4 * (3 * 192 + 10),
      keptBytes: 4 * 192,
    });
  });

  it("what a training step of ResNet-20 keeps, by hand, and why", () => {
    const { rows, keptBytes } = summary(cifarResNet(20, { rng }), [3, 32, 32]);
    const map = 4 * 16 * 32 ** 2;
    // The stem's convolution and its ReLU; in each block both convolutions and the last ReLU, on maps of a half the size in
    // each stage; the pooled features.
    expect(keptBytes).toBe(2 * map + 9 * (map + map / 2 + map / 4) + 4 * 64);
    const why = (layer: string): string[] =>
      rows.filter((row) => row.layer === layer).map(({ kind, keptFor }) => `${kind}: ${keptFor}`);
    expect(why("layer1.0")).toEqual(["relu: ", "add: ", "relu: conv2d,relu"]);
    expect(why("layer1.0.conv1")).toEqual(["Conv2d: batchNorm"]);
    expect(why("layer1.0.bn1")).toEqual(["BatchNorm2d: "]);
  });
});

/** k×k convolutions, from and to so many channels, with so many numbers in each of their output channels. */
const conv = (k: number, from: number, to: number, pixels: number, count = 1): number =>
  count * k * k * from * to * pixels;

describe("the papers' networks on 224×224, counted by the formula", () => {
  const build = (name: ModelName): Module => createModel(name, { classes: 1000, rng: new Rng(0), init: leaveZero });

  it("ResNet-18: 1.8 G", () => {
    const stem = conv(7, 3, 64, 112 ** 2);
    const stage = (from: number, to: number, side: number): number =>
      conv(3, from, to, side ** 2) + conv(3, to, to, side ** 2, 3) + (from === to ? 0 : conv(1, from, to, side ** 2));
    const stages = stage(64, 64, 56) + stage(64, 128, 28) + stage(128, 256, 14) + stage(256, 512, 7);
    const { multiplyAdds } = summary(build("resnet18"), [3, 224, 224]);
    expect(multiplyAdds).toBe(stem + stages + 512_000);
    expect(multiplyAdds).toBe(1_814_073_344);
  });

  it("ResNet-50: 4.1 G as torchvision has it, 3.8 G as the paper has it (version 1)", () => {
    // Stage: n bottlenecks from `from` channels at `before` pixels a side to 4·width at `side`; stride on the 3×3, or first.
    const count = (version: 1 | 1.5): number => {
      const stage = (n: number, from: number, width: number, before: number, side: number): number =>
        conv(1, from, width, version === 1 ? side ** 2 : before ** 2) +
        conv(1, from, 4 * width, side ** 2) +
        conv(1, 4 * width, width, side ** 2, n - 1) +
        conv(3, width, width, side ** 2, n) +
        conv(1, width, 4 * width, side ** 2, n);
      const stages =
        stage(3, 64, 64, 56, 56) + stage(4, 256, 128, 56, 28) + stage(6, 512, 256, 28, 14) + stage(3, 1024, 512, 14, 7);
      return conv(7, 3, 64, 112 ** 2) + stages + 2_048_000;
    };
    expect(summary(build("resnet50"), [3, 224, 224]).multiplyAdds).toBe(count(1.5));
    expect(count(1.5)).toBe(4_089_184_256);
    const paper = resnet50({ version: 1, rng: new Rng(0), init: leaveZero });
    expect(summary(paper, [3, 224, 224]).multiplyAdds).toBe(count(1));
    expect(count(1)).toBe(3_857_973_248);
  });

  it("VGG-19: 19.6 G", () => {
    const stages: [from: number, to: number, side: number, count: number][] = [
      [64, 64, 224, 1],
      [64, 128, 112, 1],
      [128, 128, 112, 1],
      [128, 256, 56, 1],
      [256, 256, 56, 3],
      [256, 512, 28, 1],
      [512, 512, 28, 3],
      [512, 512, 14, 4],
    ];
    const convolutions = stages.reduce((n, [from, to, side, count]) => n + conv(3, from, to, side ** 2, count), 0);
    const linear = 512 * 49 * 4096 + 4096 * 4096 + 4096 * 1000;
    const { multiplyAdds, parameters } = summary(build("vgg19"), [3, 224, 224]);
    expect(multiplyAdds).toBe(conv(3, 3, 64, 224 ** 2) + convolutions + linear);
    expect(multiplyAdds).toBe(19_632_062_464);
    expect(parameters).toBe(143_667_240);
  });

  it.each([
    ["resnet34", 3.66, 21_797_672],
    ["resnet101", 7.8, 44_549_160],
    ["resnet152", 11.51, 60_192_808],
    ["resnext50_32x4d", 4.23, 25_028_904],
    ["resnext101_32x8d", 16.41, 88_791_336],
    ["wide_resnet50_2", 11.4, 68_883_240],
    ["wide_resnet101_2", 22.75, 126_886_696],
  ] as const)("%s: %s G, as torchvision says", (name, giga, parameters) => {
    const got = summary(build(name), [3, 224, 224]);
    expect((got.multiplyAdds / 1e9).toFixed(2)).toBe(giga.toFixed(2));
    expect(got.parameters).toBe(parameters);
    expect(sum(got.rows, "parameters")).toBe(parameters);
    expect(got.unusedParameters).toBe(0);
  });

  /** The projections of stages 2 to 4, and of bottlenecks of stage 1: 1×1 convolutions, and two numbers per channel of their norms. */
  const projections = (channels: readonly [from: number, to: number, side: number][]): object => ({
    parameters: channels.reduce((n, [from, to]) => n + from * to + 2 * to, 0),
    multiplyAdds: channels.reduce((n, [from, to, side]) => n + conv(1, from, to, side ** 2), 0),
  });

  it("a skip connection costs what lies on its shortcut: nothing, or a projection and its norm", () => {
    const basic = projections([
      [64, 128, 28],
      [128, 256, 14],
      [256, 512, 7],
    ]);
    expect(basic).toEqual({ parameters: 173_824, multiplyAdds: 19_267_584 });
    const bottleneck = projections([
      [64, 256, 56],
      [256, 512, 28],
      [512, 1024, 14],
      [1024, 2048, 7],
    ]);
    expect(bottleneck).toEqual({ parameters: 2_776_576, multiplyAdds: 359_661_568 });
    const skips = (name: ModelName): object => summary(build(name), [3, 224, 224]).skipConnections;
    expect(skips("resnet18")).toEqual({ count: 8, ...basic });
    expect(skips("resnet34")).toEqual({ count: 16, ...basic });
    expect(skips("resnet50")).toEqual({ count: 16, ...bottleneck });
    expect(skips("plain34")).toEqual({ count: 0, parameters: 0, multiplyAdds: 0 });
    expect(`${summary(build("resnet18"), [3, 224, 224])}`.split("\n").at(-1)).toBe(
      "skip connections: 8, with 173,824 parameters and 19,267,584 multiply-adds",
    );
  });

  it("its rows are the additions, one in each block, and the layers on the shortcuts", () => {
    const model = build("resnet50") as ImageNetResNet;
    const rows = summary(model, [3, 224, 224]).rows.filter((row) => row.skip);
    const blocks = model.blocks().map(([path]) => path);
    expect(rows.filter(({ kind }) => kind === "add").map(({ layer }) => layer)).toEqual(blocks);
    expect(rows.filter(({ kind }) => kind !== "add").map(({ layer, kind }) => `${layer} ${kind}`)).toEqual(
      [1, 2, 3, 4].flatMap((stage) => [
        `layer${stage}.0.downsample.0 Conv2d`,
        `layer${stage}.0.downsample.1 BatchNorm2d`,
      ]),
    );
    expect(summary(build("plain34"), [3, 224, 224]).rows.filter((row) => row.skip)).toEqual([]);
  });
});

describe("the skip connections of ResNet-20 on 32×32", () => {
  // Blocks whose shape changes: 16 → 32 channels on 16×16, 32 → 64 on 8×8. Each 1×1 convolution there has 131,072 products.
  const changes = 2 * 131_072;
  const weights = 16 * 32 + 32 * 64;
  // With a 1×1 convolution in every block: 3 of 16 channels at 32×32, 2 of 32 at 16×16, 2 of 64 at 8×8.
  const everywhere = changes + 3 * conv(1, 16, 16, 1024) + 2 * conv(1, 32, 32, 256) + 2 * conv(1, 64, 64, 64);
  const all = weights + 3 * 16 ** 2 + 2 * 32 ** 2 + 2 * 64 ** 2;
  const channels = 3 * 16 + 3 * 32 + 3 * 64;

  it.each<[string, Partial<CifarResNetOptions>, parameters: number, multiplyAdds: number]>([
    ["option A", { shortcut: "pad" }, 0, 0],
    ["option B", { shortcut: "project" }, weights + 2 * (32 + 64), changes],
    ["option C", { shortcut: "conv1x1" }, all + 2 * channels, everywhere],
    ["pre-activation", { order: "pre" }, 0, 0],
    [
      "pre-activation, option B: the norm and the ReLU before the split are no part",
      { order: "pre", shortcut: "project" },
      weights,
      changes,
    ],
    ["scale", { shortcut: "scale" }, 0, 0],
    ["dropout", { shortcut: "dropout" }, 0, 0],
    ["gate, though the branch passes it too", { shortcut: "gate" }, all + channels, everywhere],
    ["shortcut-only gate", { shortcut: "shortcutGate" }, all + channels, everywhere],
    ["SkipInit: its factor is on the branch", { start: "skipInit" }, 0, 0],
    ["batch norm after the addition", { order: "bnAfterAddition" }, 0, 0],
  ])("%s", (_, options, parameters, multiplyAdds) => {
    const found = summary(cifarResNet(20, { ...options, rng: new Rng(0), init: leaveZero }), [3, 32, 32]);
    expect(found.skipConnections).toEqual({ count: 9, parameters, multiplyAdds });
    expect(sum(found.rows, "parameters")).toBe(found.parameters);
    expect(
      sum(
        found.rows.filter(({ skip }) => skip),
        "parameters",
      ),
    ).toBe(parameters);
  });

  it("highway layers: their gates", () => {
    const { skipConnections } = summary(new HighwayLinear(5, { rng }), [5]);
    expect(skipConnections).toEqual({ count: 1, parameters: 30, multiplyAdds: 25 });
  });
});

describe("any module", () => {
  it("a matrix product of its own: rows·inner·columns, and its parameter where it is used", () => {
    class Own extends Module {
      readonly factor = parameter(ones([4, 5]));
      readonly inner = new ReLU();
      forward(x: Tensor): Tensor {
        return matmul(this.inner.forward(reshape(x, [3, 4])), this.factor);
      }
    }
    const { rows } = summary(new Own(), [12]);
    expect(rows.map(({ layer, kind, parameters, multiplyAdds }) => [layer, kind, parameters, multiplyAdds])).toEqual([
      ["", "reshape", 0, 0],
      ["inner", "ReLU", 0, 0],
      ["", "matmul", 20, 60],
    ]);
  });

  it("groups: each output sums over its own group", () => {
    const grouped = new Conv2d(8, 6, 3, { groups: 2, bias: false, rng });
    expect(summary(grouped, [8, 5, 5]).multiplyAdds).toBe(6 * 9 * (4 * 9));
  });

  it("a layer that is used twice counts its parameters once and its work twice", () => {
    const layer = new Linear(6, 6, { rng });
    const { rows, parameters, multiplyAdds } = summary(new Sequential(layer, layer), [6]);
    expect(rows.map((row) => row.parameters)).toEqual([42, 0]);
    expect(parameters).toBe(42);
    expect(multiplyAdds).toBe(72);
  });

  it("a collapsed block costs nothing, and its parameters are not used", () => {
    const model = cifarResNet(8, { width: 4, rng });
    const before = summary(model, [3, 8, 8]);
    const [, block] = model.blocks()[0];
    block.collapsed = true;
    const after = summary(model, [3, 8, 8]);
    expect(after.unusedParameters).toBe(block.parameterCount());
    expect(after.parameters).toBe(before.parameters);
    expect(after.multiplyAdds).toBe(before.multiplyAdds - 2 * conv(3, 4, 4, 64));
    expect(`${after}`).toContain(`parameters not used: ${block.parameterCount()}`);
  });

  it("a gate is work: a highway block costs two convolutions, and its two ways meet in one addition", () => {
    const { rows, multiplyAdds } = summary(new HighwayBlock(4, { rng }), [4, 8, 8]);
    expect(multiplyAdds).toBe(2 * conv(3, 4, 4, 64));
    expect(rows.map(({ kind, skip }) => (skip ? `${kind} (skip)` : kind))).toEqual([
      "Conv2d",
      "relu",
      "Conv2d (skip)",
      "sigmoid (skip)",
      "mul",
      "sub (skip)",
      "mul (skip)",
      "add (skip)",
    ]);
  });

  it("the shortcut is the way of fewer products, in whatever order it is added", () => {
    class Grouped extends Module {
      readonly project = new Conv2d(8, 8, 1, { bias: false, rng });
      readonly cheap = new Conv2d(8, 8, 1, { groups: 8, bias: false, rng });
      readonly mix = new Conv2d(8, 8, 1, { groups: 8, bias: false, rng });
      first = true;
      forward(x: Tensor): Tensor {
        const branch = this.mix.forward(relu(this.cheap.forward(x)));
        return this.first ? add(this.project.forward(x), branch) : add(branch, this.project.forward(x));
      }
    }
    const model = new Grouped();
    for (const first of [true, false]) {
      model.first = first;
      const { rows, skipConnections } = summary(model, [8, 4, 4]);
      expect(skipConnections).toEqual({ count: 1, parameters: 64, multiplyAdds: conv(1, 8, 8, 16) });
      expect(rows.filter(({ skip }) => skip).map(({ layer }) => layer)).toContain("project");
    }
  });

  it("skip connections in skip connections: each product counts once", () => {
    class Outer extends Module {
      readonly inner = new Conv2d(2, 2, 1, { bias: false, rng });
      readonly outer = new Conv2d(2, 2, 1, { bias: false, rng });
      readonly branch = new Conv2d(2, 2, 3, { padding: 1, bias: false, rng });
      forward(x: Tensor): Tensor {
        const h = add(this.inner.forward(x), this.branch.forward(relu(this.branch.forward(x))));
        return add(this.outer.forward(x), this.branch.forward(h));
      }
    }
    expect(summary(new Outer(), [2, 4, 4]).skipConnections).toEqual({
      count: 2,
      parameters: 4 + 4,
      multiplyAdds: 2 * conv(1, 2, 2, 16),
    });
  });

  it("adding a bias or a number is no skip connection", () => {
    class Shift extends Module {
      readonly bias = parameter(ones([1]));
      readonly inner = new ReLU();
      forward(x: Tensor): Tensor {
        return add(add(mul(x, 2), this.bias), 1);
      }
    }
    expect(summary(new Shift(), [3]).rows.filter(({ skip }) => skip)).toEqual([]);
  });

  it("frozen parameters are counted", () => {
    const layer = new Sequential(new Linear(3, 2, { rng }));
    for (const t of layer.parameters()) t.requiresGrad = false;
    expect(summary(layer, [3]).rows[0].parameters).toBe(8);
  });

  it("a folded network has as many multiply-adds", () => {
    const model = cifarResNet(8, { width: 4, rng });
    const { multiplyAdds } = summary(model, [3, 8, 8]);
    fuse(model);
    expect(summary(model, [3, 8, 8]).multiplyAdds).toBe(multiplyAdds);
  });
});

describe("nothing changes", () => {
  it("the mode of each part, running statistics, parameters, kernels", () => {
    const model = new Sequential(new Conv2d(3, 4, 3, { rng }), new BatchNorm2d(4), new Dropout(0.5, { rng }));
    model.layers[1].eval();
    const state = Object.entries(model.stateDict()).map(([name, t]) => [name, [...t.data], t.version]);
    const modes = (): boolean[] => model.namedModules().map(([, module]) => module.training);
    const [before, tier] = [modes(), kernels];
    summary(model, [3, 9, 9]);
    expect(() => summary(model, [4, 9, 9])).toThrow();
    expect(modes()).toEqual(before);
    expect(Object.entries(model.stateDict()).map(([name, t]) => [name, [...t.data], t.version])).toEqual(state);
    expect(kernels).toBe(tier);
    const x = randn([1, 3, 9, 9], new Rng(1));
    expect(noGrad(() => model.forward(x)).data.some((v) => v !== 0)).toBe(true);
  });

  it("no arithmetic is done: kernels that throw are not called", () => {
    const refuse = (): never => {
      throw new Error("a kernel was called");
    };
    const refusing: Kernels = { ...kernels, conv2d: refuse, gemm: refuse, normalize: refuse, unary: refuse };
    const before = useKernels(refusing);
    try {
      expect(summary(cifarResNet(8, { rng }), [3, 32, 32]).multiplyAdds).toBe(12_239_488);
    } finally {
      useKernels(before);
    }
  });
});

describe("errors", () => {
  const model = cifarResNet(8, { width: 4, rng });

  it("an example that does not fit, or a batch", () => {
    expect(() => summary(model, [1, 8, 8])).toThrow(
      "summary: ResNet does not take an example of shape [1,8,8] (as a batch of one): conv2d: ",
    );
    expect(() => summary(model, [1, 3, 8, 8])).toThrow("does not take an example of shape [1,3,8,8]");
  });

  it.each<[unknown, string]>([
    [undefined, "undefined"],
    ["3x8x8", '"3x8x8"'],
    [[3, -8, 8], "[3,-8,8]"],
    [[3, 8.5, 8], "[3,8.5,8]"],
    [[3, "8", 8], '[3,"8",8]'],
    [randn([3, 8, 8], rng), "a Tensor"],
  ])("%s is no shape", (shape, words) => {
    expect(() => summary(model, shape as number[])).toThrow(UsageError);
    expect(() => summary(model, shape as number[])).toThrow(
      `summary: inputShape must be the shape of one example, whole numbers above 0 as in [3, 32, 32], got ${words}`,
    );
  });

  it("what is no model", () => {
    expect(() => summary({ forward: relu } as unknown as Module, [3])).toThrow(
      /^summary: needs a mod.*, got an object \{ forward \}$/,
    );
  });

  it("several outputs, of the model or of a part; several inputs", () => {
    const layer = new Linear(3, 3, { rng });
    class Pair extends Module {
      readonly layer = layer;
      forward(x: Tensor): Tensor {
        return [this.layer.forward(x), x] as unknown as Tensor;
      }
    }
    class Sum extends Module {
      readonly pair = new Pair();
      forward(x: Tensor): Tensor {
        const [a, b] = this.pair.forward(x) as unknown as [Tensor, Tensor];
        return add(a, b);
      }
    }
    class Two extends Module {
      readonly layer = layer;
      forward(x: Tensor, other?: Tensor): Tensor {
        return add(this.layer.forward(x), mul(other!, 2));
      }
    }
    class Named extends Module {
      readonly layer = layer;
      forward(x: Tensor): Tensor {
        const { image } = x as unknown as { image: Tensor };
        return this.layer.forward(image);
      }
    }
    const of = (wrong: Module) => () => summary(wrong, [3]);
    for (const wrong of [new Pair(), new Two(), new Named()]) expect(of(wrong)).toThrow(UsageError);
    expect(of(new Pair())).toThrow("summary: Pair returns an array of 2, but summary needs one output, a tensor");
    expect(of(new Two())).toThrow("summary: Two cannot run on one tensor, an example of shape [3]: ");
    expect(of(new Named())).toThrow("summary: Named cannot run on one tensor, an example of shape [3]: ");
    // In a part of the model they are no hindrance: its layers have their rows.
    const { rows, parameters } = of(new Sum())();
    expect(rows.map(({ layer, kind }) => `${layer} ${kind}`)).toEqual(["pair.layer Linear", " add"]);
    expect(sum(rows, "parameters")).toBe(parameters);
  });

  it("inside noGrad", () => {
    expect(() => noGrad(() => summary(model, [3, 8, 8]))).toThrow(
      "summary: the output was not recorded: call summary outside noGrad, on a model that uses its input",
    );
  });
});
