/** Pooling: windows, ties, padding and ceil mode as PyTorch has them, gradients, PyTorch's numbers, what is refused. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from "../../src/autograd/pool.ts";
import { full, ones, randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { adjointError } from "../support/adjoint.ts";
import { goldenFamily } from "../support/golden-family.ts";
import { cases } from "./cases/pool.ts";

const image = (values: number[][], requiresGrad = false): Tensor =>
  new Tensor(Float32Array.from(values.flat()), [1, 1, values.length, values[0].length], requiresGrad);

describe("examples", () => {
  const x = image([[1, 2, 5], [4, 3, 6], [9, 8, 7]]); // biome-ignore format: an image
  it("the maximum and the average of every 2×2 window, stride 1", () => {
    expect(maxPool2d(x, { kernelSize: 2, stride: 1 }).toArray()).toEqual([[[[4, 6], [9, 8]]]]); // biome-ignore format: an image
    expect(avgPool2d(x, { kernelSize: 2, stride: 1 }).toArray()).toEqual([[[[2.5, 4], [6, 6]]]]); // biome-ignore format: an image
  });
  it("the stride is the kernel size unless it is given, and what does not fill a window is left out", () => {
    expect(maxPool2d(x, { kernelSize: 2 }).toArray()).toEqual([[[[4]]]]);
  });
  it("globalAvgPool2d drops both axes", () => {
    expect(globalAvgPool2d(x).toArray()).toEqual([[5]]);
  });
  it("adaptive cells overlap where the size does not divide", () => {
    expect(adaptiveAvgPool2d(image([[1, 2, 3]]), [1, 2]).toArray()).toEqual([[[[1.5, 2.5]]]]);
  });
});

describe("conventions", () => {
  it("a tie's gradient goes to the first in row-major order", () => {
    const x = image([[1, 7], [7, 7]], true); // biome-ignore format: an image
    const y = maxPool2d(x, { kernelSize: 2 });
    expect(backward(y).get(x).toArray()).toEqual([[[[0, 1], [0, 0]]]]); // biome-ignore format: an image
  });
  it("a pixel that wins in several windows gets the sum", () => {
    const x = image([[1, 9, 2]], true);
    const y = maxPool2d(x, { kernelSize: [1, 2], stride: 1 });
    expect(
      backward(y, { gradient: tensor([[[[3, 5]]]]) })
        .get(x)
        .toArray(),
    ).toEqual([[[[0, 8, 0]]]]);
  });
  it("padding never wins, not even over −∞", () => {
    const y = maxPool2d(full([1, 1, 2, 2], -5), { kernelSize: 2, padding: 1 });
    expect(y.toArray()).toEqual([[[[-5, -5], [-5, -5]]]]); // biome-ignore format: an image
    expect(maxPool2d(full([1, 1, 2, 2], -Infinity), { kernelSize: 2 }).item()).toBe(-Infinity);
  });
  it("NaN wins", () => {
    expect(maxPool2d(image([[1, Number.NaN, 2]]), { kernelSize: [1, 3] }).item()).toBeNaN();
    expect(maxPool2d(image([[Number.NaN, 3, 2]]), { kernelSize: [1, 3] }).item()).toBeNaN();
  });
  it("padding counts in the average's divisor, unless countIncludePad is false", () => {
    const options = { kernelSize: 2, padding: 1 };
    expect(avgPool2d(full([1, 1, 2, 2], 8), options).toArray()).toEqual([[[[2, 2], [2, 2]]]]); // biome-ignore format: an image
    const excluded = avgPool2d(full([1, 1, 2, 2], 8), { ...options, countIncludePad: false });
    expect(excluded.toArray()).toEqual([[[[8, 8], [8, 8]]]]); // biome-ignore format: an image
  });
  it("ceil mode: a last window that hangs over counts pixels and padding, and nothing beyond (PyTorch)", () => {
    // Length 4, kernel 3, stride 2, padding 1: windows start at −1, 1, 3. The last holds a pixel, a padding, a nothing.
    const options = { kernelSize: [1, 3], stride: [1, 2], padding: [0, 1], ceilMode: true } as const;
    expect(avgPool2d(ones([1, 1, 1, 4]), options).toArray()).toEqual([[[[Math.fround(2 / 3), 1, 0.5]]]]);
  });
  it("ceil mode: a window that would start in the padding behind the image is left out (PyTorch)", () => {
    // Length 3, kernel 2, stride 2, padding 1: ⌈3/2⌉ + 1 = 3 windows would start at −1, 1, 3; 3 is behind the image,
    // but not behind its padding, 3 + 1 = 4 > (3 − 1)·2 = 4 fails: two windows.
    expect(maxPool2d(ones([1, 1, 1, 3]), { kernelSize: [1, 2], stride: [1, 2], padding: [0, 1], ceilMode: true }).shape).toEqual([1, 1, 1, 2]); // biome-ignore format: one line
    // Length 5, kernel 2, stride 3: the second window starts at 3 in floor mode already; with length 4 only in ceil mode.
    expect(maxPool2d(ones([1, 1, 1, 4]), { kernelSize: [1, 2], stride: [1, 3] }).shape).toEqual([1, 1, 1, 1]);
    expect(maxPool2d(ones([1, 1, 1, 4]), { kernelSize: [1, 2], stride: [1, 3], ceilMode: true }).shape).toEqual([1, 1, 1, 2]); // biome-ignore format: one line
  });
});

describe("gradients", () => {
  for (const { name, inputs, call, linearIn = [] } of cases) {
    it(`${name}: gradcheck${linearIn.length > 0 ? ", and backward is the adjoint of forward" : ""}`, () => {
      const rng = new Rng(4);
      const points = inputs.map((shape) => randn(shape, rng));
      expect(gradcheck(call, points)).toBeLessThan(1e-7);
      for (const i of linearIn) expect(adjointError(call, points[i])).toBeLessThan(1e-12);
    });
  }
});

goldenFamily("pool", {
  run: {
    max_pool2d: ({ attrs, input }) =>
      maxPool2d(input("x"), {
        kernelSize: attrs.kernel,
        stride: attrs.stride,
        padding: attrs.padding,
        dilation: attrs.dilation,
        ceilMode: attrs.ceil_mode,
      }),
    avg_pool2d: ({ attrs, input }) =>
      avgPool2d(input("x"), {
        kernelSize: attrs.kernel,
        stride: attrs.stride,
        padding: attrs.padding,
        ceilMode: attrs.ceil_mode,
        countIncludePad: attrs.count_include_pad,
      }),
    adaptive_avg_pool2d: ({ attrs, input }) => adaptiveAvgPool2d(input("x"), attrs.output),
    global_avg_pool: ({ input }) => globalAvgPool2d(input("x")),
  },
});

describe("errors", () => {
  const x = zeros([2, 3, 8, 8]);
  const refused: [string, () => Tensor, string][] = [
    [
      "padding of more than half the window",
      () => maxPool2d(x, { kernelSize: 2, padding: 2 }),
      "maxPool2d: padding must be at most half the window (x [2,3,8,8], kernelSize 2×2, stride 2×2, padding 2×2, dilation 1×1, ceilMode false)",
    ],
    [
      "an average's padding, too",
      () => avgPool2d(x, { kernelSize: 3, padding: 2 }),
      "avgPool2d: padding must be at most",
    ],
    ["a window larger than the image", () => maxPool2d(x, { kernelSize: 9 }), "does not fit"],
    ["a kernel of 0", () => avgPool2d(x, { kernelSize: [0, 1] }), "kernelSize must be"],
    ["a stride of 0", () => avgPool2d(x, { kernelSize: 2, stride: 0 }), "stride must be"],
    ["a dilation of 0", () => maxPool2d(x, { kernelSize: 2, dilation: 0 }), "dilation must be"],
    ["one image without batch axis", () => maxPool2d(zeros([3, 8, 8]), { kernelSize: 2 }), "rank 4"],
    [
      "a window that sees only padding",
      // Taps at −2 and 1 of an image that is one pixel long.
      () => maxPool2d(zeros([1, 1, 1, 1]), { kernelSize: [2, 1], padding: [2, 0], dilation: [3, 1] }),
      "window 0 lies entirely in the padding",
    ],
    ["an output size of 0", () => adaptiveAvgPool2d(x, 0), "adaptiveAvgPool2d: outputSize must be"],
    ["an empty image", () => globalAvgPool2d(zeros([2, 3, 0, 8])), "globalAvgPool2d: the image is empty"],
    ["a matrix", () => globalAvgPool2d(zeros([2, 3])), "globalAvgPool2d: x must have rank 4"],
  ];
  for (const [name, call, message] of refused) {
    it(name, () => {
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(message);
    });
  }
});
