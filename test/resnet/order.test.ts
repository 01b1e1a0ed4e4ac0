/** The five orders of "Identity Mappings in Deep Residual Networks", Fig. 4, written out, for both kinds of block. */
import { describe, expect, it } from "vitest";
import { add, relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { fuse } from "../../src/nn/index.ts";
import { BasicBlock, Bottleneck, type Order } from "../../src/resnet/index.ts";
import { ones, randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { checkGradients, conv1, conv3, norm, projection, shaken } from "../support/blocks.ts";

const x = randn([3, 8, 6, 5], new Rng(1));
const orders: readonly Order[] = ["post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre", "pre"];

/** The branch, and what comes after the addition, of a block with an identity shortcut: Fig. 4, read from top to bottom. */
const basic: Record<Order, (b: BasicBlock, x: Tensor) => [branch: Tensor, finish: (sum: Tensor) => Tensor]> = {
  post: (b, x) => [norm(conv3(relu(norm(conv3(x, b.conv1), b.bn1)), b.conv2), b.bn2), relu],
  bnAfterAddition: (b, x) => [conv3(relu(norm(conv3(x, b.conv1), b.bn1)), b.conv2), (sum) => relu(norm(sum, b.bn2))],
  reluBeforeAddition: (b, x) => [relu(norm(conv3(relu(norm(conv3(x, b.conv1), b.bn1)), b.conv2), b.bn2)), (sum) => sum],
  reluOnlyPre: (b, x) => [norm(conv3(relu(norm(conv3(relu(x), b.conv1), b.bn1)), b.conv2), b.bn2), (sum) => sum],
  pre: (b, x) => [conv3(relu(norm(conv3(relu(norm(x, b.bn1)), b.conv1), b.bn2)), b.conv2), (sum) => sum],
};

const bottleneck: Record<Order, (b: Bottleneck, x: Tensor) => [branch: Tensor, finish: (sum: Tensor) => Tensor]> = {
  post: (b, x) => [
    norm(conv1(relu(norm(conv3(relu(norm(conv1(x, b.conv1), b.bn1)), b.conv2), b.bn2)), b.conv3), b.bn3),
    relu,
  ],
  bnAfterAddition: (b, x) => [
    conv1(relu(norm(conv3(relu(norm(conv1(x, b.conv1), b.bn1)), b.conv2), b.bn2)), b.conv3),
    (sum) => relu(norm(sum, b.bn3)),
  ],
  reluBeforeAddition: (b, x) => [
    relu(norm(conv1(relu(norm(conv3(relu(norm(conv1(x, b.conv1), b.bn1)), b.conv2), b.bn2)), b.conv3), b.bn3)),
    (sum) => sum,
  ],
  reluOnlyPre: (b, x) => [
    norm(conv1(relu(norm(conv3(relu(norm(conv1(relu(x), b.conv1), b.bn1)), b.conv2), b.bn2)), b.conv3), b.bn3),
    (sum) => sum,
  ],
  pre: (b, x) => [
    conv1(relu(norm(conv3(relu(norm(conv1(relu(norm(x, b.bn1)), b.conv1), b.bn2)), b.conv2), b.bn3)), b.conv3),
    (sum) => sum,
  ],
};

describe.each(orders)("order %s", (order) => {
  const basicBlock = (): BasicBlock => shaken(new BasicBlock(8, 8, { order, rng: new Rng(0) }));
  const bottleneckBlock = (): Bottleneck => shaken(new Bottleneck(8, 8, { order, rng: new Rng(0) }));

  it("BasicBlock, as in Fig. 4", () => {
    const [branch, finish] = basic[order](basicBlock(), x);
    expect(basicBlock().forward(x).data).toEqual(finish(add(x, branch)).data);
    expect(basicBlock().branch(x).data).toEqual(branch.data);
    expect(basicBlock().skip(x)).toBe(x);
    expect(basicBlock().order).toBe(order);
  });

  it("Bottleneck, as in Fig. 4", () => {
    const [branch, finish] = bottleneck[order](bottleneckBlock(), x);
    expect(bottleneckBlock().forward(x).data).toEqual(finish(add(x, branch)).data);
    expect(bottleneckBlock().branch(x).data).toEqual(branch.data);
    expect(bottleneckBlock().order).toBe(order);
  });

  it("the plain twin: the same without the shortcut", () => {
    const plain = shaken(new BasicBlock(8, 8, { order, shortcut: "none", rng: new Rng(0) }));
    const [branch, finish] = basic[order](plain, x);
    expect(plain.forward(x).data).toEqual(finish(branch).data);
    expect(plain.skip(x)).toBe(null);
  });

  it("without batch norm: the same without the norms", () => {
    const make = () => new BasicBlock(8, 8, { order, batchNorm: false, rng: new Rng(0) });
    const { conv1: first, conv2: second } = make();
    const start = order === "pre" || order === "reluOnlyPre" ? relu(x) : x;
    const branch = conv3(relu(conv3(start, first)), second);
    const expected = {
      post: () => relu(add(x, branch)),
      bnAfterAddition: () => relu(add(x, branch)),
      reluBeforeAddition: () => add(x, relu(branch)),
      reluOnlyPre: () => add(x, branch),
      pre: () => add(x, branch),
    }[order]();
    expect(make().forward(x).data).toEqual(expected.data);
    expect(Object.keys(make().stateDict())).toEqual(["conv1.weight", "conv2.weight"]);
  });

  it("gradients of the input and of every parameter (float64)", () => {
    const input = randn([2, 4, 4, 4], new Rng(7));
    // Bottlenecks have one channel inside: enough to get every derivative wrong, and few numbers.
    for (const block of [
      new BasicBlock(4, 4, { stride: 2, order, shortcut: "project", rng: new Rng(6) }),
      new Bottleneck(4, 4, { stride: 2, order, shortcut: "project", rng: new Rng(6) }),
    ]) {
      expect(checkGradients(shaken(block), input)).toBeLessThan(1e-7);
    }
  });

  it("the running statistics move once in a forward pass", () => {
    for (const block of [basicBlock(), bottleneckBlock()]) {
      block.forward(x);
      const counts = Object.entries(block.stateDict()).filter(([name]) => name.endsWith("num_batches_tracked"));
      expect(counts.map(([, t]) => t.item())).toEqual(block.convolutions().map(() => 1));
    }
  });

  it("a norm is folded only into a convolution that it follows", () => {
    const folded = { post: 3, bnAfterAddition: 2, reluBeforeAddition: 3, reluOnlyPre: 3, pre: 2 }[order];
    const block = bottleneckBlock();
    block.forward(x);
    const before = noGrad(() => block.eval().forward(x));
    expect(fuse(block)).toBe(folded);
    const after = noGrad(() => block.forward(x));
    const largest = Math.max(...before.data.map(Math.abs));
    // Rounding of a few dozen products in float32.
    after.data.forEach((v: number, i: number) => {
      expect(Math.abs(v - before.data[i])).toBeLessThan(1e-5 * largest);
    });
  });
});

describe("where the shortcut of a block that projects starts", () => {
  it.each(["post", "bnAfterAddition", "reluBeforeAddition"] as const)("%s: from x, and is normalised", (order) => {
    const block = shaken(new BasicBlock(8, 8, { order, shortcut: "project", rng: new Rng(0) }));
    expect(block.skip(x)!.data).toEqual(projection(x, block).data);
    expect(block.plan.split).toBe("before");
  });

  it("reluOnlyPre: from relu(x), and is normalised", () => {
    const block = shaken(new BasicBlock(8, 8, { order: "reluOnlyPre", shortcut: "project", rng: new Rng(0) }));
    expect(block.skip(x)!.data).toEqual(projection(relu(x), block).data);
  });

  it("pre: from relu(bn1(x)), a bare convolution", () => {
    const block = shaken(new BasicBlock(8, 8, { order: "pre", shortcut: "project", rng: new Rng(0) }));
    expect(Object.keys(block.stateDict()).filter((name) => name.includes("downsample"))).toEqual(["downsample.weight"]);
    expect(block.skip(x)!.data).toEqual(conv1(relu(norm(x, block.bn1)), block.downsample as typeof block.conv1).data);
  });
});

describe("split", () => {
  it.each([
    ["identity", 8, 1, "before"],
    ["identity", 8, 1, "after"],
    ["pad", 10, 2, "after"],
    ["pad", 10, 2, "before"],
    ["project", 10, 2, "after"],
    ["project", 10, 2, "before"],
    ["none", 10, 2, "after"],
  ] as const)(
    "order pre, shortcut %s, 8 → %i, stride %i, split %s the activation",
    (shortcut, channels, stride, split) => {
      const make = () =>
        shaken(new BasicBlock(8, channels, { order: "pre", stride, shortcut, split, rng: new Rng(0) }));
      const block = make();
      const activated = relu(norm(x, block.bn1));
      const branch = conv3(relu(norm(conv3(activated, block.conv1, stride), block.bn2)), block.conv2);
      const start = split === "after" ? activated : x;
      const twin = new BasicBlock(8, channels, { stride, shortcut, batchNorm: false, rng: new Rng(0) });
      if (twin.downsample)
        twin.downsample.loadStateDict({ "0.weight": (block.downsample as typeof block.conv1).weight });
      const skip = twin.skip(start);
      expect(make().forward(x).data).toEqual((skip ? add(skip, branch) : branch).data);
      expect(make().branch(x).data).toEqual(branch.data);
      expect(make().skip(x)?.data).toEqual(skip?.data);
    },
  );

  it("after the activation where the block projects, before it elsewhere, unless told", () => {
    const split = (options: Partial<ConstructorParameters<typeof BasicBlock>[2]>): string =>
      new BasicBlock(8, 16, { order: "pre", ...options, rng: new Rng(0) }).plan.split;
    expect(split({})).toBe("before");
    expect(split({ shortcut: "project" })).toBe("after");
    expect(split({ shortcut: "project", split: "before" })).toBe("before");
    expect(split({ split: "after" })).toBe("after");
  });
});

describe("errors", () => {
  it("an order that does not exist", () => {
    expect(() => new BasicBlock(2, 2, { order: "preact" as "pre", rng: new Rng(0) })).toThrow(
      'BasicBlock: order must be one of "post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre", "pre", got "preact"',
    );
  });

  it("a split after an activation that is not there", () => {
    expect(() => new Bottleneck(4, 4, { split: "after", rng: new Rng(0) })).toThrow(
      'Bottleneck: split "after" needs an activation to split after, and order "post" starts with none',
    );
  });

  it("an image with other channels", () => {
    const block = new BasicBlock(2, 2, { rng: new Rng(0) });
    expect(() => block.forward(ones([1, 3, 4, 4]))).toThrow("conv2d: x has 3 channels, w expects 2");
  });
});
