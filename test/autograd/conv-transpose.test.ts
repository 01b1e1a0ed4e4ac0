/** convTranspose2d: examples by eye, PyTorch's numbers, conv2d's derivative, what is refused. Gradcheck: ops.test.ts. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/conv.ts";
import { convTranspose2d } from "../../src/autograd/conv-transpose.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError, UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { goldenFamily } from "../support/golden-family.ts";

describe("examples", () => {
  it("a 2×2 filter at stride 2 puts a copy of itself in place of every pixel", () => {
    const x = tensor([[[[1, 10]]]]);
    const w = tensor([[[[1, 2], [3, 4]]]]); // biome-ignore format: a filter
    expect(convTranspose2d(x, w, null, { stride: 2 }).toArray()).toEqual([[[[1, 2, 10, 20], [3, 4, 30, 40]]]]); // biome-ignore format: an image
  });
  it("padding takes from the result, outputPadding adds what only the bias reaches", () => {
    const x = tensor([[[[1, 1, 1]]]]);
    const w = tensor([[[[1, 2, 4]]]]);
    const options = { stride: [1, 3], padding: [0, 1], outputPadding: [0, 2] } as const;
    expect(convTranspose2d(x, w, tensor([0.5]), options).toArray()).toEqual([
      [[[2.5, 4.5, 1.5, 2.5, 4.5, 1.5, 2.5, 4.5, 0.5]]],
    ]);
  });
});

it("is what conv2d with the same filters sends back to its input", () => {
  const [image, w] = [randn([2, 6, 9, 8], new Rng(1), { requiresGrad: true }), randn([10, 3, 3, 3], new Rng(2))];
  const options = { stride: 2, padding: 1, groups: 2 };
  const y = conv2d(image, w, null, options);
  const gradient = randn(y.shape, new Rng(3));
  const back = convTranspose2d(gradient, w, null, { ...options, outputPadding: [0, 1] });
  expect(back.data).toEqual(backward(y, { gradient }).get(image).data);
});

goldenFamily("resize", {
  run: {
    conv_transpose2d: ({ attrs, input, optional }) => {
      const { stride, padding, dilation, groups, output_padding: outputPadding } = attrs;
      return convTranspose2d(input("x"), input("w"), optional("b"), {
        stride,
        padding,
        outputPadding,
        dilation,
        groups,
      });
    },
  },
  skip: { interpolate: "in interpolate.test.ts" },
});

describe("errors", () => {
  const x = zeros([1, 4, 5, 5]);
  const w = zeros([4, 2, 3, 3]);
  it.each<[string, () => unknown, string]>([
    [
      "channels that differ",
      () => convTranspose2d(x, zeros([3, 2, 3, 3])),
      "convTranspose2d: x has 4 channels, w expects 3 (x [1,4,5,5], w [3,2,3,3], stride 1, padding 0, outputPadding 0, dilation 1, groups 1)",
    ],
    ["an image without batch axis", () => convTranspose2d(zeros([4, 5, 5]), w), "x must have rank 4"],
    ["a filter without channel axis", () => convTranspose2d(x, zeros([4, 3, 3])), "w must have rank 4"],
    ["an empty image", () => convTranspose2d(zeros([1, 4, 0, 5]), w), "the image is empty"],
    ["a bias of the wrong length", () => convTranspose2d(x, w, zeros([4]), {}), "b must be [2]"],
    ["groups that do not divide the channels", () => convTranspose2d(x, w, null, { groups: 3 }), "3 groups"],
    ["a stride of 0", () => convTranspose2d(x, w, null, { stride: 0 }), "stride must be"],
    [
      "output padding of a stride",
      () => convTranspose2d(x, w, null, { stride: 2, outputPadding: 2 }),
      "less than the stride",
    ],
    ["padding that leaves nothing", () => convTranspose2d(x, w, null, { padding: 4 }), "would be -1×-1"],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });
  it("an option that does not exist", () => {
    expect(() => convTranspose2d(x, w, null, { algorithm: "direct" } as object)).toThrow(UsageError);
  });
});
