import { expect, it } from "vitest";
import * as S from "../../src/index.ts";

const rng = (): S.Rng => new S.Rng(0);

it("a CIFAR network: stem and branches, stages, and what each block adds", () => {
  const model = S.cifarResNet(14, { width: 4, order: "pre", shortcut: "project", rng: rng() });
  model.blocks()[1][1].cut = "shortcut";
  model.blocks()[2][1].cut = "branch";
  const { convolutions, blocks, parameters } = S.describeNetwork(model);
  expect(convolutions).toEqual(["conv1", ...blocks.flatMap((block) => block.convolutions)]);
  expect(convolutions).toHaveLength(13);
  expect(parameters).toBe(model.parameterCount());
  expect(blocks.map(({ stage }) => stage)).toEqual([0, 0, 1, 1, 2, 2]);
  expect(blocks.slice(1, 3)).toEqual([
    {
      path: "layer1.1",
      stage: 0,
      inChannels: 4,
      outChannels: 4,
      stride: 1,
      shortcut: "identity",
      order: "pre",
      convolutions: ["layer1.1.conv1", "layer1.1.conv2"],
      cut: "shortcut",
    },
    {
      path: "layer2.0",
      stage: 1,
      inChannels: 4,
      outChannels: 8,
      stride: 2,
      shortcut: "project",
      order: "pre",
      convolutions: ["layer2.0.conv1", "layer2.0.conv2"],
      cut: "branch",
    },
  ]);
});

it("bottlenecks, plain twins, networks without blocks", () => {
  const bottlenecks = S.describeNetwork(S.cifarResNet(11, { block: "bottleneck", width: 4, rng: rng() })).blocks;
  expect(bottlenecks.map((block) => block.convolutions.length)).toEqual([3, 3, 3]);
  const plain = S.describeNetwork(S.cifarResNet(8, { shortcut: "none", width: 4, rng: rng() })).blocks;
  expect(plain.map(({ shortcut }) => shortcut)).toEqual(["none", "none", "none"]);
  const straight = new S.Sequential(new S.Conv2d(1, 2, 3, { rng: rng() }), new S.ReLU());
  expect(S.describeNetwork(straight)).toEqual({ convolutions: ["0"], blocks: [], parameters: 20 });
});

it("highway networks: the transform's convolution, not the gate's", () => {
  const block = new S.HighwayBlock(6, { rng: rng() });
  block.cut = "shortcut";
  expect(S.describeNetwork(new S.Sequential(block)).blocks[0]).toMatchObject({
    ...{ path: "0", stage: 0, inChannels: 6, outChannels: 6, stride: 1, shortcut: "gate", order: "pre" },
    ...{ convolutions: ["0.conv_h"], cut: "shortcut" },
  });
  const { blocks } = S.describeNetwork(new S.Sequential(new S.HighwayLinear(5, { rng: rng() })));
  expect(blocks[0]).toMatchObject({ inChannels: 5, outChannels: 5, convolutions: [], cut: "none" });
});

it("a block of one's own: its convolutions, as they are", () => {
  class Own extends S.Module {
    readonly shortcut = "identity";
    readonly order = "post";
    collapsed = true;
    readonly a: S.Conv2d = new S.Conv2d(4, 8, 1, { stride: [2, 1], groups: 2, rng: rng() });
    readonly b: S.Conv2d = new S.Conv2d(8, 4, 1, { stride: 2, rng: rng() });
    branch = (x: S.Tensor): S.Tensor => this.b.forward(this.a.forward(x));
    skip = (x: S.Tensor): S.Tensor => x;
    forward = (x: S.Tensor): S.Tensor => x;
    zeroInitLast(): void {}
  }
  expect(S.describeNetwork(new Own()).blocks[0]).toMatchObject({
    ...{ path: "", inChannels: 4, outChannels: 4, stride: 4, cut: "branch", convolutions: ["a", "b"] },
  });
});

it("takes nothing but a model", () => {
  expect(() => S.describeNetwork(3 as never)).toThrow("describeNetwork");
});
