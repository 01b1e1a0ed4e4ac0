/** What W is among all paths, and what it does for correlation: two sections of docs/theory.md, each sentence with a network. */
import { describe, expect, it } from "vitest";
import { gradientThrough, recordChain } from "../../src/flow/chain.ts";
import { jacobian } from "../../src/flow/jacobian.ts";
import { cosine, norm } from "../../src/flow/measure.ts";
import * as S from "../../src/index.ts";
import { owned, peek } from "../../src/tensor/tensor.ts";
import { scalingChain } from "./scaling-chain.ts";
import { Block, doubled, expectClose, inFloat64 } from "./theory-fixture.ts";

const { add, mul, Rng, relu, Sequential } = S;
type Tensor = S.Tensor;

describe("one path of 2ⁿ", () => {
  it("(I + Rₙ)…(I + R₁) is the sum of 2ⁿ products, of which W is the one without a factor; C(n, k) have k", () => {
    const [n, width] = [6, 4];
    const rng = new Rng(2);
    const blocks = Array.from({ length: n }, () => doubled(new Block(width, 1, rng)));
    const x = inFloat64(S.randn([1, width], rng));
    const branches: Float64Array[] = [];
    let input = x;
    for (const block of blocks) {
      branches.push(Float64Array.from(jacobian((t) => block.branch(t), input).values));
      input = inFloat64(S.noGrad(() => block.forward(input)));
    }
    const identity = peek(inFloat64(S.eye(width))) as Float64Array;
    const counts = new Array<number>(n + 1).fill(0);
    const total = new Float64Array(width * width);
    for (let path = 0; path < 2 ** n; path++) {
      const passed = branches.filter((_, l) => (path >> l) & 1);
      const product = passed.reduce((p, r) => times(r, p, width), identity);
      counts[passed.length]++;
      product.forEach((v, k) => {
        total[k] += v;
      });
    }
    const whole = jacobian((t) => blocks.reduce((y, block) => block.forward(y), t), x).values;
    expectClose(total, whole);
    // The other 63 are no small part of it.
    expect(norm(total.map((v, k) => v - identity[k]))).toBeGreaterThan(1);
    expect(counts).toEqual([1, 6, 15, 20, 15, 6, 1]);
    expect(S.pathDistribution(n).map(({ paths }) => paths)).toEqual(counts);
    expect(
      S.pathDistribution(n)
        .map(({ fraction }) => fraction * 2 ** n)
        .map(Math.round),
    ).toEqual(counts);
    const { whole: certified } = S.certify(
      new Sequential(...blocks.map((_, i) => new Block(width, 1, new Rng(i)))),
      S.randn([1, width], rng),
    );
    expect([certified.ways, certified.verdict]).toEqual([1, "identity"]);
  });

  it.each([1, 3, 10])("the graph of n = %d blocks has 2ⁿ ways where branches are weightless too", (n) => {
    const { whole } = S.certify(scalingChain(n, 1), S.randn([1, 4], new Rng(0)));
    expect([whole.ways, whole.factor]).toEqual([2 ** n, 2 ** n]);
  });

  it("with branches λx the 2ⁿ paths are (1 + λ)ⁿ, whose digits to the base 1/λ are how many have each length", () => {
    const [n, base] = [6, 64];
    const [derivative] = jacobian((t) => scalingChain(n, 1 / base).forward(t), inFloat64(S.ones([1]))).values;
    let digits = derivative * base ** n;
    const counts = Array.from({ length: n + 1 }, () => {
      const digit = digits % base;
      digits = (digits - digit) / base;
      return digit;
    });
    expect(counts).toEqual(S.pathDistribution(n).map(({ paths }) => paths));
  });

  it("lengths are binomial: Pascal's triangle, mean n/2 and variance n/4, up to n = 60", () => {
    let row = [1];
    for (let n = 0; n <= 60; n++) {
      const distribution = S.pathDistribution(n);
      distribution.forEach(({ paths, fraction }, k) => {
        // Up to C(60, 30) = 1.2e17 the counts are beyond 2⁵³ in the end, and each is rounded.
        expect(Math.abs(paths / row[k] - 1)).toBeLessThan(1e-14);
        expect(Math.abs(fraction / (row[k] / 2 ** n) - 1)).toBeLessThan(1e-12);
      });
      const mean = distribution.reduce((sum, { length, fraction }) => sum + length * fraction, 0);
      const variance = distribution.reduce((sum, { length, fraction }) => sum + (length - n / 2) ** 2 * fraction, 0);
      expect(mean).toBeCloseTo(n / 2, 10);
      expect(variance).toBeCloseTo(n / 4, 10);
      row = [1, ...row.slice(1).map((v, k) => v + row[k]), 1];
    }
  });
});

/** a·b, both width × width. */
function times(a: Float64Array, b: Float64Array, width: number): Float64Array {
  return a.map((_, k) => {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += a[k - (k % width) + j] * b[j * width + (k % width)];
    return sum;
  });
}

