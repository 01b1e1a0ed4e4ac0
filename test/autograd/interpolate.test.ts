/** Resizing: examples by eye, PyTorch's numbers, edges, what is refused. Gradcheck: ops.test.ts. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { interpolate } from "../../src/autograd/interpolate.ts";
import { ones, randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError, UsageError, ValueError } from "../../src/tensor/errors.ts";
import type { InterpolateOptions } from "../../src/tensor/geometry/interpolate.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { goldenFamily } from "../support/golden-family.ts";

const row = (...values: number[]) => tensor([[[values]]]);

describe("examples", () => {
  it("nearest copies pixels, and leaves some out where the image shrinks", () => {
    expect(interpolate(row(1, 2, 3), { size: [1, 6] }).toArray()).toEqual([[[[1, 1, 2, 2, 3, 3]]]]);
    expect(interpolate(row(1, 2, 3, 4), { size: [1, 3] }).toArray()).toEqual([[[[1, 2, 3]]]]);
  });
  it("bilinear at twice the size: ¾ and ¼, and the edge alone", () => {
    expect(interpolate(row(0, 4), { scaleFactor: [1, 2], mode: "bilinear" }).toArray()).toEqual([[[[0, 1, 3, 4]]]]);
  });
  it("alignCorners divides the way from corner to corner", () => {
    const options = { size: [1, 5], mode: "bilinear", alignCorners: true } as const;
    expect(interpolate(row(0, 4), options).toArray()).toEqual([[[[0, 1, 2, 3, 4]]]]);
  });
  it("a factor just above 2: ⌊i/2.05⌋, and the gradient goes back to these pixels", () => {
    const x = tensor([[[[1, 2, 3]]]], { requiresGrad: true });
    const y = interpolate(x, { scaleFactor: [1, 2.05] });
    expect(y.toArray()).toEqual([[[[1, 1, 1, 2, 2, 3]]]]);
    expect(
      backward(y, { gradient: ones(y.shape) })
        .get(x)
        .toArray(),
    ).toEqual([[[[3, 2, 1]]]]);
  });
  it("a pixel's gradient is the sum of the weights with which it was read", () => {
    const x = tensor([[[[1, 2, 3]]]], { requiresGrad: true });
    const y = interpolate(x, { size: [1, 6], mode: "bilinear" });
    expect(
      backward(y, { gradient: ones(y.shape) })
        .get(x)
        .toArray(),
    ).toEqual([[[[2, 2, 2]]]]);
  });
});

describe.each(["plain", "simd"] as const)("edges (%s)", (tier) => {
  const large = (value: number) => {
    const x = zeros([1, 1, 24, 32]);
    x.data[5 * 32 + 7] = value;
    x.changed();
    return x;
  };
  const marked = (value: number, options: InterpolateOptions): number => {
    const before = useKernels(tier);
    try {
      return Array.from(interpolate(large(value), options).data).filter((v) => !(v === 0 && !Object.is(v, -0))).length;
    } finally {
      useKernels(before);
    }
  };
  it("a special number stays in the pixels that read it: 2×2 copies, or 4×4 means", () => {
    for (const value of [Number.NaN, Infinity, -Infinity, -0]) {
      expect(marked(value, { scaleFactor: 2 }), `${value}`).toBe(4);
    }
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      expect(marked(value, { scaleFactor: 2, mode: "bilinear" }), `${value}`).toBe(16);
    }
  });
  it("a pixel of weight 0 is not read: PyTorch would make NaN of 0·∞", () => {
    expect(marked(Infinity, { size: [47, 63], mode: "bilinear", alignCorners: true })).toBe(9);
  });
  it("an empty batch stays empty", () => {
    const before = useKernels(tier);
    try {
      expect(interpolate(zeros([0, 3, 4, 4]), { scaleFactor: 2 }).shape).toEqual([0, 3, 8, 8]);
    } finally {
      useKernels(before);
    }
  });
});

describe("the SIMD kernel against the plain one", () => {
  const sizes: [number, number, number, number, number, number][] = [
    [3, 5, 28, 28, 56, 56],
    [2, 7, 7, 9, 21, 10],
    [1, 2, 70, 33, 31, 65],
    [1, 3, 67, 41, 134, 20],
    [2, 70, 3, 5, 8, 7],
    [1, 1, 30, 40, 1, 90],
  ];
  for (const [N, C, H, W, Ho, Wo] of sizes) {
    for (const how of [{ mode: "nearest" }, { mode: "bilinear" }, { mode: "bilinear", alignCorners: true }] as const) {
      it(`[${N},${C},${H},${W}] to ${Ho}×${Wo} ${Object.values(how).join(" ")}`, () => {
        const results = (["plain", "simd"] as const).map((tier) => {
          const before = useKernels(tier);
          try {
            const x = randn([N, C, H, W], new Rng(1), { requiresGrad: true });
            const y = interpolate(x, { size: [Ho, Wo], ...how });
            const gx = backward(y, { gradient: randn(y.shape, new Rng(2)) }).get(x);
            return [...y.data, ...gx.data];
          } finally {
            useKernels(before);
          }
        });
        // Sums of at most some hundred products about 1, where the image is reduced to one row.
        const apart = results[0].map((v, i) => Math.abs(results[1][i] - v) / Math.max(1, Math.abs(v)));
        expect(Math.max(...apart)).toBeLessThan(2e-5);
      });
    }
  }
});

goldenFamily("resize", {
  run: {
    interpolate: ({ attrs, input }) =>
      interpolate(input("x"), {
        ...(attrs["size"] ? { size: attrs["size"] } : { scaleFactor: attrs["scale_factor"] }),
        mode: attrs["mode"],
        ...(attrs["align_corners"] === null ? {} : { alignCorners: attrs["align_corners"] }),
      }),
  },
  skip: { conv_transpose2d: "in conv-transpose.test.ts" },
});

describe("errors", () => {
  const x = zeros([1, 2, 4, 5]);
  it.each<[string, () => unknown, new (message: string) => Error, string]>([
    ["neither size nor factor", () => interpolate(x, {}), UsageError, "must have either size or scaleFactor, got none"],
    ["both", () => interpolate(x, { size: 2, scaleFactor: 2 }), UsageError, "got both"],
    ["a size of 0", () => interpolate(x, { size: [0, 2] }), ValueError, "size must be"],
    ["a factor of 0", () => interpolate(x, { scaleFactor: 0 }), ValueError, "scaleFactor must be"],
    ["an infinite factor", () => interpolate(x, { scaleFactor: [2, Infinity] }), ValueError, "scaleFactor must be"],
    ["a factor that leaves nothing", () => interpolate(x, { scaleFactor: 0.2 }), ShapeError, "would make it 0×1"],
    [
      "alignCorners without bilinear",
      () => interpolate(x, { size: 2, alignCorners: false }),
      UsageError,
      "is for the mode",
    ],
    ["images without a batch", () => interpolate(zeros([2, 4, 5]), { size: 2 }), ShapeError, "must have rank 4"],
    ["an empty image", () => interpolate(zeros([1, 2, 0, 5]), { size: 2 }), ShapeError, "the image is empty"],
  ])("%s", (_, call, kind, message) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });
});
