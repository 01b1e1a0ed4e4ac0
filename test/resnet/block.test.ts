/** Blocks: against the formula of the papers, written out with operations; shortcuts; starting as the identity. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/convolution.ts";
import { add, relu } from "../../src/autograd/elementwise.ts";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { batchNorm } from "../../src/autograd/normalization.ts";
import { sum } from "../../src/autograd/reductions.ts";
import { init, Linear, type Module, Sequential } from "../../src/nn/index.ts";
import {
  BasicBlock,
  isResidualBlock,
  type Order,
  PreActBlock,
  padShortcut,
  type ResidualBlock,
} from "../../src/resnet/index.ts";
import { ones, randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

const x = randn([2, 4, 6, 5], new Rng(1));

/** The block with every parameter random, so that a scale or shift that is left out shows. */
function shaken<T extends Module>(block: T): T {
  const rng = new Rng(2);
  for (const [, t] of block.namedParameters()) init.normal(t, rng, { mean: 0.3, std: 0.3 });
  return block;
}

const norm = (t: Tensor, { weight, bias }: { weight: Tensor | null; bias: Tensor | null }): Tensor =>
  batchNorm(t, weight, bias, { training: true });
const conv3 = (t: Tensor, { weight }: { weight: Tensor }, stride = 1): Tensor =>
  conv2d(t, weight, null, { stride, padding: 1 });

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

describe("BasicBlock is relu(s(x) + bn2 conv2 relu bn1 conv1 x)", () => {
  it.each([
    ["identity", 4, 1],
    ["pad", 6, 2],
    ["project", 6, 2],
    ["project", 4, 1],
    ["none", 6, 2],
  ] as const)("shortcut %s, 4 → %i, stride %i", (shortcut, channels, stride) => {
    const block = shaken(new BasicBlock(4, channels, { stride, shortcut, rng: new Rng(0) }));
    const branch = norm(conv3(relu(norm(conv3(x, block.conv1, stride), block.bn1!)), block.conv2), block.bn2!);
    const [conv, bn] = (block.downsample?.layers ?? []) as [typeof block.conv1, NonNullable<typeof block.bn1>];
    const skip = {
      identity: () => x,
      pad: () => padShortcut(x, channels, stride),
      project: () => norm(conv2d(x, conv.weight, null, { stride }), bn),
      none: () => null,
    }[shortcut]();
    const y = block.forward(x);
    expect(y.data).toEqual(relu(skip ? add(skip, branch) : branch).data);
    expect(y.shape).toEqual([2, channels, Math.ceil(6 / stride), Math.ceil(5 / stride)]);
    expect(block.branch(x).data).toEqual(branch.data);
    expect(block.skip(x)?.data).toEqual(skip?.data);
    expect(block.shortcut).toBe(shortcut);
    expect(block.order).toBe("post");
  });

  it("without batch norm", () => {
    const block = new BasicBlock(4, 6, { stride: 2, shortcut: "project", batchNorm: false, rng: new Rng(0) });
    const skip = conv2d(x, (block.downsample!.layers[0] as typeof block.conv1).weight, null, { stride: 2 });
    const expected = relu(add(skip, conv3(relu(conv3(x, block.conv1, 2)), block.conv2)));
    expect(block.forward(x).data).toEqual(expected.data);
    expect(Object.keys(block.stateDict())).toEqual(["conv1.weight", "conv2.weight", "downsample.0.weight"]);
  });
});

describe("PreActBlock is s + conv2 relu bn2 conv1 relu bn1 x", () => {
  it.each([
    ["identity", 4, 1, "before"],
    ["identity", 4, 1, "after"],
    ["pad", 6, 2, "after"],
    ["pad", 6, 2, "before"],
    ["project", 6, 2, "after"],
    ["project", 6, 2, "before"],
    ["none", 6, 2, "after"],
  ] as const)("shortcut %s, 4 → %i, stride %i, split %s the activation", (shortcut, channels, stride, split) => {
    const block = shaken(new PreActBlock(4, channels, { stride, shortcut, split, rng: new Rng(0) }));
    const activated = relu(norm(x, block.bn1!));
    const branch = conv3(relu(norm(conv3(activated, block.conv1, stride), block.bn2!)), block.conv2);
    const from = split === "after" ? activated : x;
    const skip = {
      identity: () => from,
      pad: () => padShortcut(from, channels, stride),
      project: () => conv2d(from, block.downsample!.weight, null, { stride }),
      none: () => null,
    }[shortcut]();
    expect(block.forward(x).data).toEqual((skip ? add(skip, branch) : branch).data);
    expect(block.branch(x).data).toEqual(branch.data);
    expect(block.skip(x)?.data).toEqual(skip?.data);
    expect(block.order).toBe("pre");
  });

  it("splits after the activation where it projects, before it elsewhere, unless told", () => {
    const rng = new Rng(0);
    expect(new PreActBlock(4, 4, { rng }).split).toBe("before");
    expect(new PreActBlock(4, 8, { rng }).split).toBe("before");
    expect(new PreActBlock(4, 8, { shortcut: "project", rng }).split).toBe("after");
    expect(new PreActBlock(4, 4, { split: "after", rng }).split).toBe("after");
  });

  it("without batch norm", () => {
    const block = new PreActBlock(4, 4, { batchNorm: false, rng: new Rng(0) });
    const expected = add(x, conv3(relu(conv3(relu(x), block.conv1)), block.conv2));
    expect(block.forward(x).data).toEqual(expected.data);
    expect(Object.keys(block.stateDict())).toEqual(["conv1.weight", "conv2.weight"]);
  });
});

