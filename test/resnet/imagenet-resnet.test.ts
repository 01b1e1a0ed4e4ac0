/** ImageNet ResNets: names, versions, stems, plain twins, starting as the identity, errors. Numbers: golden-networks, summary. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { relu } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { type Conv2d, observe } from "../../src/nn/index.ts";
import {
  type Bottleneck,
  ImageNetResNet,
  type ImageNetResNetDesign,
  type ImageNetResNetOptions,
  isResidualBlock,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  wideResnet50_2,
  wideResnet101_2,
} from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

type Options = Omit<ImageNetResNetOptions, "rng">;
const leaveZero = (): void => {};
const basic: ImageNetResNetDesign = { block: "basic", stages: [1, 2, 1, 1] };
const bottleneck: ImageNetResNetDesign = { block: "bottleneck", stages: [1, 2, 1, 1] };
const build = (design: ImageNetResNetDesign, options: Options = {}): ImageNetResNet =>
  new ImageNetResNet(design, { classes: 10, rng: new Rng(0), ...options });
const shapesOf = (model: ImageNetResNet, side: number): string[] => {
  const shapes: string[] = [];
  observe(
    model,
    (path, _module, _x, y) => {
      if (/^(conv1|maxpool|layer\d|avgpool)$/.test(path)) shapes.push(`${path} ${y.shape.slice(1).join("×")}`);
    },
    () => model.forward(randn([2, 3, side, side], new Rng(1))),
  );
  return shapes;
};

describe("the family", () => {
  it.each([
    [resnet18, 11_689_512, [2, 2, 2, 2], [64, 64]],
    [resnet34, 21_797_672, [3, 4, 6, 3], [64, 64]],
    [resnet50, 25_557_032, [3, 4, 6, 3], [64, 64]],
    [resnet101, 44_549_160, [3, 4, 23, 3], [64, 64]],
    [resnet152, 60_192_808, [3, 8, 36, 3], [64, 64]],
    [resnext50_32x4d, 25_028_904, [3, 4, 6, 3], [128, 4]],
    [resnext101_32x8d, 88_791_336, [3, 4, 23, 3], [256, 8]],
    [wideResnet50_2, 68_883_240, [3, 4, 6, 3], [128, 128]],
    [wideResnet101_2, 126_886_696, [3, 4, 23, 3], [128, 128]],
  ] as const)("%o has %i parameters", (make, parameters, stages, [width, inputs]) => {
    const model = make({ rng: new Rng(0), init: leaveZero });
    expect(model.parameterCount()).toBe(parameters);
    const blocks = [model.layer1, model.layer2, model.layer3, model.layer4].map(({ layers }) => layers.length);
    expect(blocks).toEqual(stages);
    // The 3×3 convolution of the first block: its channels, and those of one group.
    expect((model.layer1.layers[0] as Bottleneck).conv2.weight.shape).toEqual([width, inputs, 3, 3]);
  });

  it("stages halve the image and double the channels, as in Table 1", () => {
    const stem = ["conv1 64×32×32", "maxpool 64×16×16"];
    const shapes = ["layer1 64×16×16", "layer2 128×8×8", "layer3 256×4×4", "layer4 512×2×2", "avgpool 512×1×1"];
    expect(shapesOf(build(basic), 64)).toEqual([...stem, ...shapes]);
  });

  it('replaceStem: "cifar" keeps the size of the image up to the second stage', () => {
    const model = build(basic, { replaceStem: "cifar" });
    expect(shapesOf(model, 16)).toEqual([
      "conv1 64×16×16",
      "layer1 64×16×16",
      "layer2 128×8×8",
      "layer3 256×4×4",
      "layer4 512×2×2",
      "avgpool 512×1×1",
    ]);
    expect(model.conv1.weight.shape).toEqual([64, 3, 3, 3]);
    expect(Object.keys(model.stateDict())).toEqual(Object.keys(build(basic).stateDict()));
  });

  it.each([
    ["not square, grey, two classes", { inChannels: 1, classes: 2 }, [1, 1, 65, 40], [1, 2]],
    ["small", {}, [2, 3, 32, 32], [2, 10]],
  ] as const)("takes images of any size: %s", (_, options, shape, result) => {
    const model = build(bottleneck, { ...options, init: leaveZero }).eval();
    expect(model.forward(randn(shape, new Rng(1))).shape).toEqual(result);
  });
});

describe("version", () => {
  const strides = (version?: 1 | 1.5): string[] => {
    const model = build(bottleneck, { init: leaveZero, ...(version ? { version } : {}) });
    const halving = (conv: Conv2d): string => (conv.describe().includes("stride 2") ? "2" : "1");
    return model.blocks().map(([, block]) => {
      const { conv1, conv2, conv3 } = block as Bottleneck;
      return [conv1, conv2, conv3].map(halving).join("");
    });
  };

  it("1.5, the default, has the stride on the 3×3 convolution, as torchvision", () => {
    expect(strides()).toEqual(["111", "121", "111", "121", "121"]);
    expect(strides(1.5)).toEqual(strides());
  });

  it("1 has it on the first 1×1, as the paper", () => {
    expect(strides(1)).toEqual(["111", "211", "111", "211", "211"]);
  });
});

describe("shortcuts", () => {
  const kinds = (design: ImageNetResNetDesign, options: Options): string[] =>
    build(design, { ...options, init: leaveZero })
      .blocks()
      .map(([path, block]) => `${path} ${block.shortcut}`);

  it("projections where the shape changes, the identity elsewhere", () => {
    const changes = ["layer2.0 project", "layer2.1 identity", "layer3.0 project", "layer4.0 project"];
    expect(kinds(basic, {})).toEqual(["layer1.0 identity", ...changes]);
    // A bottleneck of the first stage goes from 64 to 256 channels.
    expect(kinds(bottleneck, {})).toEqual(["layer1.0 project", ...changes]);
  });

  it('"pad": nothing to learn in any shortcut', () => {
    const model = build(bottleneck, { shortcut: "pad", init: leaveZero });
    expect(Object.keys(model.stateDict()).filter((name) => name.includes("downsample"))).toEqual([]);
    expect(kinds(bottleneck, { shortcut: "pad" })[0]).toBe("layer1.0 pad");
    expect(model.eval().forward(randn([1, 3, 40, 40], new Rng(1))).shape).toEqual([1, 10]);
  });

  it.each([
    ["basic", basic],
    ["bottleneck", bottleneck],
  ] as const)('%s: "none" is the plain twin, with the same bits wherever it has the same parameters', (_, design) => {
    const plain = build(design, { shortcut: "none" });
    expect(new Set(plain.blocks().map(([, block]) => block.shortcut))).toEqual(new Set(["none"]));
    const [state, twin] = [plain.stateDict(), build(design).stateDict()];
    expect(Object.keys(twin).filter((name) => !name.includes("downsample"))).toEqual(Object.keys(state));
    for (const [name, t] of Object.entries(state)) {
      expect(Buffer.compare(Buffer.from(t.data.buffer), Buffer.from(twin[name].data.buffer)), name).toBe(0);
    }
  });
});

describe("training", () => {
  it.each([
    ["basic", basic],
    ["bottleneck", bottleneck],
  ] as const)("%s: a gradient for every parameter", (_, design) => {
    const model = build(design);
    const grads = backward(crossEntropy(model.forward(randn([2, 3, 64, 64], new Rng(1))), Int32Array.of(3, 7)));
    for (const [name, w] of model.namedParameters()) expect(grads.has(w), name).toBe(true);
  });

  it("zeroInitLast: every block starts as its shortcut alone", () => {
    const model = build(bottleneck, { zeroInitLast: true });
    const found: boolean[] = [];
    observe(
      model,
      (_path, module, x, y) => {
        if (isResidualBlock(module))
          found.push(relu(module.skip(x)!).data.every((v: number, i: number) => v === y.data[i]));
      },
      () => model.eval().forward(randn([1, 3, 64, 64], new Rng(1))),
    );
    expect(found).toEqual([true, true, true, true, true]);
  });
});

describe("errors", () => {
  it.each([
    [{ ...basic, block: "simple" }, {}, 'block must be "basic" or "bottleneck", got "simple"'],
    [{ ...basic, stages: [1, 2, 3] }, {}, "stages must be four numbers of blocks, got [1,2,3]"],
    [{ ...basic, stages: [1, 0, 1, 1] }, {}, "a stage's number of blocks must be a whole number of 1 or more, got 0"],
    [basic, { classes: 1.5 }, "classes must be a whole number of 1 or more, got 1.5"],
    [basic, { inChannels: 0 }, "inChannels must be a whole number of 1 or more, got 0"],
    [basic, { shortcut: "skip" }, 'shortcut must be one of "project", "pad", "none", got "skip"'],
    [basic, { version: 2 }, 'version must be one of 1, 1.5, got "2"'],
    [basic, { replaceStem: "small" }, 'replaceStem must be "cifar", got "small"'],
    [basic, { shortcut: "none", zeroInitLast: true }, 'zeroInitLast needs a shortcut: with "none" a zero branch'],
  ] as const)("%j %j", (design, options, message) => {
    expect(() => build(design as never, options as never)).toThrow(`ImageNetResNet: ${message}`);
  });
});
