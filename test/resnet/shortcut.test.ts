/** Shortcuts: option A by eye, and every kind against its formula in "Identity Mappings in Deep Residual Networks", §3.1. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { dropout } from "../../src/autograd/dropout.ts";
import { add, mul, relu, sigmoid, sub } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { init } from "../../src/nn/index.ts";
import { BasicBlock, type BlockOptions, type ShortcutKind, type ShortcutNumbers } from "../../src/resnet/index.ts";
import { padShortcut, SHORTCUTS } from "../../src/resnet/shortcut.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { checkGradients, conv1, conv3, norm, plus, projection, shaken } from "../support/blocks.ts";

const x = randn([2, 4, 6, 5], new Rng(1));

describe("padShortcut", () => {
  const image = tensor([
    [
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
    ],
  ]);
  const corners = [
    [1, 3],
    [7, 9],
  ];
  const nothing = [
    [0, 0],
    [0, 0],
  ];

  it("takes every second pixel and adds zero channels behind", () => {
    expect(padShortcut(image, 3, 2).toArray()).toEqual([[corners, nothing, nothing]]);
  });

  it("or half before and half behind, the odd one behind", () => {
    expect(padShortcut(image, 3, 2, "both").toArray()).toEqual([[nothing, corners, nothing]]);
    expect(padShortcut(image, 4, 2, "both").toArray()).toEqual([[nothing, corners, nothing, nothing]]);
  });

  it("is x itself where nothing changes", () => {
    expect(padShortcut(image, 1, 1)).toBe(image);
  });

  it("sends gradients back unchanged or drops them", () => {
    const leaf = new Tensor(image.data, image.shape, true);
    const gradient = backward(sum(padShortcut(leaf, 3, 2, "both"))).get(leaf);
    expect(gradient.toArray()).toEqual([
      [
        [
          [1, 0, 1],
          [0, 0, 0],
          [1, 0, 1],
        ],
      ],
    ]);
  });

  it("cannot take channels away", () => {
    expect(() => padShortcut(x, 3, 1)).toThrow(
      "padShortcut: x [2,4,6,5] has more channels than the 3 it should be padded to",
    );
  });
});

/** s(x), and the factor of F, for each kind: the table at the head of shortcut.ts. */
function pathsOf(block: BasicBlock, stride: number, noise: Rng): { skip: Tensor | null; factor: number | Tensor } {
  const channels = block.plan.outChannels;
  const padded = padShortcut(x, channels, stride);
  const g = (): Tensor => sigmoid(conv1(x, block.convGate!, stride));
  switch (block.shortcut) {
    case "none":
      return { skip: null, factor: 1 };
    case "project":
      return { skip: projection(x, block, stride), factor: 1 };
    case "scale":
      return { skip: mul(padded, 0.75), factor: 0.5 };
    case "gate":
      return { skip: mul(padded, sub(1, g())), factor: g() };
    case "shortcutGate":
      return { skip: mul(padded, sub(1, g())), factor: 1 };
    case "dropout":
      return { skip: dropout(padded, 0.25, { rng: noise }), factor: 1 };
    default:
      return { skip: padded, factor: 1 };
  }
}

/** Numbers that are not the defaults, for the kinds that have any. */
const numbers: Partial<Record<ShortcutKind, ShortcutNumbers>> = {
  scale: { shortcutScale: 0.75, branchScale: 0.5 },
  dropout: { dropoutRate: 0.25 },
};