/** Where a module and its parts keep their parameters, so that a test can put others (in float64) there. */
function parameterSlots(root: Module): { owner: Record<string, unknown>; key: string }[] {
  const parameters = new Set(root.parameters());
  return root.namedModules().flatMap(([, module]) => {
    const owner = module as unknown as Record<string, unknown>;
    return Object.keys(owner)
      .filter((key) => parameters.has(owner[key] as Tensor))
      .map((key) => ({ owner, key }));
  });
}

const make = (order: Order, ...args: ConstructorParameters<typeof BasicBlock>): BasicBlock | PreActBlock =>
  order === "post" ? new BasicBlock(...args) : new PreActBlock(...args);

describe.each(["post", "pre"] as const)("order %s", (order) => {
  const rng = new Rng(3);

  it("the graph records add(shortcut, branch), and an identity shortcut is x itself", () => {
    const leaf = new Tensor(x.data, x.shape, true);
    const block = make(order, 4, 4, { shortcut: "identity", rng });
    const y = block.forward(leaf);
    const sumNode = order === "post" ? y.node!.inputs[0].node! : y.node!;
    expect(sumNode.op).toBe("add");
    expect(sumNode.inputs[0]).toBe(leaf);
    expect(block.skip(leaf)).toBe(leaf);
  });

  it("resolves its shortcut: what the block does, not what was asked for", () => {
    expect(make(order, 4, 4, { rng }).shortcut).toBe("identity");
    expect(make(order, 4, 4, { shortcut: "pad", rng }).shortcut).toBe("identity");
    expect(make(order, 4, 8, { rng }).shortcut).toBe("pad");
    expect(make(order, 4, 4, { shortcut: "project", rng }).shortcut).toBe("project");
    expect(make(order, 4, 4, { shortcut: "none", rng }).shortcut).toBe("none");
  });

  it.each([true, false])("zeroInitLast makes the branch zero, batch norm %s", (batchNorm) => {
    const block = make(order, 4, 4, { batchNorm, rng: new Rng(5) });
    expect(block.branch(x).data.some((v: number) => v !== 0)).toBe(true);
    block.zeroInitLast();
    expect(block.branch(x).data.every((v: number) => v === 0)).toBe(true);
    expect(block.forward(x).data).toEqual((order === "post" ? relu(x) : x).data);
  });

  it("gradients of the input and of every parameter (float64)", () => {
    const block = shaken(make(order, 2, 3, { stride: 2, shortcut: "project", rng: new Rng(6) }));
    const slots = parameterSlots(block);
    const f = (input: Tensor, ...parameters: Tensor[]): Tensor => {
      slots.forEach(({ owner, key }, i) => {
        owner[key] = parameters[i];
      });
      return block.forward(input);
    };
    expect(slots).toHaveLength(block.parameters().length);
    const points = [randn([2, 2, 4, 4], new Rng(7)), ...slots.map(({ owner, key }) => owner[key] as Tensor)];
    expect(gradcheck(f, points)).toBeLessThan(1e-7);
  });

  it("errors: an identity that would have to change the shape, channels that vanish, an unknown shortcut", () => {
    const name = order === "post" ? "BasicBlock" : "PreActBlock";
    expect(() => make(order, 4, 8, { stride: 2, shortcut: "identity", rng })).toThrow(
      `${name}: an identity shortcut needs input and output of one shape, but this block goes from 4 to 8 channels with stride 2: use "pad" or "project"`,
    );
    expect(() => make(order, 8, 4, { shortcut: "pad", rng })).toThrow(
      `${name}: padding cannot go from 8 to 4 channels`,
    );
    expect(() => make(order, 4, 4, { shortcut: "skip" as "pad", rng })).toThrow(
      `${name}: shortcut must be one of identity, pad, project, none, got "skip"`,
    );
  });
});

describe("isResidualBlock", () => {
  it("is true for both blocks, plain ones included, and false for other modules", () => {
    const rng = new Rng(0);
    expect(isResidualBlock(new BasicBlock(2, 2, { rng }))).toBe(true);
    expect(isResidualBlock(new PreActBlock(2, 2, { shortcut: "none", rng }))).toBe(true);
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
