/** Blocks: what they are made of, what they are called, the members that src/flow looks for, collapsing. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/conv.ts";
import { add, mul, relu, sigmoid, sub } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { init, Linear, Sequential } from "../../src/nn/index.ts";
import {
  BasicBlock,
  Bottleneck,
  type BottleneckOptions,
  isResidualBlock,
  type Order,
  type ResidualBlock,
} from "../../src/resnet/index.ts";
import { padShortcut } from "../../src/resnet/shortcut.ts";
import { ones, randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { conv1, norm, projection, shaken } from "../support/blocks.ts";

const x = randn([2, 8, 6, 5], new Rng(1));

describe.each(["post", "pre"] as const)("order %s", (order) => {
  it("the graph records add(shortcut, branch), and an identity shortcut is x itself", () => {
    for (const Block of [BasicBlock, Bottleneck]) {
      const leaf = new Tensor(x.data, x.shape, true);
      const block = new Block(8, 8, { order, rng: new Rng(3) });
      const y = block.forward(leaf);
      const sumNode = order === "post" ? y.node!.inputs[0].node! : y.node!;
      expect(sumNode.op).toBe("add");
      expect(sumNode.inputs[0]).toBe(leaf);
      expect(block.skip(leaf)).toBe(leaf);
    }
  });

  it("resolves its shortcut: what the block does, not what was asked for", () => {
    const shortcut = (outChannels: number, asked?: "pad" | "project" | "none"): string =>
      new BasicBlock(4, outChannels, { order, ...(asked && { shortcut: asked }), rng: new Rng(0) }).shortcut;
    expect(shortcut(4)).toBe("identity");
    expect(shortcut(4, "pad")).toBe("identity");
    expect(shortcut(8)).toBe("pad");
    expect(shortcut(4, "project")).toBe("project");
    expect(shortcut(4, "none")).toBe("none");
  });
});

describe("Bottleneck", () => {
  const make = (outChannels: number, options: Omit<BottleneckOptions, "rng"> = {}): Bottleneck =>
    shaken(new Bottleneck(8, outChannels, { ...options, rng: new Rng(0) }));

  it.each([
    ["v1.5: the 3×3 has the stride", 1.5],
    ["v1: the first 1×1 has it", 1],
  ] as const)("%s", (_, version) => {
    const block = make(16, { stride: 2, version, shortcut: "project" });
    const [first, second] = version === 1 ? [2, 1] : [1, 2];
    const narrow = relu(norm(conv1(x, block.conv1, first), block.bn1));
    const seen = relu(norm(conv2d(narrow, block.conv2.weight, null, { stride: second, padding: 1 }), block.bn2));
    const branch = norm(conv1(seen, block.conv3), block.bn3);
    expect(make(16, { stride: 2, version, shortcut: "project" }).forward(x).data).toEqual(
      relu(add(projection(x, block, 2), branch)).data,
    );
    expect(block.conv2.weight.shape).toEqual([4, 4, 3, 3]);
  });

  it("pads where it changes the shape and is not told to project", () => {
    const block = make(16, { stride: 2 });
    expect(block.shortcut).toBe("pad");
    expect(block.skip(x)!.data).toEqual(padShortcut(x, 16, 2).data);
  });

  it("groups: each of ResNeXt's sees its own channels only", () => {
    const block = make(16, { groups: 2, baseWidth: 32 });
    expect(block.conv2.weight.shape).toEqual([4, 2, 3, 3]);
    const narrow = relu(norm(conv1(x, block.conv1), block.bn1));
    const seen = relu(norm(conv2d(narrow, block.conv2.weight, null, { padding: 1, groups: 2 }), block.bn2));
    expect(block.branch(x).data).toEqual(norm(conv1(seen, block.conv3), block.bn3).data);
  });

  it("dilation: the 3×3 looks further, and keeps the shape", () => {
    const block = make(8, { dilation: 2 });
    const narrow = relu(norm(conv1(x, block.conv1), block.bn1));
    const seen = relu(norm(conv2d(narrow, block.conv2.weight, null, { padding: 2, dilation: 2 }), block.bn2));
    expect(block.branch(x).data).toEqual(norm(conv1(seen, block.conv3), block.bn3).data);
  });

  it.each([
    ["ResNet-50, layer1", 256, 1, 64, 64],
    ["ResNeXt-50 32×4d, layer1", 256, 32, 4, 128],
    ["ResNeXt-101 32×8d, layer4", 2048, 32, 8, 2048],
    ["Wide ResNet-50-2, layer1", 256, 1, 128, 128],
    ["14 groups of ⌊24·10/64⌋ channels", 96, 14, 10, 42],
  ])(
    "%s: outChannels %i, groups %i, baseWidth %i: a width of %i, as torchvision",
    (_, channels, groups, base, width) => {
      const nothing = () => {};
      const block = new Bottleneck(4, channels, { groups, baseWidth: base, init: nothing, rng: new Rng(0) });
      expect(block.conv1.weight.shape[0]).toBe(width);
      expect(block.conv2.weight.shape).toEqual([width, width / groups, 3, 3]);
    },
  );

  it("its parts are torchvision's", () => {
    expect(
      Object.keys(make(16, { shortcut: "project" }).stateDict()).filter((name) => name.endsWith("weight")),
    ).toEqual([
      "conv1.weight",
      "bn1.weight",
      "conv2.weight",
      "bn2.weight",
      "conv3.weight",
      "bn3.weight",
      "downsample.0.weight",
      "downsample.1.weight",
    ]);
  });

  it("errors", () => {
    expect(() => make(10)).toThrow(
      "Bottleneck: outChannels must be a multiple of 4 and the width 1 or more, got outChannels 10, groups 1, baseWidth 64",
    );
    expect(() => make(8, { baseWidth: 16 })).toThrow("outChannels 8, groups 1, baseWidth 16: width 0");
    expect(() => make(8, { version: 2 as 1 })).toThrow(
      "Bottleneck: version must be 1 (stride on conv1) or 1.5 (on conv2), got 2",
    );
  });
});

describe("a collapsed block computes its shortcut alone", () => {
  const collapsed = <T extends ResidualBlock>(block: T): T => {
    block.collapsed = true;
    return block;
  };

  it.each(["reluBeforeAddition", "reluOnlyPre", "pre"] as const)("order %s: x itself", (order: Order) => {
    for (const Block of [BasicBlock, Bottleneck]) {
      expect(collapsed(new Block(8, 8, { order, rng: new Rng(0) })).forward(x)).toBe(x);
    }
  });

  it("order post: the same bits, because what comes in was activated", () => {
    const activated = relu(x);
    for (const Block of [BasicBlock, Bottleneck]) {
      const block = collapsed(new Block(8, 8, { rng: new Rng(0) }));
      expect(block.forward(activated).data).toEqual(activated.data);
      expect(block.eval().forward(activated).data).toEqual(activated.data);
    }
  });

  it("order bnAfterAddition: what follows the addition still follows", () => {
    const block = collapsed(shaken(new BasicBlock(8, 8, { order: "bnAfterAddition", rng: new Rng(0) })));
    expect(block.forward(x).data).toEqual(relu(norm(x, block.bn2)).data);
  });

  it("other shortcuts do what they do", () => {
    const padded = collapsed(new BasicBlock(8, 12, { order: "pre", stride: 2, rng: new Rng(0) }));
    expect(padded.forward(x).data).toEqual(padShortcut(x, 12, 2).data);
    const scaled = collapsed(new BasicBlock(8, 8, { order: "pre", shortcut: "scale", rng: new Rng(0) }));
    expect(scaled.forward(x).data).toEqual(mul(x, 0.5).data);
    const gated = collapsed(new BasicBlock(8, 8, { order: "pre", shortcut: "gate", gateBias: 0, rng: new Rng(0) }));
    expect(gated.forward(x).data).toEqual(mul(x, sub(1, sigmoid(conv1(x, gated.convGate!)))).data);
    const projecting = collapsed(shaken(new BasicBlock(8, 8, { order: "pre", shortcut: "project", rng: new Rng(0) })));
    const start = relu(norm(x, projecting.bn1));
    expect(projecting.forward(x).data).toEqual(conv1(start, projecting.downsample as typeof projecting.conv1).data);
  });

  it("moves no running statistics and gets no gradients, and does both again when it is expanded", () => {
    const block = collapsed(new BasicBlock(8, 8, { rng: new Rng(0) }));
    const leaf = new Tensor(relu(x).data, x.shape, true);
    const reached = (): boolean => backward(sum(block.forward(leaf))).has(block.conv1.weight);
    expect(reached()).toBe(false);
    expect(block.bn1!.numBatchesTracked!.item()).toBe(0);
    block.collapsed = false;
    expect(reached()).toBe(true);
    expect(block.bn1!.numBatchesTracked!.item()).toBe(1);
  });

  it("a plain block cannot", () => {
    expect(() => collapsed(new BasicBlock(8, 8, { shortcut: "none", rng: new Rng(0) })).forward(x)).toThrow(
      "BasicBlock: a block without shortcut cannot be collapsed",
    );
  });
});

describe("every variant is after(s(x) + F(x)), with what skip(x) and branch(x) return", () => {
  const shortcuts = ["identity", "project", "none", "scale", "gate", "shortcutGate", "conv1x1", "dropout"] as const;
  const orders = ["post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre", "pre"] as const;
  const starts = ["default", "skipInit", "fixup"] as const;

  it.each(shortcuts)("shortcut %s, in every order, with and without norms, in evaluation", (shortcut) => {
    for (const order of orders) {
      for (const start of starts) {
        if ((shortcut === "none" && start !== "default") || (order === "reluBeforeAddition" && start === "fixup"))
          continue;
        for (const Block of [BasicBlock, Bottleneck]) {
          const survival = shortcut === "none" ? 1 : 0.5;
          const block = shaken(new Block(8, 8, { shortcut, order, start, survival, rng: new Rng(0) })).eval();
          const skip = block.skip(x);
          const branch = block.branch(x);
          let y = skip ? add(skip, branch) : branch;
          if (order === "bnAfterAddition") y = block.norms().at(-1)?.forward(y) ?? y;
          if (order === "post" || order === "bnAfterAddition") y = relu(y);
          expect(block.forward(x).data, `${Block.name} ${block.describe()}`).toEqual(y.data);
        }
      }
    }
  });
});

describe("isResidualBlock", () => {
  it("is true for both blocks in every order, plain ones included, and false for other modules", () => {
    const rng = new Rng(0);
    for (const order of ["post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre", "pre"] as const) {
      expect(isResidualBlock(new BasicBlock(2, 2, { order, rng }))).toBe(true);
      expect(isResidualBlock(new Bottleneck(4, 4, { order, shortcut: "none", rng }))).toBe(true);
    }
    expect(isResidualBlock(new Linear(2, 2, { rng }))).toBe(false);
    expect(isResidualBlock(new Sequential())).toBe(false);
  });

  it("is true for a block of one's own", () => {
    class Own extends Linear implements ResidualBlock {
      readonly shortcut = "identity";
      readonly order = "pre";
      branch(x: Tensor): Tensor {
        return super.forward(x);
      }
      skip(x: Tensor): Tensor {
        return x;
      }
      override forward(x: Tensor): Tensor {
        return add(x, this.branch(x));
      }
      zeroInitLast(): void {
        init.constant(this.weight, 0);
      }
    }
    const own = new Own(2, 2, { rng: new Rng(0) });
    expect(isResidualBlock(own)).toBe(true);
    expect(own.forward(ones([1, 2])).shape).toEqual([1, 2]);
  });
});

it("describes itself: shape, shortcut, and what is not the default", () => {
  const rng = new Rng(0);
  expect(new BasicBlock(4, 4, { rng }).describe()).toBe("4 → 4, shortcut identity");
  expect(new Bottleneck(4, 8, { stride: 2, order: "pre", shortcut: "project", rng }).describe()).toBe(
    "4 → 8, stride 2, shortcut project of the activation, order pre",
  );
  expect(new BasicBlock(4, 4, { start: "skipInit", survival: 2 / 3, rng }).describe()).toBe(
    "4 → 4, shortcut identity, start skipInit, survival 0.667",
  );
});