describe("y = relu(s(x) + factor·F(x))", () => {
  const cases = [
    ["identity", 4, 1, "identity"],
    ["pad", 6, 2, "pad"],
    ["project", 6, 2, "project"],
    ["project", 4, 1, "project"],
    ["none", 6, 2, "none"],
    ["scale", 4, 1, "scale"],
    ["scale", 6, 2, "scale"],
    ["gate", 4, 1, "gate"],
    ["gate", 6, 2, "gate"],
    ["shortcutGate", 4, 1, "shortcutGate"],
    ["shortcutGate", 6, 2, "shortcutGate"],
    ["conv1x1", 4, 1, "project"],
    ["conv1x1", 6, 2, "project"],
    ["dropout", 4, 1, "dropout"],
    ["dropout", 6, 2, "dropout"],
  ] as const;

  it("is tested of every kind there is", () => {
    const tested = new Set<string>(cases.map(([shortcut]) => shortcut));
    expect(Object.keys(SHORTCUTS).filter((kind) => !tested.has(kind))).toEqual([]);
  });

  it.each(cases)("shortcut %s, 4 → %i, stride %i", (shortcut, channels, stride, resolved) => {
    const make = () => shaken(new BasicBlock(4, channels, { stride, shortcut, ...numbers[shortcut], rng: new Rng(0) }));
    const block = make();
    expect(block.shortcut).toBe(resolved);
    const { skip, factor } = pathsOf(block, stride, make().noise!);
    const residual = norm(conv3(relu(norm(conv3(x, block.conv1, stride), block.bn1)), block.conv2), block.bn2);
    const branch = factor === 1 ? residual : mul(residual, factor);
    const y = make().forward(x);
    expect(y.data).toEqual(relu(skip ? add(skip, branch) : branch).data);
    expect(y.shape).toEqual([2, channels, Math.ceil(6 / stride), Math.ceil(5 / stride)]);
    expect(make().skip(x)?.data).toEqual(skip?.data);
    expect(make().branch(x).data).toEqual(branch.data);
  });

  it.each(["scale", "gate", "shortcutGate", "dropout"] as const)("shortcut %s: gradients (float64)", (shortcut) => {
    const block = shaken(new BasicBlock(2, 3, { stride: 2, shortcut, rng: new Rng(6) }));
    const restart = () => Object.assign(block, { noise: new Rng(9) });
    expect(checkGradients(block, randn([2, 2, 4, 4], new Rng(7)), restart)).toBeLessThan(1e-7);
  });
});

describe("in the order pre the shortcut starts from x, or behind the split", () => {
  it.each(["before", "after"] as const)("gate, split %s", (split) => {
    const block = shaken(new BasicBlock(4, 4, { order: "pre", shortcut: "gate", split, rng: new Rng(0) }));
    const activated = relu(norm(x, block.bn1));
    const start = split === "after" ? activated : x;
    const residual = conv3(relu(norm(conv3(activated, block.conv1), block.bn2)), block.conv2);
    const g = sigmoid(conv1(start, block.convGate!));
    expect(block.forward(x).data).toEqual(add(mul(start, sub(1, g)), mul(residual, g)).data);
    expect(block.branch(x).data).toEqual(mul(residual, g).data);
    expect(block.gate(x).data).toEqual(g.data);
  });
});

describe("gates", () => {
  const block = new BasicBlock(4, 6, { stride: 2, shortcut: "gate", gateBias: -3, rng: new Rng(0) });

  it("start near σ(bias), everywhere −6 unless told", () => {
    expect(block.convGate!.bias!.toArray()).toEqual([-3, -3, -3, -3, -3, -3]);
    const other = new BasicBlock(4, 4, { shortcut: "shortcutGate", rng: new Rng(0) });
    expect(other.convGate!.bias!.toArray()).toEqual([-6, -6, -6, -6]);
  });

  it("can be read for any input: one for each number of the output", () => {
    const g = block.gate(x);
    expect(g.shape).toEqual([2, 6, 3, 3]);
    expect(g.data).toEqual(sigmoid(conv1(x, block.convGate!, 2)).data);
  });

  it("with g = 0 an exclusive gate leaves the shortcut alone, with g = 1 the branch", () => {
    const gated = (bias: number): BasicBlock => {
      const b = new BasicBlock(4, 4, { order: "pre", shortcut: "gate", gateBias: bias, rng: new Rng(0) });
      init.constant(b.convGate!.weight, 0);
      return b;
    };
    // In float32 σ(−200) is 0 and σ(200) is 1.
    expect(gated(-200).forward(x).data).toEqual(x.data);
    const open = gated(200);
    const residual = conv3(relu(norm(conv3(relu(norm(x, open.bn1)), open.conv1), open.bn2)), open.conv2);
    expect(gated(200).forward(x).data).toEqual(residual.data);
  });

  it("there are none in other blocks", () => {
    expect(() => new BasicBlock(4, 4, { rng: new Rng(0) }).gate(x)).toThrow(
      'BasicBlock: a block with shortcut "identity" has no gate',
    );
  });
});

