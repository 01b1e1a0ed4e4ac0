import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { lesions, manyLesions, withLesion } from "../../src/flow/lesions.ts";
import * as S from "../../src/index.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scalingChain } from "./scaling-chain.ts";

const images = randn([2, 3, 8, 8], new Rng(1));
const net = (options: object = {}) => cifarResNet(14, { width: 4, ...options, rng: new Rng(2) });
const lossOf = (model: Module) => (): number => noGrad(() => crossEntropy(model.forward(images), [0, 1]).item());
const stateOf = (model: Module): string =>
  JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)));

/** The sum of the outputs for x = [1, 3]: 4·Π(1 + aᵢ). */
const total = (model: Module) => (): number => noGrad(() => sum(model.forward(tensor([[1, 3]]))).item());

describe("lesions", () => {
  it("by hand: without one of three blocks y = x + x, 32 becomes 16", async () => {
    const chain = scalingChain(3, 1);
    expect(await lesions(chain, total(chain))).toEqual([
      { lesion: "none", value: 32, change: 0, reason: "" },
      { lesion: "0", value: 16, change: -16, reason: "" },
      { lesion: "1", value: 16, change: -16, reason: "" },
      { lesion: "2", value: 16, change: -16, reason: "" },
    ]);
  });

  it.each(["pre", "post"])(
    "order %s: a lesion of an identity block changes nothing, to the last bit",
    async (order) => {
      const model = net({ order, zeroInitLast: true });
      const rows = await lesions(model, lossOf(model));
      expect(rows).toHaveLength(7);
      expect(rows.every(({ change }) => change === 0)).toBe(true);
    },
  );

  it("a live block's lesion changes the loss, down-sampling blocks included", async () => {
    const model = net();
    const rows = await lesions(model, lossOf(model));
    expect(rows.slice(1).every(({ change }) => change !== 0)).toBe(true);
  });

  it("a plain block is deleted where it keeps the shape; where it does not, the row says why", async () => {
    const model = net({ shortcut: "none" });
    const rows = (await lesions(model, lossOf(model))).slice(1);
    expect(rows.map(({ lesion, value, reason }) => [lesion, value === null, reason])).toEqual([
      ["layer1.0", false, ""],
      ["layer1.1", false, ""],
      ["layer2.0", true, "layer2.0 goes from [2,4,8,8] to [2,8,4,4]: the identity does not"],
      ["layer2.1", false, ""],
      ["layer3.0", true, "layer3.0 goes from [2,8,4,4] to [2,16,2,2]: the identity does not"],
      ["layer3.1", false, ""],
    ]);
  });

  it("a network without blocks: each layer with its batch norm, but not the last", async () => {
    const rng = new Rng(3);
    const vgg = new Sequential(
      new Conv2d(3, 4, 3, { padding: 1, rng }),
      new BatchNorm2d(4),
      new ReLU(),
      new Conv2d(4, 4, 3, { padding: 1, rng }),
      new BatchNorm2d(4),
      new ReLU(),
      new Conv2d(4, 4, 3, { padding: 1, rng }),
      new Flatten(),
      new Linear(256, 3, { rng }),
    );
    const rows = await lesions(vgg, lossOf(vgg));
    expect(rows.map(({ lesion }) => lesion)).toEqual(["none", "0 1", "3 4", "6"]);
    expect(rows.map(({ value }) => value !== null)).toEqual([true, false, true, true]);
    const without = new Sequential(...vgg.layers.filter((_, i) => i !== 3 && i !== 4));
    expect(rows[2].value).toBe(lossOf(without)());
  });

  it("targets asked for: parts of blocks, several at once", async () => {
    const model = net();
    const rows = await lesions(model, lossOf(model), { targets: ["layer1.0.conv1", ["layer1.0", "layer1.1"]] });
    expect(rows.map(({ lesion }) => lesion)).toEqual(["none", "layer1.0.conv1", "layer1.0 layer1.1"]);
    expect(rows.every(({ value }) => value !== null)).toBe(true);
  });

  it("leaves weights, running statistics, flags and forward as they were, also after an error", async () => {
    const model = net();
    const before = stateOf(model);
    await lesions(model, lossOf(model));
    expect(() =>
      withLesion(model, ["layer1.0", "layer1.1.conv1"], () => {
        lossOf(model)();
        throw new Error("stop");
      }),
    ).toThrow("stop");
    await expect(
      withLesion(model, ["layer1.0", "layer1.1.conv1"], async () => {
        await Promise.resolve();
        lossOf(model)();
        throw new Error("stop later");
      }),
    ).rejects.toThrow("stop later");
    expect(stateOf(model)).toBe(before);
    for (const [, module] of model.namedModules()) {
      expect(Object.hasOwn(module, "forward")).toBe(false);
      expect((module as { collapsed?: boolean }).collapsed ?? false).toBe(false);
    }
  });

  it("a path that names nothing is an error", async () => {
    const model = net();
    await expect(lesions(model, lossOf(model), { targets: [""] })).rejects.toThrow(
      'lesions: a target must be a path, as "layer1.0", or several in an array, got ""',
    );
    await expect(lesions(model, lossOf(model), { targets: ["layer9.0"] })).rejects.toThrow(
      'lesions: the model has no part called "layer9.0"',
    );
  });
});

describe("manyLesions", () => {
  it("by hand: without k of five blocks y = x + x, 4·2⁵⁻ᵏ is left, whichever they are", async () => {
    const chain = scalingChain(5, 1);
    const rows = await manyLesions(chain, total(chain), { counts: [0, 2, 5], trials: 3 });
    expect(rows.map(({ removed, trial, value }) => [removed, trial, value])).toEqual([
      [0, 0, 128],
      [0, 1, 128],
      [0, 2, 128],
      [2, 0, 32],
      [2, 1, 32],
      [2, 2, 32],
      [5, 0, 4],
      [5, 1, 4],
      [5, 2, 4],
    ]);
    expect(new Set(rows.slice(3, 6).map(({ blocks }) => blocks)).size).toBeGreaterThan(1);
    expect(rows.every(({ removed, blocks }) => blocks.split(" ").filter(Boolean).length === removed)).toBe(true);
  });

  it("more than there are is an error", async () => {
    const chain = scalingChain(5, 1);
    await expect(manyLesions(chain, total(chain), { counts: [6] })).rejects.toThrow(
      "manyLesions: a count of blocks with a shortcut must be a whole number from 0 to 5, got 6",
    );
  });
});

it("a deleted block of one's own is what its `after` makes of its shortcut", () => {
  class Doubling extends S.Module {
    readonly shortcut = "identity";
    readonly order = "pre";
    readonly weight: S.Tensor = S.parameter(S.ones([1]));
    branch(x: S.Tensor): S.Tensor {
      return S.mul(x, this.weight);
    }
    skip(x: S.Tensor): S.Tensor {
      return x;
    }
    after(y: S.Tensor): S.Tensor {
      return S.mul(y, 2);
    }
    zeroInitLast(): void {}
    forward(x: S.Tensor): S.Tensor {
      return this.after(S.add(this.skip(x), this.branch(x)));
    }
  }
  const model = new S.Sequential(new Doubling());
  const x = S.tensor([1, 3]);
  expect(S.residualBlocks(model).map(([path]) => path)).toEqual(["0"]);
  expect([...model.forward(x).data]).toEqual([4, 12]);
  expect(S.withLesion(model, ["0"], () => [...model.forward(x).data])).toEqual([2, 6]);
});
