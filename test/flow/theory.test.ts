/**
 * What a certificate implies and what it does not: the sentences of docs/theory.md, each with a network. Those on paths and on
 * correlation are in theory-paths.test.ts, those on linear networks in theory-near-identity.test.ts.
 */
import { describe, expect, it } from "vitest";
import { jacobian } from "../../src/flow/jacobian.ts";
import { norm } from "../../src/flow/measure.ts";
import { singularBounds } from "../../src/flow/singular-bounds.ts";
import { singularValues } from "../../src/flow/singular-values.ts";
import * as S from "../../src/index.ts";
import { Block, doubled, expectClose, inFloat64 } from "./theory-fixture.ts";

const { add, mul, Rng, relu, Sequential } = S;
type Tensor = S.Tensor;

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

  it("λ ≠ 1 on every shortcut leaves λ^L of W: at λ = 0.5 and 54 blocks 5.6·10⁻¹⁷", () => {
    const net = S.cifarResNet(110, { width: 2, order: "pre", shortcut: "scale", shortcutScale: 0.5, rng: new Rng(0) });
    const { whole } = S.certify(net.eval(), S.randn([1, 3, 4, 4], new Rng(1)));
    expect(whole.factor).toBe(0.5 ** 54);
    expect(whole.factor).toBeCloseTo(5.6e-17, 18);
  });
});

describe("the summand", () => {
  /** Inputs of all blocks, x₀ … x_L, and Σ F(xₗ). */
  const run = (blocks: readonly Block[], x: Tensor): { xs: Tensor[]; branches: Tensor } => {
    const xs = [x];
    let branches = mul(x, 0);
    for (const block of blocks) {
      branches = add(branches, block.branch(xs.at(-1)!));
      xs.push(block.forward(xs.at(-1)!));
    }
    return { xs, branches };
  };

  it("∂L/∂x₀ = ∂L/∂x_L·(1 + ∂/∂x₀ Σ F), He et al. 2016, eq. 5: in every entry, for 10 networks", () => {
    for (let seed = 0; seed < 10; seed++) {
      const rng = new Rng(seed);
      const blocks = Array.from({ length: 1 + rng.integer(5) }, () => doubled(new Block(4, 1, rng)));
      const x = inFloat64(S.randn([1, 4], rng), true);
      const target = inFloat64(S.randn([1, 4], rng));
      const { values } = jacobian((t) => run(blocks, t).branches, x);
      // The branches do something.
      expect(norm(values)).toBeGreaterThan(0.1);
      const y = run(blocks, x).xs.at(-1)!;
      const grads = S.backward(S.sum(S.pow(S.sub(y, target), 2)), { keep: [y] });
      const g = grads.get(y).data;
      expectClose(
        grads.get(x).data,
        g.map((v, j) => v + g.reduce((sum, gi, i) => sum + gi * values[i * 4 + j], 0)),
      );
    }
  });

  it("… and for one block ∂L/∂x = ∂L/∂y + J_Fᵀ ∂L/∂y: J = I + J_F", () => {
    const block = doubled(new Block(5, 1, new Rng(0)));
    const x = inFloat64(S.randn([1, 5], new Rng(1)));
    const branch = jacobian((t) => block.branch(t), x).values;
    expectClose(
      jacobian((t) => block.forward(t), x).values,
      branch.map((v, k) => v + (k % 6 === 0 ? 1 : 0)),
    );
  });

  it("no choice of weights makes the 1 vanish: of 50 draws of weights, zeros and huge ones too", () => {
    for (let seed = 0; seed < 50; seed++) {
      const block = new Block(4, [0, 1e-6, 1, 1e3, 1e6][seed % 5], new Rng(seed));
      const [{ verdict, gain, factor }] = S.certify(block, S.randn([2, 4], new Rng(seed + 100))).blocks;
      expect([verdict, gain, factor]).toEqual(["identity", 1, 1]);
    }
  });
});

/** y = m·x for a fixed mask: a block whose branch sends nothing, and whose shortcut is open where m is 1. */
class Masked extends Block {
  readonly #mask: Tensor;

  constructor(size: number, open: number, rng: S.Rng) {
    super(1, 0, rng);
    this.#mask = S.tensor(
      Float32Array.from({ length: size }, () => (rng.uniform() < open ? 1 : 0)),
      [1, size],
    );
  }

  override forward(x: Tensor): Tensor {
    return mul(x, this.#mask);
  }
}

describe("a ReLU after the addition makes W a mask", () => {
  it.each([
    [0.5, 1],
    [0.5, 2],
    [0.5, 3],
    [0.5, 5],
    [0.8, 4],
    [0.8, 8],
  ])("of independent masks, open with p = %d, L = %d leave p^L, and E‖Wᵀg‖² = p^L·‖g‖²", (p, depth) => {
    const [n, seeds] = [8192, 8];
    let [open, squares] = [0, 0];
    for (let seed = 0; seed < seeds; seed++) {
      const rng = new Rng(seed);
      const model = new Sequential(...Array.from({ length: depth }, () => new Masked(n, p, rng)));
      const { whole } = S.certify(model, S.randn([1, n], rng), { seed });
      // The masks are the same at every input.
      expect(whole.verdict).toBe("selection");
      open += whole.open! / seeds;
      squares += whole.gain ** 2 / seeds;
    }
    const share = p ** depth;
    // Entries that arrive are binomial, of n·seeds with probability share: the share's variance is share·(1 − share)/(n·seeds).
    // In ‖Wᵀg‖²/‖g‖² each entry has the weight g²/Σg², and Σg⁴/(Σg²)² is 3/n for normal g: three times that variance. Four
    // standard deviations, of which one in 16,000 has more.
    const deviation = Math.sqrt((share * (1 - share)) / (n * seeds));
    expect(Math.abs(open - share)).toBeLessThan(4 * deviation);
    expect(Math.abs(squares - share)).toBeLessThan(4 * Math.sqrt(3) * deviation);
    // A mask more or less would be seen.
    expect(8 * Math.sqrt(3) * deviation).toBeLessThan(share * Math.min(1 - p, 1 / p - 1));
  });

  it("… at p = ½ nothing after 50 blocks", () => {
    const rng = new Rng(0);
    const model = new Sequential(...Array.from({ length: 50 }, () => new Masked(4096, 0.5, rng)));
    expect(S.certify(model, S.randn([1, 4096], rng)).whole.arriving).toBe(0);
  });

  const relus = (depth: number, scale: number): S.Sequential =>
    new Sequential(...Array.from({ length: depth }, (_, i) => new Block(64, scale, new Rng(i), relu)));

  it("… but a ReLU's masks are no independent ones: what has passed the first passes all others of zero branches", () => {
    const x = S.randn([16, 64], new Rng(1));
    const [one, eight] = [1, 8].map((depth) => S.certify(relus(depth, 0), x).whole);
    expect(one.verdict).toBe("mask");
    expect(eight.arriving).toBe(one.arriving);
    expect(eight.gain).toBe(one.gain);
    // Half of 1024 normal numbers are positive, within four standard deviations of ½·√(1/1024).
    expect(Math.abs(one.open! - 0.5)).toBeLessThan(4 / (2 * 32));
  });

  it("… and the share falls as branches grow", () => {
    const x = S.randn([16, 64], new Rng(1));
    const shares = [0, 0.3, 1, 3].map((scale) => S.certify(relus(8, scale), x).whole.open!);
    for (let i = 1; i < 4; i++) expect(shares[i]).toBeLessThan(shares[i - 1]);
    expect(shares[3]).toBeLessThan(0.1);
  });
});
