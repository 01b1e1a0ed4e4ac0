import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { observeBlocks } from "../../src/flow/blocks.ts";
import { gradientThrough, recordChain } from "../../src/flow/chain.ts";
import { pathDistribution, pathGradients } from "../../src/flow/path-lengths.ts";
import { Linear, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scalingChain } from "./scaling-chain.ts";

describe("pathDistribution", () => {
  it("n = 4: 1 4 6 4 1 of 16", () => {
    const rows = pathDistribution(4);
    expect(rows.map(({ length, paths }) => [length, paths])).toEqual([
      [0, 1],
      [1, 4],
      [2, 6],
      [3, 4],
      [4, 1],
    ]);
    rows.forEach(({ paths, fraction }) => {
      expect(fraction).toBeCloseTo(paths / 16, 14);
    });
  });

  it("n = 54, as in the paper: more than 95 % of all paths pass 19 to 35 blocks, 0.45 % pass 5 to 17", () => {
    const rows = pathDistribution(54);
    const between = (low: number, high: number): number =>
      rows.slice(low, high + 1).reduce((total, { fraction }) => total + fraction, 0);
    expect(between(19, 35)).toBeGreaterThan(0.95);
    expect(between(5, 17)).toBeCloseTo(0.0045, 4);
  });

  it.each([0, 1, 30, 1001, 2500])("n = %i: the fractions add up to 1, and both ends are a single path", (n) => {
    const rows = pathDistribution(n);
    expect(rows).toHaveLength(n + 1);
    expect(rows.reduce((total, { fraction }) => total + fraction, 0)).toBeCloseTo(1, 10);
    expect([rows[0].paths, rows[n].paths]).toEqual([1, 1]);
  });

  it("n = 30: the counts follow Pascal's rule exactly", () => {
    const counts = (n: number): number[] => pathDistribution(n).map(({ paths }) => paths);
    const above = counts(29);
    expect(counts(30)).toEqual(Array.from({ length: 31 }, (_, k) => (above[k] ?? 0) + (above[k - 1] ?? 0)));
  });

  it("n must be a whole number", () => {
    expect(() => pathDistribution(2.5)).toThrow("pathDistribution: n must be a whole number of 0 or more, got 2.5");
  });
});

describe("pathGradients of blocks y = x + ax, for which a path of length k has the gradient aᵏ", () => {
  const model = scalingChain(5, 0.5);
  const loss = () => sum(model.forward(tensor([[1, 0]], { requiresGrad: true })));
  const rows = pathGradients(model, loss, { samples: 3 });

  it("has one row per length, with as many different paths as asked for, or as exist", () => {
    expect(rows.map(({ length, samples }) => [length, samples])).toEqual([
      [0, 1],
      [1, 3],
      [2, 3],
      [3, 3],
      [4, 3],
      [5, 1],
    ]);
  });

  it("‖g‖ = √2·0.5ᵏ, without spread", () => {
    for (const { length, gradient, spread } of rows) {
      expect(gradient).toBeCloseTo(Math.SQRT2 * 0.5 ** length, 12);
      expect(spread).toBeCloseTo(0, 12);
    }
  });

  it("contributions are fraction times gradient: C(5, k)/32·√2·0.5ᵏ, and the shares follow (1 + 0.5)⁵", () => {
    const binomial = [1, 5, 10, 10, 5, 1];
    for (const { length, contribution, share } of rows) {
      expect(contribution).toBeCloseTo((binomial[length] / 32) * Math.SQRT2 * 0.5 ** length, 12);
      expect(share).toBeCloseTo((binomial[length] * 0.5 ** length) / 1.5 ** 5, 12);
    }
  });

  it("lengths asked for only", () => {
    expect(pathGradients(model, loss, { lengths: [1, 4] }).map(({ length }) => length)).toEqual([1, 4]);
  });
});

describe("pathGradients of a real network", () => {
  const images = randn([2, 3, 8, 8], new Rng(1));
  const net = (options: object = {}) => cifarResNet(14, { width: 4, ...options, rng: new Rng(2) });
  const lossOf = (model: ReturnType<typeof net>) => () => crossEntropy(model.forward(images), [0, 1]);

  it.each(["pre", "post"] as const)("order %s: the gradients of all 2⁶ paths add up to the whole gradient", (order) => {
    const model = net({ order });
    const chain = recordChain("test", model, lossOf(model));
    const total = new Float64Array(chain.links[0].x.size);
    for (let bits = 0; bits < 64; bits++) {
      gradientThrough(chain, (l) => ((bits >> l) & 1) === 1).forEach((v, i) => {
        total[i] += v;
      });
    }
    const { value, calls } = observeBlocks(model, lossOf(model));
    const whole = backward(value, { keep: [calls[0].x] }).get(calls[0].x).data;
    const scale = Math.max(...whole.map(Math.abs));
    // 64 float32 sums of products through 13 layers.
    whole.forEach((v, i) => {
      expect(Math.abs(total[i] - v)).toBeLessThan(1e-5 * scale);
    });
  });

  it("zero branches: only the path of length 0 carries a gradient", () => {
    const model = net({ order: "pre", zeroInitLast: true });
    const rows = pathGradients(model, lossOf(model), { samples: 2 });
    expect(rows[0].gradient).toBeGreaterThan(0);
    expect(rows[0].share).toBe(1);
    expect(rows.slice(1).every(({ gradient, share }) => gradient === 0 && share === 0)).toBe(true);
  });

  it("is reproducible, and leaves parameters trainable and running statistics as they were", () => {
    const model = net();
    const before = JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)));
    const first = pathGradients(model, lossOf(model), { samples: 2, seed: 3 });
    expect(pathGradients(model, lossOf(model), { samples: 2, seed: 3 })).toEqual(first);
    expect(model.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
    expect(JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)))).toBe(before);
  });

  it("errors: a plain network, no blocks, a length that does not exist, blocks that are not a chain", () => {
    const plain = net({ shortcut: "none" });
    expect(() => pathGradients(plain, lossOf(plain))).toThrow(
      "pathGradients: layer1.0 has no shortcut: paths are counted in residual networks only",
    );
    const linear = new Sequential(new Linear(2, 2, { rng: new Rng(0) }));
    expect(() => pathGradients(linear, () => sum(linear.forward(tensor([[1, 2]]))))).toThrow(
      "pathGradients: Sequential has no residual blocks",
    );
    const model = net();
    expect(() => pathGradients(model, lossOf(model), { lengths: [7] })).toThrow(
      "pathGradients: length must be a whole number from 0 to 6, got 7",
    );
    expect(() => pathGradients(model, lossOf(model), { samples: 0 })).toThrow(
      "samples must be a whole number of 1 or more",
    );
    const two = scalingChain(2, 0.5);
    const [a, b] = two.layers;
    const x = tensor([[1, 2]], { requiresGrad: true });
    expect(() => pathGradients(two, () => sum(mul(add(a.forward(x), b.forward(x)), 2)))).toThrow(
      "1 was not computed from 0: the blocks are not a chain",
    );
  });
});
