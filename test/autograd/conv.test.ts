/** conv2d as an operation: what it computes, PyTorch's numbers, what it refuses. Gradcheck: ops.test.ts. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { conv1d, conv2d } from "../../src/autograd/conv.ts";
import { ones, randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { goldenFamily } from "../support/golden-family.ts";

describe("an example", () => {
  it("x=[1,1,3,3] w=[1,1,2,2]: each pixel minus the one below and to the right", () => {
    const x = tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]); // biome-ignore format: an image
    const w = tensor([[[[1, 0], [0, -1]]]]); // biome-ignore format: a filter
    expect(conv2d(x, w).toArray()).toEqual([[[[-4, -4], [-4, -4]]]]); // biome-ignore format: an image
  });

  it("a 1×1 filter of ones adds up the channels, b is added to every pixel", () => {
    const x = tensor([[[[1, 2]], [[10, 20]]]]);
    expect(conv2d(x, ones([1, 2, 1, 1]), tensor([0.5])).toArray()).toEqual([[[[11.5, 22.5]]]]);
  });

  it("the gradients of Σ y: w gets the sums of the pixels it saw, b the number of positions, x the filter's sums", () => {
    const x = new Tensor(Float32Array.of(1, 2, 3, 4), [1, 1, 2, 2], true);
    const w = new Tensor(Float32Array.of(10, 20), [1, 1, 1, 2], true);
    const b = tensor([0], { requiresGrad: true });
    const grads = backward(conv2d(x, w, b), { gradient: ones([1, 1, 2, 1]) });
    expect(grads.get(w).toArray()).toEqual([[[[1 + 3, 2 + 4]]]]);
    expect(grads.get(b).toArray()).toEqual([2]);
    expect(grads.get(x).toArray()).toEqual([[[[10, 20], [10, 20]]]]); // biome-ignore format: an image
  });
});

describe("gradients", () => {
  it("an input that needs no gradient gets none", () => {
    const w = randn([2, 3, 3, 3], new Rng(0), { requiresGrad: true });
    const x = randn([1, 3, 5, 5], new Rng(1));
    const grads = backward(conv2d(x, w), { gradient: ones([1, 2, 3, 3]) });
    expect(grads.has(w)).toBe(true);
    expect(grads.has(x)).toBe(false);
  });
});

goldenFamily("conv2d", {
  run: {
    conv2d: ({ attrs, input, optional }) => {
      const { stride, padding, dilation, groups } = attrs;
      return conv2d(input("x"), input("w"), optional("b"), { stride, padding, dilation, groups });
    },
  },
});

describe("errors", () => {
  const x = zeros([8, 3, 32, 32]);
  const refused: [string, () => Tensor, string][] = [
    [
      "channels that differ",
      () => conv2d(x, zeros([16, 16, 3, 3]), null, { padding: 1 }),
      "conv2d: x has 3 channels, w expects 16 (x [8,3,32,32], w [16,16,3,3], stride 1, padding 1, dilation 1, groups 1)",
    ],
    ["an image without batch axis", () => conv2d(zeros([3, 32, 32]), zeros([16, 3, 3, 3])), "x must have rank 4"],
    ["a filter without channel axis", () => conv2d(x, zeros([16, 3, 3])), "w must have rank 4"],
    ["a bias of the wrong length", () => conv2d(x, zeros([16, 3, 3, 3]), zeros([3])), "b must be [16]"],
    ["groups that do not divide the channels", () => conv2d(x, zeros([16, 1, 3, 3]), null, { groups: 2 }), "2 groups"],
    ["groups that do not divide the filters", () => conv2d(x, zeros([16, 1, 3, 3]), null, { groups: 3 }), "3 groups"],
    [
      "channels per group that differ",
      () => conv2d(x, zeros([3, 3, 3, 3]), null, { groups: 3 }),
      "1 channels per group",
    ],
    ["a stride of 0", () => conv2d(x, zeros([16, 3, 3, 3]), null, { stride: 0 }), "stride must be"],
    ["a negative padding", () => conv2d(x, zeros([16, 3, 3, 3]), null, { padding: [0, -1] }), "padding must be"],
    ["a dilation of 1.5", () => conv2d(x, zeros([16, 3, 3, 3]), null, { dilation: 1.5 }), "dilation must be"],
    ["a filter larger than the padded image", () => conv2d(x, zeros([16, 3, 35, 3])), "does not fit"],
  ];
  const lines = zeros([8, 3, 32]);
  refused.push(
    [
      "channels of lines that differ",
      () => conv1d(lines, zeros([16, 4, 3]), null, { padding: 1 }),
      "conv1d: x has 3 channels, w expects 4 (x [8,3,32], w [16,4,3], stride 1, padding 1, dilation 1, groups 1)",
    ],
    [
      "lines without batch axis",
      () => conv1d(zeros([3, 32]), zeros([16, 3, 3])),
      "conv1d: x must have rank 3 [N, C, L]",
    ],
    [
      "an image filter on lines",
      () => conv1d(lines, zeros([16, 3, 3, 3])),
      "conv1d: w must have rank 3 [O, C/groups, K]",
    ],
    [
      "a filter larger than the padded line",
      () => conv1d(lines, zeros([16, 3, 35])),
      "conv1d: the filter does not fit",
    ],
  );
  for (const [name, call, message] of refused) {
    it(name, () => {
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(message);
    });
  }
});
