/**
 * Random blocks that are made to fool a certificate, against W by its definition (dense-oracle.ts). 5,000 networks were tried by
 * hand on each tier: SKIPSTONE_ADVERSARIAL=5000.
 */
import { describe, expect, it } from "vitest";
import { recordRun } from "../../src/flow/run.ts";
import * as S from "../../src/index.ts";
import { denseW, judge } from "./dense-oracle.ts";

const NETWORKS = Number(process.env["SKIPSTONE_ADVERSARIAL"] ?? 150);
const { add, mul, Rng, sub } = S;
type Rng = S.Rng;
type Tensor = S.Tensor;
const SHAPE = [2, 4, 3] as const;

/** A function of tensors of one shape; `earlier` is what the network was given. */
type Compute = (x: Tensor, earlier: Tensor) => Tensor;

class Adversary extends S.Module {
  readonly shortcut = "identity";
  readonly order = "pre";
  readonly parameters_: Tensor[] = [];
  readonly #compute: Compute;
  #earlier: Tensor | null = null;

  constructor(rng: Rng, depth: number) {
    super();
    this.#compute = this.#expression(rng, depth);
    if (rng.uniform() < 0.15) S.freeze(this);
  }

  branch(x: Tensor): Tensor {
    return x;
  }

  skip(x: Tensor): Tensor {
    return x;
  }

  zeroInitLast(): void {}

  see(earlier: Tensor): void {
    this.#earlier = earlier;
  }

  forward(x: Tensor): Tensor {
    return this.#compute(x, this.#earlier ?? x);
  }

  /** A parameter: random, zero or one, hidden behind operations without weights. */
  #parameter(rng: Rng, shape: readonly number[]): () => Tensor {
    const value = [0, 1, null][rng.integer(3)];
    const t = S.parameter(value === null ? S.randn(shape, rng) : S.mul(S.ones(shape), value));
    this.parameters_.push(t);
    const hide = rng.integer(4);
    return () => {
      if (hide === 0) return S.expand(S.reshape(t, shape), shape);
      if (hide === 1) return sub(mul(t, 2), t);
      if (hide === 2) return S.neg(S.neg(t));
      return t;
    };
  }

  #expression(rng: Rng, depth: number): Compute {
    if (depth === 0) return rng.uniform() < 0.85 ? (x) => x : (_, earlier) => earlier;
    const a = this.#expression(rng, depth - 1);
    const kind = rng.integer(8 + 20);
    if (kind < 8) {
      const b = rng.uniform() < 0.3 ? a : this.#expression(rng, depth - 1);
      // Shared: the same tensor twice, and not the same computation.
      const both = (x: Tensor, e: Tensor): [Tensor, Tensor] => ((p) => [p, a === b ? p : b(x, e)])(a(x, e));
      if (kind < 4) return (x, e) => add(...both(x, e));
      if (kind < 6) return (x, e) => sub(...both(x, e));
      if (kind === 6) return (x, e) => mul(...both(x, e));
      return (x, e) => S.maximum(...both(x, e));
    }
    const constant = [0, 1, -1, 0.5, 2, 0.999][rng.integer(6)];
    const order = [...rng.permutation(4)];
    const repeated = Array.from({ length: 4 }, () => rng.integer(4));
    const [from, to] = [rng.integer(3), 2 + rng.integer(3)];
    const weights = this.#parameter(rng, [3, 3]);
    const gate = this.#parameter(rng, [1]);
    const norm = this.#parameter(rng, [4]);
    const fixed = rng.uniform() < 0.5 ? S.ones(SHAPE) : S.randn(SHAPE, rng);
    const draw = new Rng(rng.integer(1000));
    const inner: Compute = (x) =>
      [
        (): Tensor => mul(x, constant),
        (): Tensor => S.indexSelect(x, 1, order),
        (): Tensor => S.indexSelect(x, 1, repeated),
        (): Tensor =>
          S.pad(S.slice(x, [null, [Math.min(from, to), to]]), [
            [0, 0],
            [Math.min(from, to), 4 - to],
            [0, 0],
          ]),
        (): Tensor => S.concat([S.slice(x, [null, [0, 2]]), S.slice(x, [null, [2, 4]])], 1),
        (): Tensor => S.permute(S.permute(x, [2, 0, 1]), [1, 2, 0]),
        (): Tensor => S.reshape(S.flatten(x, 1), SHAPE),
        (): Tensor => mul(x, fixed),
        (): Tensor => S.linear(x, weights()),
        (): Tensor => mul(x, gate()),
        (): Tensor => S.relu(x),
        (): Tensor => S.clamp(x, -1, 1),
        (): Tensor => S.leakyRelu(x, 1),
        (): Tensor => S.abs(x),
        (): Tensor => S.dropout(x, 0.5, { rng: draw }),
        (): Tensor => S.detach(x),
        (): Tensor => S.noGrad(() => mul(x, 1)),
        (): Tensor => sub(x, S.mean(x, 1, { keepDim: true })),
        (): Tensor => S.sum(S.stack([x, x], 0), 0),
        (): Tensor => S.reshape(S.batchNorm(S.reshape(x, [2, 4, 3, 1]), norm(), null, { training: true }), SHAPE),
      ][kind - 8]();
    return (x, e) => inner(a(x, e), e);
  }
}

