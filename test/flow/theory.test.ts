/** What a certificate implies and what it does not: the sentences of docs/theory.md, each with a network. */
import { describe, expect, it } from "vitest";
import { jacobian } from "../../src/flow/jacobian.ts";
import { singularBounds } from "../../src/flow/singular-bounds.ts";
import { singularValues } from "../../src/flow/singular-values.ts";
import * as S from "../../src/index.ts";

const { add, linear, Module, mul, Rng, relu, Sequential } = S;
type Tensor = S.Tensor;

/** y = after(x + scale·w₂ relu(w₁ x)), a block without norms. */
class Block extends Module {
  readonly shortcut = "identity";
  readonly order = "pre";
  readonly w1: Tensor;
  readonly w2: Tensor;
  readonly #after: (t: Tensor) => Tensor;

  constructor(width: number, scale: number, rng: S.Rng, after: (t: Tensor) => Tensor = (t) => t) {
    super();
    this.w1 = S.parameter(mul(S.randn([width, width], rng), scale / Math.sqrt(width)));
    this.w2 = S.parameter(mul(S.randn([width, width], rng), 1 / Math.sqrt(width)));
    this.#after = after;
  }

  branch(x: Tensor): Tensor {
    return linear(relu(linear(x, this.w1)), this.w2);
  }

  skip(x: Tensor): Tensor {
    return x;
  }

  zeroInitLast(): void {}

  forward(x: Tensor): Tensor {
    return this.#after(add(x, this.branch(x)));
  }
}

/** A branch that is −x for the weights it has: a certificate, and no gradient. */
class Undone extends Block {
  readonly w: Tensor = S.parameter(S.tensor([-1]));

  override branch(x: Tensor): Tensor {
    return mul(x, this.w);
  }
}

const spectrum = (f: (x: Tensor) => Tensor, x: Tensor): Float64Array => singularValues(jacobian(f, x));

describe.each(["plain", "simd"] as const)("%s", (tier) => {
  it("every singular value of every block, and of the whole way, is within its bounds: 40 networks", () => {
    const before = S.useKernels(tier);
    try {
      for (let seed = 0; seed < 40; seed++) {
        const rng = new Rng(seed);
        const width = 2 + rng.integer(6);
        const scale = [0, 0.05, 0.3, 1][rng.integer(4)];
        const blocks = Array.from({ length: 1 + rng.integer(4) }, () => new Block(width, scale, rng));
        const model = new Sequential(...blocks);
        const x = S.randn([1, width], rng);
        const rows = singularBounds(model, x);
        let input = x;
        blocks.forEach((block, i) => {
          const { low, high, verdict } = rows[i];
          expect(verdict).toBe("identity");
          const values = spectrum((t) => block.forward(t), input);
          expect(values[0], `seed ${seed}`).toBeLessThanOrEqual(high!);
          expect(values.at(-1)!, `seed ${seed}`).toBeGreaterThanOrEqual(low!);
          // Not vacuous: the largest singular value of R is one of J − I.
          if (scale === 0) expect(high! - low!).toBeLessThan(1e-3);
          input = S.noGrad(() => block.forward(input));
        });
        const whole = rows.at(-1)!;
        const values = spectrum((t) => model.forward(t), x);
        expect(values[0]).toBeLessThanOrEqual(whole.high!);
        expect(values.at(-1)!).toBeGreaterThanOrEqual(whole.low!);
      }
    } finally {
      S.useKernels(before);
    }
  });
});

describe("singularBounds", () => {
  it("of batch-normalised blocks of images, and null where W is no multiple of the identity", () => {
    const model = S.cifarResNet(8, { width: 2, order: "pre", rng: new Rng(1) }).eval();
    const image = S.randn([1, 3, 6, 6], new Rng(2));
    const rows = singularBounds(model, image);
    expect(rows.map(({ block, verdict, low }) => [block, verdict, low === null])).toEqual([
      ["layer1.0", "identity", false],
      ["layer2.0", "selection", true],
      ["layer3.0", "selection", true],
      ["", "selection", true],
    ]);
    const spectra = S.blockSpectra(model, image, { blocks: ["layer1.0"] }).filter(({ part }) => part === "block");
    for (const { singularValue } of spectra) {
      expect(singularValue).toBeLessThanOrEqual(rows[0].high!);
      expect(singularValue).toBeGreaterThanOrEqual(rows[0].low!);
    }
  });

  it("a scale moves the interval", () => {
    const options = { shortcut: "scale", shortcutScale: 0.5, order: "pre", start: "zeroInitLast" } as const;
    const block = new S.BasicBlock(2, 2, { ...options, rng: new Rng(0) }).eval();
    const [{ low, high, branchNorm }] = singularBounds(block, S.randn([1, 2, 3, 3], new Rng(1)));
    expect(branchNorm).toBeCloseTo(0, 12);
    expect(low).toBeCloseTo(0.5, 3);
    expect(high).toBeCloseTo(0.5, 3);
  });
});

