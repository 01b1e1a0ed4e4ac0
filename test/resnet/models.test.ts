/** Networks by name: every name, its parameters and its kind; options go through; errors. */
import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/graph.ts";
import { fuse, type Module } from "../../src/nn/index.ts";
import { createModel, isModelName, type ModelName, modelNames, type ResNet, type Vgg } from "../../src/resnet/index.ts";
import { randn, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** Millions of random numbers take their time. */
const options = { rng: new Rng(0), init: () => {} };
const parametersOf = (model: Module): number => model.parameterCount();

const counts: Readonly<Record<ModelName, number>> = {
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  resnet152: 60_192_808,
  resnext50_32x4d: 25_028_904,
  resnext101_32x8d: 88_791_336,
  wide_resnet50_2: 68_883_240,
  wide_resnet101_2: 126_886_696,
  // Without the projections of 64 → 128 → 256 → 512 channels and their norms.
  plain18: 11_689_512 - (64 * 128 + 128 * 256 + 256 * 512) - 2 * (128 + 256 + 512),
  plain34: 21_797_672 - (64 * 128 + 128 * 256 + 256 * 512) - 2 * (128 + 256 + 512),
  vgg11: 132_863_336,
  vgg13: 133_047_848,
  vgg16: 138_357_544,
  vgg19: 143_667_240,
  vgg11_bn: 132_868_840,
  vgg13_bn: 133_053_736,
  vgg16_bn: 138_365_992,
  vgg19_bn: 143_678_248,
  resnet20: 269_722,
  resnet32: 464_154,
  resnet44: 658_586,
  resnet56: 853_018,
  resnet110: 1_727_962,
  resnet1202: 19_421_274,
  // The last norm has 64 channels, bn1 of the original order 16; the first norms of two blocks 16 and 32 fewer.
  preact_resnet110: 1_727_962 + 2 * (64 - 16) - 2 * (16 + 32),
  preact_resnet164: 1_703_258,
  preact_resnet1001: 10_327_706,
  plain20: 269_722,
  plain32: 464_154,
  plain44: 658_586,
  plain56: 853_018,
  plain110: 1_727_962,
  highway10: 85_660,
  highway20: 39_760 + 19 * 5100,
  highway50: 39_760 + 49 * 5100,
  highway100: 39_760 + 99 * 5100,
  conv_highway19: highwayConvolutions(5, 5, 5),
  conv_highway32: highwayConvolutions(10, 9, 9),
};

/** Plain 3×3 convolutions 3 → 16 → 32 → 64, so many blocks of two convolutions after each, and the classifier. */
function highwayConvolutions(...blocks: readonly number[]): number {
  const conv = (from: number, to: number): number => 9 * from * to + to;
  const plain = conv(3, 16) + conv(16, 32) + conv(32, 64) + 650;
  return blocks.reduce((sum, n, i) => sum + 2 * n * conv(16 << i, 16 << i), plain);
}

describe("names", () => {
  it.each(modelNames)("%s", (name) => {
    expect(parametersOf(createModel(name, options))).toBe(counts[name]);
  });

  it("there are no others", () => {
    expect([...modelNames].sort()).toEqual(Object.keys(counts).sort());
    expect(isModelName("resnet18")).toBe(true);
    expect(isModelName("resnet19")).toBe(false);
    expect(isModelName("toString")).toBe(false);
  });
});

describe("what they are", () => {
  const shortcuts = (name: "plain20" | "plain18" | "resnet20" | "preact_resnet164"): string[] => [
    ...new Set(
      (createModel(name, options) as ResNet).blocks().map(([, { shortcut, order }]) => `${order} ${shortcut}`),
    ),
  ];

  it("plain and residual, original and pre-activation", () => {
    expect(shortcuts("plain18")).toEqual(["post none"]);
    expect(shortcuts("plain20")).toEqual(["post none"]);
    expect(shortcuts("resnet20")).toEqual(["post identity", "post pad"]);
    expect(shortcuts("preact_resnet164")).toEqual(["pre project", "pre identity"]);
  });

  it("options go through", () => {
    const model = createModel("vgg11_bn", { ...options, classes: 7, hidden: [8], gridSize: 1, inChannels: 1 }) as Vgg;
    expect(noGrad(() => model.eval().forward(zeros([1, 1, 32, 32]))).shape).toEqual([1, 7]);
    expect(parametersOf(createModel("highway10", { ...options, units: 3, inFeatures: 4, classes: 2 }))).toBe(
      4 * 3 + 3 + 9 * 2 * 12 + 8,
    );
    const residual = createModel("resnet20", { ...options, width: 4, classes: 5, shortcut: "project" }) as ResNet;
    expect(residual.shortcut).toBe("project");
    expect(residual.fc.weight.shape).toEqual([5, 16]);
  });

  it("a name that a program was given, as a command line is", () => {
    const given: string = ["resnet", "20"].join("");
    expect(isModelName(given) && createModel(given, { rng: new Rng(0), classes: 4 }).constructor.name).toBe("ResNet");
  });
});

describe("every batch norm folds into the convolution before it", () => {
  it.each([
    ["resnet18", 20],
    ["plain18", 17],
    ["resnext50_32x4d", 53],
    ["vgg11_bn", 8],
    ["conv_highway19", 18],
  ] as const)("%s: %i, with the same outputs", (name, count) => {
    const small =
      name === "vgg11_bn" ? { hidden: [8], gridSize: 1 } : name === "conv_highway19" ? { batchNorm: true } : {};
    const model = createModel(name, { rng: new Rng(0), ...small });
    expect(fuse(model, randn([2, 3, 32, 32], new Rng(1)))).toBe(count);
  });
});

it("an unknown name is an error that lists those there are", () => {
  expect(() => createModel("resnet19" as ModelName, options)).toThrow(
    'createModel: no network is called "resnet19"; there are resnet18, resnet34, resnet50, ',
  );
});