describe("dropout", () => {
  const make = () => new BasicBlock(4, 4, { order: "pre", shortcut: "dropout", dropoutRate: 0.5, rng: new Rng(3) });

  it("drops half of the shortcut in training, differently each time, the same from the same seed", () => {
    const [block, again] = [make(), make()];
    const first = block.skip(x)!;
    const dropped = first.data.filter((v: number) => v === 0).length / first.size;
    // 240 numbers: the standard deviation of the fraction is 0.03.
    expect(Math.abs(dropped - 0.5)).toBeLessThan(0.1);
    expect(again.skip(x)!.data).toEqual(first.data);
    expect(block.skip(x)!.data).not.toEqual(first.data);
  });

  it("in evaluation the shortcut is x itself", () => {
    expect(make().eval().skip(x)).toBe(x);
  });
});

describe("defaults", () => {
  it("constant scaling: 0.5·x + F, the first of the paper's", () => {
    const block = shaken(new BasicBlock(4, 4, { order: "pre", shortcut: "scale", rng: new Rng(0) }));
    const residual = conv3(relu(norm(conv3(relu(norm(x, block.bn1)), block.conv1), block.bn2)), block.conv2);
    expect(block.forward(x).data).toEqual(plus(residual, mul(x, 0.5)).data);
  });

  it("dropout: half", () => {
    const block = new BasicBlock(2, 2, { shortcut: "dropout", rng: new Rng(0) });
    expect(block.plan.dropoutRate).toBe(0.5);
  });
});

describe("a shortcut that draws nothing else leaves the convolutions' bits alone", () => {
  it.each(["none", "project", "gate", "shortcutGate", "conv1x1", "dropout", "scale"] as const)("%s", (shortcut) => {
    const weights = (options: Omit<BlockOptions, "rng">) => {
      const { conv1, conv2 } = new BasicBlock(4, 4, { ...options, rng: new Rng(1) });
      return [conv1.weight.data, conv2.weight.data];
    };
    expect(weights({ shortcut })).toEqual(weights({}));
  });
});

describe("errors", () => {
  const make = (options: Omit<BlockOptions, "rng">, outChannels = 4) =>
    new BasicBlock(4, outChannels, { ...options, rng: new Rng(0) });

  it("an unknown shortcut, an unknown place for the padding", () => {
    expect(() => make({ shortcut: "skip" as "pad" })).toThrow(
      'BasicBlock: shortcut must be one of "identity", "pad", "project", "none", "scale", "gate", "shortcutGate", "conv1x1", "dropout", got "skip"',
    );
    expect(() => make({ padChannels: "front" as "back" })).toThrow(
      'BasicBlock: padChannels must be "back" or "both", got "front"',
    );
  });

  it("a shape that does not fit", () => {
    expect(() => make({ shortcut: "identity", stride: 2 }, 8)).toThrow(
      'BasicBlock: an identity shortcut needs input and output of one shape, but this block goes from 4 to 8 channels with stride 2: use "pad" or "project"',
    );
    for (const shortcut of ["pad", "scale", "gate", "shortcutGate", "dropout"] as const) {
      expect(() => make({ shortcut }, 2)).toThrow('BasicBlock: padding cannot go from 4 to 2 channels: use "project"');
    }
    expect(make({ shortcut: "project" }, 2).forward(x).shape).toEqual([2, 2, 6, 5]);
    expect(make({ shortcut: "none" }, 2).forward(x).shape).toEqual([2, 2, 6, 5]);
  });

  it("numbers that the shortcut does not have, or that are none", () => {
    expect(() => make({ gateBias: -1 })).toThrow('BasicBlock: shortcut "identity" has no gateBias');
    expect(() => make({ shortcut: "gate", dropoutRate: 0.5 })).toThrow(
      'BasicBlock: shortcut "gate" has no dropoutRate',
    );
    expect(() => make({ shortcut: "dropout", dropoutRate: 1.5 })).toThrow(
      "BasicBlock: dropoutRate must be a number from 0 to 1, got 1.5",
    );
    expect(() => make({ shortcut: "scale", shortcutScale: Number.NaN })).toThrow(
      "BasicBlock: shortcutScale must be a finite number, got NaN",
    );
  });
});
