/** VGG: the paper's table, torchvision's names, any image, starting values, errors. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { observe } from "../../src/nn/index.ts";
import { type VggDepth, type VggOptions, vgg } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** For tests that do not look at values: nine million random numbers take their time. */
const leaveZero = (): void => {};
const small = (depth: VggDepth, options: Omit<VggOptions, "rng"> = {}) =>
  vgg(depth, { classes: 10, hidden: [16], gridSize: 1, rng: new Rng(0), ...options });

describe("parameters of torchvision's networks", () => {
  it.each([
    [11, 132_863_336, 132_868_840],
    [13, 133_047_848, 133_053_736],
    [16, 138_357_544, 138_365_992],
    [19, 143_667_240, 143_678_248],
  ] as const)("VGG-%i: %i, with batch norm %i", (depth, plain, withNorm) => {
    const count = (batchNorm: boolean): number =>
      vgg(depth, { batchNorm, rng: new Rng(0), init: leaveZero }).parameterCount();
    expect(count(false)).toBe(plain);
    expect(count(true)).toBe(withNorm);
  });
});

describe("names are torchvision's", () => {
  it("of the convolutions and the classifier", () => {
    const names = Object.keys(vgg(11, { rng: new Rng(0), init: leaveZero }).stateDict());
    const numbers = [0, 3, 6, 8, 11, 13, 16, 18].map((n) => `features.${n}`);
    const layers = [...numbers, "classifier.0", "classifier.3", "classifier.6"];
    expect(names).toEqual(layers.flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]));
  });

  it("with batch norm every third feature is a convolution, but for the poolings", () => {
    const names = Object.keys(small(11, { batchNorm: true, init: leaveZero }).stateDict());
    const convolutions = names.filter((name) => name.endsWith("weight") && name.startsWith("features"));
    expect(convolutions.slice(0, 4)).toEqual([
      "features.0.weight",
      "features.1.weight",
      "features.4.weight",
      "features.5.weight",
    ]);
  });
});

describe("images of any size and kind", () => {
  it.each([
    ["the default", [1, 3, 32, 32], {}],
    ["not square", [2, 3, 33, 70], { gridSize: 2 }],
    ["a grid that is not square", [2, 3, 33, 70], { gridSize: [1, 3] }],
    ["grey, three hidden layers", [1, 1, 32, 32], { inChannels: 1, hidden: [8, 9, 10] }],
    ["no hidden layer", [1, 3, 32, 32], { hidden: [] }],
    ["batch norm", [2, 3, 32, 32], { batchNorm: true, dropout: 0 }],
  ] as const)("%s", (_, shape, options) => {
    const model = small(11, { ...options, init: leaveZero }).eval();
    const y = model.forward(randn(shape, new Rng(1)));
    expect(y.shape).toEqual([shape[0], 10]);
    const grads = backward(crossEntropy(y, new Int32Array(shape[0])));
    for (const [name, w] of model.namedParameters()) expect(grads.has(w), name).toBe(true);
  });

  it("the five stages halve it, and double the channels up to 512", () => {
    const shapes: string[] = [];
    const model = small(16, { init: leaveZero }).eval();
    observe(
      model,
      (_path, module, _x, y) => {
        if (module.constructor.name === "MaxPool2d") shapes.push(y.shape.slice(1).join("×"));
      },
      () => model.forward(randn([1, 3, 64, 64], new Rng(0))),
    );
    expect(shapes).toEqual(["64×32×32", "128×16×16", "256×8×8", "512×4×4", "512×2×2"]);
  });
});

describe("starting values", () => {
  const model = small(11, { hidden: [512] });
  const deviation = (data: ArrayLike<number>): number =>
    Math.sqrt(Array.from(data).reduce((sum, v) => sum + v * v, 0) / data.length);

  it("are torchvision's: √(2/fan out) for convolutions, 0.01 for linear layers, biases 0", () => {
    const state = model.stateDict();
    // 9·512·256 and 512·512 normal numbers: their deviation is within 1 % of its own, by far.
    const conv = deviation(state["features.11.weight"].data) / Math.sqrt(2 / (9 * 512));
    const linear = deviation(state["classifier.0.weight"].data) / 0.01;
    expect(Math.abs(conv - 1)).toBeLessThan(0.01);
    expect(Math.abs(linear - 1)).toBeLessThan(0.01);
    const biases = Object.entries(state).filter(([name]) => name.endsWith("bias"));
    expect(biases).toHaveLength(10);
    for (const [name, t] of biases)
      expect(
        t.data.every((v) => v === 0),
        name,
      ).toBe(true);
  });

  it("the same seed gives the same bits, with and without batch norm", () => {
    const plain = model.stateDict();
    const withNorm = small(11, { batchNorm: true, hidden: [512] }).stateDict();
    expect(withNorm["features.4.weight"].data).toEqual(plain["features.3.weight"].data);
    expect(withNorm["classifier.3.weight"].data).toEqual(plain["classifier.3.weight"].data);
  });

  it("dropout acts in training only", () => {
    const x = randn([1, 3, 32, 32], new Rng(1));
    expect(model.forward(x).data).not.toEqual(model.forward(x).data);
    model.eval();
    expect(model.forward(x).data).toEqual(model.forward(x).data);
  });
});

describe("errors", () => {
  it.each([
    [12, {}, "vgg: depth must be 11, 13, 16 or 19, got 12"],
    [11, { classes: 0 }, "vgg: classes must be a whole number of 1 or more, got 0"],
    [11, { gridSize: 1.5 }, "vgg: gridSize must be a whole number of 1 or more, or two of them, got 1.5"],
    [11, { hidden: [4, 0] }, "vgg: a number of hidden units must be a whole number of 1 or more, got 0"],
    [11, { dropout: Number.NaN }, "vgg: dropout must be a number from 0 to 1, got NaN"],
  ] as const)("depth %s, %j", (depth, options, message) => {
    expect(() => small(depth as VggDepth, options)).toThrow(message);
  });

  it("an image too small for five halvings", () => {
    expect(() => small(11, { init: leaveZero }).forward(randn([1, 3, 16, 16], new Rng(0)))).toThrow(
      "maxPool2d: the window does not fit into the padded image",
    );
  });
});