describe("what the certificate does not say", () => {
  it("a certified block may pass nothing: with w = −1 the branch takes it all back", () => {
    const block = new Undone(3, 0, new Rng(0));
    const x = S.randn([1, 3], new Rng(1));
    expect(S.certify(block, x).holds).toBe(true);
    expect([...spectrum((t) => block.forward(t), x)]).toEqual([0, 0, 0]);
    expect(singularBounds(block, x)[0].low).toBe(0);
  });

  it("λ ≠ 1 on every shortcut leaves λ^L of W", () => {
    const net = S.cifarResNet(20, { width: 2, order: "pre", shortcut: "scale", shortcutScale: 0.5, rng: new Rng(0) });
    expect(S.certify(net, S.randn([1, 3, 8, 8], new Rng(1))).whole.factor).toBe(0.5 ** 9);
  });

  it("a ReLU after the addition makes W a mask: of independent masks that are half open, L leave 2^−L", () => {
    const dropping = (depth: number): number => {
      const rng = new Rng(3);
      const blocks = Array.from({ length: depth }, () => new Block(1, 0, rng, (t) => S.dropout(t, 0.5, { rng })));
      for (const block of blocks) block.branch = (x) => mul(x, 0);
      return S.certify(new Sequential(...blocks), S.randn([1, 4096], new Rng(1))).whole.open!;
    };
    for (const depth of [1, 2, 3, 4]) expect(dropping(depth) / 0.5 ** depth).toBeCloseTo(1, 0);
  });

  it("… but a ReLU's masks are no independent ones: what passed the first is positive, and passes all others of zero branches", () => {
    const blocks = Array.from({ length: 8 }, () => new Block(64, 0, new Rng(0), relu));
    const { whole } = S.certify(new Sequential(...blocks), S.randn([4, 64], new Rng(1)));
    expect(whole.verdict).toBe("mask");
    expect(whole.open).toBeGreaterThan(0.4);
    expect(whole.open).toBeLessThan(0.6);
  });

  it("W is one of the 2ⁿ paths", () => {
    const model = S.cifarResNet(14, { width: 2, order: "pre", rng: new Rng(0) });
    const x = S.randn([1, 3, 8, 8], new Rng(1));
    expect(S.certify(model, x).whole.ways).toBe(1);
    const rows = S.pathDistribution(6);
    expect(rows[0]).toMatchObject({ length: 0 });
  });

  it("W carries ∂L/∂y itself: what it was correlated with before, it is after", () => {
    const blocks = Array.from({ length: 10 }, () => new Block(8, 0, new Rng(0)));
    const model = new Sequential(...blocks);
    const gradient = S.randn([1, 8], new Rng(5));
    const x = S.randn([1, 8], new Rng(1), { requiresGrad: true });
    expect([...S.backward(model.forward(x), { gradient }).get(x).data]).toEqual([...gradient.data]);
  });

  it("near the identity a linear residual network has no critical point but where it is right", () => {
    // Hardt & Ma 2017, Theorem 2.2: where every ‖Aᵢ‖ ≤ τ < 1, a critical point is a global minimum. So far from one: not zero.
    const layers = Array.from({ length: 3 }, (_, i) => S.parameter(mul(S.randn([4, 4], new Rng(i)), 0.1)));
    const target = S.randn([4, 4], new Rng(9));
    const inputs = S.eye(4);
    const loss = (): Tensor => {
      const y = layers.reduce((h, a) => add(h, linear(h, a)), inputs);
      return S.sum(S.pow(S.sub(y, linear(inputs, target)), 2));
    };
    for (const a of layers) expect(spectrum((t) => linear(t, a), S.zeros([1, 4]))[0]).toBeLessThan(1);
    const { value, grads } = S.valueAndGrad(loss);
    expect(value.item()).toBeGreaterThan(1);
    for (const a of layers) expect(S.sum(S.pow(grads.get(a), 2)).item()).toBeGreaterThan(1);
  });
});