class Network extends S.Module {
  readonly blocks: Adversary[];

  constructor(rng: Rng) {
    super();
    this.blocks = Array.from({ length: 1 + rng.integer(3) }, () => new Adversary(rng, 1 + rng.integer(4)));
  }

  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, block) => {
      block.see(x);
      return block.forward(y);
    }, x);
  }
}

/** What the definition says of each block: the network is run once more, with the same draws. */
function byDefinition(model: Network, x: Tensor): ReturnType<typeof judge>[] {
  const { calls, isParameter } = recordRun(model, x);
  return calls.map((call) => {
    try {
      return judge(denseW(call.y, call.x, isParameter), call.x.size);
    } catch (error) {
      if (`${error}`.includes("the oracle does not know")) return "?";
      throw error;
    }
  });
}

describe.each(["plain", "simd"] as const)("%s", (tier) => {
  it(`${NETWORKS} networks: no wrong "holds", no wrong "does not hold"`, () => {
    const before = S.useKernels(tier);
    const seen = new Map<string, number>();
    let undecided = 0;
    let blocks = 0;
    try {
      for (let seed = 0; seed < NETWORKS; seed++) {
        const model = new Network(new Rng(seed));
        const x = S.randn(SHAPE, new Rng(seed + 1));
        const certificate = S.certify(model, x);
        const expected = byDefinition(model, x);
        certificate.blocks.forEach(({ verdict, holds, arriving, ways }, i) => {
          blocks++;
          const truth = expected[i];
          if (verdict === "undecided" || truth === "?") {
            if (verdict === "undecided") undecided++;
            expect(holds && verdict === "undecided").toBe(false);
            return;
          }
          seen.set(truth.verdict, (seen.get(truth.verdict) ?? 0) + 1);
          const name = ways === 0 ? "no way" : verdict;
          expect({ seed, i, name, arriving }).toEqual({ seed, i, name: truth.verdict, arriving: truth.arriving });
          expect(holds).toBe(truth.verdict === "identity" || truth.verdict === "selection");
        });
        expect({ seed, ...S.verifyCertificate(JSON.parse(JSON.stringify(certificate)), model, x) }).toMatchObject({
          seed,
          failures: [],
        });
      }
    } finally {
      S.useKernels(before);
    }
    console.log(`${blocks} blocks, ${undecided} undecided: ${JSON.stringify(Object.fromEntries(seen))}`);
    expect(undecided).toBeLessThan(0.1 * blocks);
    for (const verdict of ["identity", "selection", "mask", "scale", "mixed", "zero", "no way"]) {
      expect(seen.get(verdict) ?? 0, verdict).toBeGreaterThan(0);
    }
  });
});