describe("correlation", () => {
  const width = 32;
  const layer = (inputs: number, rng: S.Rng): S.Linear => {
    const made = new S.Linear(inputs, width, { rng, init: S.init.kaimingNormal });
    S.init.normal(made.bias!, rng, { std: 0.1 });
    return made;
  };

  /** y = x + 0.1·relu(Wx + b). */
  class Residual extends Block {
    readonly inner: S.Linear;

    constructor(rng: S.Rng) {
      super(1, 0, rng);
      this.inner = layer(width, rng);
    }

    override branch(x: Tensor): Tensor {
      return mul(relu(this.inner.forward(x)), 0.1);
    }
  }

  const seeds = Array.from({ length: 8 }, (_, seed) => seed);
  /** ⟨g, g′⟩/(‖g‖·‖g′‖) of ∂f/∂x at neighbouring inputs, the mean of 16 pairs, for each seed. */
  const correlations = (depth: number, residual: boolean): number[] =>
    seeds.map((seed) => {
      const rng = new Rng(seed);
      const layers = Array.from({ length: depth }, () =>
        residual ? [new Residual(rng)] : [layer(width, rng), new S.ReLU()],
      );
      const net = new Sequential(...layers.flat());
      const [x, step, u] = [S.randn([16, width], rng), S.randn([16, width], rng), S.randn([width], rng)];
      const [g, near] = [x, add(x, mul(step, 0.5))].map((at) => {
        const leaf = owned(Float32Array.from(at.data), at.shape, true);
        return S.backward(S.sum(mul(net.forward(leaf), u))).get(leaf).data;
      });
      const row = (values: Float32Array, i: number): Float32Array => values.slice(i * width, (i + 1) * width);
      return mean(Array.from({ length: 16 }, (_, i) => cosine(row(g, i), row(near, i))));
    });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

  it("gradients of neighbouring inputs: less and less alike in deeper plain networks, alike in residual ones, of 8 seeds each", () => {
    const depths = [1, 4, 16, 64];
    const plain = depths.map((depth) => correlations(depth, false));
    const residual = depths.map((depth) => correlations(depth, true));
    // Each four times as deep, and less alike: 0.87, 0.57, 0.31, 0.07.
    for (let i = 1; i < 4; i++) expect(mean(plain[i])).toBeLessThan(mean(plain[i - 1]) - 0.15);
    expect(Math.abs(mean(plain[3]))).toBeLessThan(0.15);
    for (const seed of seeds) {
      for (let i = 0; i < 4; i++) expect(residual[i][seed]).toBeGreaterThan(plain[i][seed]);
      expect(residual[3][seed]).toBeGreaterThan(0.9);
    }
  });

  it.each([
    ["plain", 0.5],
    ["residual", 0.75],
  ] as const)("independent halves of the units: %s layers leave %d of the correlation each", (kind, left) => {
    // ∂f/∂x where each layer is m∘Wx, or x + m∘Wx, Var W = 2/width. Two inputs have the same W, and masks m of their own: a unit
    // is open at one of them with probability ½, at both with ¼. A layer multiplies E‖g‖² by ½·2 and E⟨g, g′⟩ by ¼·2, and
    // the shortcut adds 1 to both: ½/1 and (3/2)/2.
    for (const depth of [1, 3]) {
      const samples = Array.from({ length: 1600 }, (_, seed) => {
        const rng = new Rng(seed);
        const weights = Array.from({ length: depth }, () => mul(S.randn([width, width], rng), Math.sqrt(2 / width)));
        const u = S.randn([1, width], rng);
        const [g, other] = [0, 1].map(() => {
          const x = S.zeros([1, width], { requiresGrad: true });
          const y = weights.reduce((h, w) => {
            const mask = S.tensor(Float32Array.from({ length: width }, () => rng.integer(2)));
            const branch = mul(S.linear(h, w), mask);
            return kind === "plain" ? branch : add(h, branch);
          }, x);
          return S.backward(S.sum(mul(y, u))).get(x).data;
        });
        const dot = g.reduce((sum, v, i) => sum + v * other[i], 0);
        return { dot, square: (norm(g) ** 2 + norm(other) ** 2) / 2 };
      });
      // The mean of ⟨g, g′⟩ − leftᴸ·‖g‖² is 0, within four standard deviations of such a mean.
      const apart = samples.map(({ dot, square }) => dot - left ** depth * square);
      const deviation = Math.sqrt(mean(apart.map((v) => v * v)) / apart.length);
      expect(Math.abs(mean(apart)), `depth ${depth}`).toBeLessThan(4 * deviation);
      // One layer more or less would be seen.
      const size = mean(samples.map(({ square }) => square));
      expect(8 * deviation).toBeLessThan(left ** depth * (1 - left) * size);
    }
  });

  it("where the branches send nothing, ∂L/∂x is ∂L/∂y bit for bit", () => {
    const model = new Sequential(...Array.from({ length: 10 }, () => new Block(8, 0, new Rng(0))));
    const gradient = S.randn([1, 8], new Rng(5));
    const x = S.randn([1, 8], new Rng(1), { requiresGrad: true });
    expect([...S.backward(model.forward(x), { gradient }).get(x).data]).toEqual([...gradient.data]);
  });

  it("what W carries of two gradients is correlated as they were, bit for bit; what R carries is not", () => {
    for (const seed of seeds) {
      const rng = new Rng(seed);
      const blocks = Array.from({ length: 20 }, () => new Residual(rng));
      const model = new Sequential(...blocks);
      const weight = S.randn([1, width], rng);
      // One network and one loss at two inputs near each other: the upstream gradients are 2·y·w and 2·y′·w.
      const x = S.randn([1, width], rng, { requiresGrad: true });
      const near = add(x, mul(S.randn([1, width], rng), 0.5));
      const chains = [x, near].map((t) =>
        recordChain("test", model, () => S.sum(mul(S.pow(model.forward(t), 2), weight))),
      );
      const before = chains.map(({ upstream }) => upstream);
      const carried = chains.map((chain) => gradientThrough(chain, () => false));
      carried.forEach((g, i) => {
        expect([...g]).toEqual([...before[i]]);
      });
      expect(cosine(carried[0], carried[1])).toBe(cosine(before[0], before[1]));
      expect(cosine(before[0], before[1])).toBeLessThan(0.999);
      const others = chains.map((chain) => gradientThrough(chain, (l) => l % 10 === 0));
      expect(cosine(others[0], others[1])).not.toBe(cosine(before[0], before[1]));
    }
  });
});
