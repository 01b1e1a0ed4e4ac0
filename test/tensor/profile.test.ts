/** `profile`: which kernel computed, in which tier, by which algorithm, and why not the SIMD tier. */
import { afterEach, describe, expect, it } from "vitest";
import * as S from "../../src/index.ts";

const { profile, randn, Rng } = S;
const before = S.useKernels("auto");
afterEach(() => {
  S.useKernels(before);
});

const row = (rows: readonly S.KernelRow[], kernel: string): S.KernelRow => {
  const found = rows.find((r) => r.kernel === kernel);
  if (!found) throw new Error(`no ${kernel} among ${rows.map((r) => r.kernel)}`);
  return found;
};

describe("in the SIMD tier", () => {
  it("names tier, algorithm and shapes of a convolution and its gradients", () => {
    S.useKernels("simd");
    const x = randn([4, 16, 16, 16], new Rng(0), { requiresGrad: true });
    const w = randn([16, 16, 3, 3], new Rng(1), { requiresGrad: true });
    for (const algorithm of ["winograd2", "winograd4", "im2col", "direct"] as const) {
      const { value, rows } = profile(() => S.backward(S.sum(S.conv2d(x, w, null, { padding: 1, algorithm }))));
      expect(value.has(w)).toBe(true);
      for (const kernel of ["conv2d", "conv2dInputGradient", "conv2dWeightGradient"]) {
        const { tier, calls, shapes, why } = row(rows, kernel);
        expect([kernel, tier, row(rows, kernel).algorithm, calls, shapes, why]).toEqual([
          kernel,
          "simd",
          algorithm,
          1,
          "x[4,16,16,16] w[16,16,3,3]",
          null,
        ]);
      }
    }
  });

  it.each<[why: string, kernel: string, fn: () => unknown]>([
    ["small", "unary relu", () => S.relu(randn([10], new Rng(0)))],
    ["not covered", "unary gelu", () => S.gelu(randn([4096], new Rng(0)))],
    ["not covered", "labelMass", () => S.crossEntropy(randn([4, 10], new Rng(0)), [1, 2, 3, 4])],
    ["float64", "unary relu", () => S.gradcheck((x) => S.relu(x), [S.ones([4096 / 256])])],
  ])("says why the plain tier computed: %s (%s)", (why, kernel, fn) => {
    S.useKernels("simd");
    const { rows } = profile(fn as () => object);
    expect(row(rows, kernel)).toMatchObject({ tier: "plain", algorithm: null, why });
  });

  it("lists the arrays of records, too: what a norm knows of each channel", () => {
    S.useKernels("simd");
    const { rows } = profile(() =>
      S.batchNorm(randn([2, 8, 16, 16], new Rng(0)), S.ones([8]), null, { training: true }),
    );
    expect(row(rows, "normalize").shapes).toBe("4096 8 8 8 4096"); // x, mean, rstd, weight, y
  });

  it("counts calls that are alike as one row, the longest first, and adds up their times", () => {
    S.useKernels("simd");
    const x = randn([64, 1024], new Rng(0));
    const { rows } = profile(() => {
      for (let i = 0; i < 5; i++) S.relu(x);
    });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ kernel: "unary relu", tier: "simd", calls: 5, shapes: "65536 65536" });
    const model = S.cifarResNet(8, { width: 4, rng: new Rng(0) });
    const all = profile(() => S.noGrad(() => model.forward(randn([1, 3, 16, 16], new Rng(1))))).rows;
    const times = all.map(({ milliseconds }) => milliseconds);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(all.filter(({ kernel }) => kernel === "conv2d").reduce((sum, { calls }) => sum + calls, 0)).toBe(7);
  });
});

it("in the plain tier every row is plain, without a reason", () => {
  S.useKernels("plain");
  const { rows } = profile(() => S.relu(randn([4096], new Rng(0))));
  expect(row(rows, "unary relu")).toMatchObject({ tier: "plain", algorithm: null, why: null });
});

it("changes nothing: the same bits, the same kernels afterwards, also after an error", () => {
  const x = randn([2, 3, 16, 16], new Rng(0));
  const model = S.cifarResNet(8, { width: 4, rng: new Rng(0) });
  const step = (): number => S.valueAndGrad(() => S.crossEntropy(model.forward(x), [0, 1])).value.item();
  const alone = step();
  const before = S.tierInUse();
  expect(profile(step).value).toBe(alone);
  expect(S.tierInUse()).toBe(before);
  expect(() =>
    profile(() => {
      throw new Error("mine");
    }),
  ).toThrow("mine");
  expect(S.tierInUse()).toBe(before);
  expect(() => profile((async () => step()) as unknown as () => number)).toThrow(/^profile: fn/);
});

it("formatProfile makes a table", () => {
  S.useKernels("simd");
  const text = S.formatProfile([
    {
      kernel: "conv2d",
      shapes: "x[1,2,3,4] w[5,2,3,3]",
      tier: "simd",
      algorithm: "im2col",
      why: null,
      calls: 2,
      milliseconds: 3,
    },
    {
      kernel: "unary gelu",
      shapes: "8 8",
      tier: "plain",
      algorithm: null,
      why: "not covered",
      calls: 1,
      milliseconds: 1,
    },
  ]);
  expect(text.split("\n")).toEqual([
    "  ms   %  calls  kernel      tier   algorithm  shapes",
    "3.00  75      2  conv2d      simd   im2col     x[1,2,3,4] w[5,2,3,3]",
    "1.00  25      1  unary gelu  plain             8 8                    not covered",
  ]);
});
