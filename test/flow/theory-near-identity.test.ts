/**
 * Near the identity a linear residual network has no critical point but where it is right: Hardt & Ma 2017, "Identity Matters in
 * Deep Learning". The last section of docs/theory.md.
 *
 * y = (I + A_l)…(I + A₁)x, to be Tx, over inputs with Σ = XXᵀ: f = ‖E·Σ^½‖², E = (I + A_l)…(I + A₁) − T. Then
 * ∂f/∂Aᵢ = 2·(I + Aᵢ₊₁)ᵀ…(I + A_l)ᵀ·E·Σ·(I + A₁)ᵀ…(I + Aᵢ₋₁)ᵀ, and where all ‖Aᵢ‖ ≤ τ < 1 each factor shortens by 1 − τ at most:
 *
 *     ‖∇f‖² ≥ 4·l·(1 − τ)^(2l−2)·σ_min(Σ)·f
 *
 * The paper's eq. 2.3 has (1 − τ)^(l−1), the factor of one ‖∂f/∂Aᵢ‖ and not of its square, and σ_min(Σ)², as if ‖E‖² were f for
 * any Σ. Both are too large.
 */
import { describe, expect, it } from "vitest";
import { norm } from "../../src/flow/measure.ts";
import { singularValues } from "../../src/flow/singular-values.ts";
import * as S from "../../src/index.ts";
import { owned, peek } from "../../src/tensor/tensor.ts";

const { add, linear, Rng } = S;
type Tensor = S.Tensor;

const normal = (rng: S.Rng, rows: number, columns: number, scale = 1): Float64Array =>
  Float64Array.from({ length: rows * columns }, () => scale * rng.normal());

const spectral = (values: Float64Array, columns: number): Float64Array =>
  singularValues({ rows: values.length / columns, columns, values });

/** A random d × d matrix of this spectral norm. */
function ofNorm(rng: S.Rng, d: number, size: number): Float64Array {
  const values = normal(rng, d, d);
  const [largest] = spectral(values, d);
  return values.map((v) => (size * v) / largest);
}

interface Problem {
  readonly d: number;
  /** `[examples, d]`. */
  readonly inputs: Tensor;
  readonly targets: Tensor;
  /** The least eigenvalue of Σ: its inputs' least singular value, squared. */
  readonly least: number;
}

/** Inputs with some covariance, and T·x for each. f is 0 where the network is T, so f itself is the distance from the optimum. */
function problem(rng: S.Rng, d: number, target: Float64Array): Problem {
  const values = normal(rng, 3 * d, d);
  const inputs = owned(values, [3 * d, d]);
  const targets = S.noGrad(() => linear(inputs, owned(target, [d, d])));
  return { d, inputs, targets, least: spectral(values, d).at(-1)! ** 2 };
}

/** f and ∇f at these matrices of a residual network; of a plain one without the `add`. */
function descentOf({ d, inputs, targets }: Problem, matrices: readonly Float64Array[], residual = true) {
  const layers = matrices.map((values) => owned(Float64Array.from(values), [d, d], true));
  const { value, grads } = S.valueAndGrad(() => {
    const y = layers.reduce((h, a) => (residual ? add(h, linear(h, a)) : linear(h, a)), inputs);
    return S.sum(S.pow(S.sub(y, targets), 2));
  });
  const gradients = layers.map((a) => Float64Array.from(peek(grads.get(a))));
  return { f: value.item(), gradients, squares: gradients.reduce((sum, g) => sum + norm(g) ** 2, 0) };
}

const bound = (l: number, tau: number, least: number, f: number): number =>
  4 * l * (1 - tau) ** (2 * l - 2) * least * f;

describe("where all ‖Aᵢ‖ < 1", () => {
  it("‖∇f‖² ≥ 4·l·(1 − τ)^(2l−2)·σ_min(Σ)·f, so none but the optimum is critical: at 1000 random points", () => {
    let tightest = Number.POSITIVE_INFINITY;
    for (let seed = 0; seed < 1000; seed++) {
      const rng = new Rng(seed);
      const [d, l] = [1 + rng.integer(4), 1 + rng.integer(5)];
      const given = problem(rng, d, normal(rng, d, d));
      const tau = 0.98 * rng.uniform();
      const { f, squares } = descentOf(
        given,
        Array.from({ length: l }, () => ofNorm(rng, d, tau)),
      );
      const least = bound(l, tau, given.least, f);
      expect(least, `seed ${seed}`).toBeGreaterThan(0);
      // Float64 rounds some hundred sums.
      expect(squares, `seed ${seed}`).toBeGreaterThan(least * (1 - 1e-12));
      tightest = Math.min(tightest, squares / least);
    }
    // For d = 1 and A = −τ the bound is met: some of them came near.
    expect(tightest).toBeLessThan(1.001);
  });

  it("no better factor is true: at Aᵢ = −τ·I with Σ = σ·I both sides are equal", () => {
    for (const [l, d, tau] of [
      [1, 3, 0.5],
      [3, 2, 0.3],
      [5, 4, 0.9],
    ]) {
      const inputs = Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1.5 : 0));
      const given = {
        d,
        inputs: owned(inputs, [d, d]),
        targets: S.noGrad(() => linear(owned(inputs, [d, d]), owned(normal(new Rng(0), d, d), [d, d]))),
        least: 1.5 ** 2,
      };
      const shrinking = Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? -tau : 0));
      const { f, squares } = descentOf(given, new Array<Float64Array>(l).fill(shrinking));
      expect(squares / bound(l, tau, given.least, f)).toBeCloseTo(1, 12);
    }
  });

  it("the exponents printed in the paper's eq. 2.3 are too large: (1 − τ)^(l−1) at A = −½ three times, σ_min(Σ)² at Σ = 4", () => {
    const at = (x: number, matrices: readonly number[]) =>
      descentOf(
        {
          d: 1,
          inputs: owned(Float64Array.of(x), [1, 1]),
          targets: owned(Float64Array.of(3 * x), [1, 1]),
          least: x * x,
        },
        matrices.map((a) => Float64Array.of(a)),
      );
    const printed = (l: number, tau: number, least: number, f: number): number =>
      4 * l * (1 - tau) ** (l - 1) * least ** 2 * f;
    const three = at(1, [-0.5, -0.5, -0.5]);
    expect(three.squares).toBe(bound(3, 0.5, 1, three.f));
    expect(three.squares).toBeLessThan(printed(3, 0.5, 1, three.f));
    const one = at(2, [0]);
    expect(one.squares).toBe(bound(1, 0, 4, one.f));
    expect(one.squares).toBeLessThan(printed(1, 0, 4, one.f));
  });

  it("at ‖Aᵢ‖ = 1 it ends: Aᵢ = −I in two layers is critical, and not right", () => {
    const [rng, d] = [new Rng(0), 3];
    const given = problem(rng, d, normal(rng, d, d));
    const minus = Float64Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? -1 : 0));
    const { f, squares } = descentOf(given, [minus, ofNorm(rng, d, 0.2), minus]);
    expect(squares).toBe(0);
    expect(f).toBeGreaterThan(1);
  });

  it("gradient descent from zero finds a target near the identity, and every ‖Aᵢ‖ stays below 1: 10 targets", () => {
    const [d, l] = [4, 5];
    for (let seed = 0; seed < 10; seed++) {
      const rng = new Rng(seed);
      const away = ofNorm(rng, d, 0.6);
      const given = problem(
        rng,
        d,
        away.map((v, k) => v + (k % (d + 1) === 0 ? 1 : 0)),
      );
      // A step as long as the largest curvature allows, nearly: 2·l·‖Σ‖ at zero.
      const rate = 0.5 / (2 * l * spectral(Float64Array.from(peek(given.inputs)), d)[0] ** 2);
      let matrices = Array.from({ length: l }, () => new Float64Array(d * d));
      const start = descentOf(given, matrices).f;
      let last = start;
      for (let step = 0; step < 2000; step++) {
        const { f, gradients } = descentOf(given, matrices);
        expect(f).toBeLessThanOrEqual(last * (1 + 1e-12) + 1e-26);
        last = f;
        matrices = matrices.map((a, i) => a.map((v, k) => v - rate * gradients[i][k]));
        if (step % 50 === 0) for (const a of matrices) expect(spectral(a, d)[0]).toBeLessThan(1);
        if (f < 1e-20 * start) break;
      }
      expect(last, `seed ${seed}`).toBeLessThan(1e-20 * start);
    }
  });
});

describe("without the identity", () => {
  it.each([2, 3, 6])("a plain linear network of %d layers has a critical point at zero that is no minimum", (l) => {
    const [rng, d] = [new Rng(l), 3];
    const target = normal(rng, d, d);
    const given = problem(rng, d, target);
    const zeros = Array.from({ length: l }, () => new Float64Array(d * d));
    const { f, squares } = descentOf(given, zeros, false);
    expect(squares).toBe(0);
    expect(f).toBeGreaterThan(1);
    // A step towards t·I in all layers but the first, and t·T in that: the product is tˡ·T, and f is (1 − tˡ)² of what it was.
    for (const t of [0.3, 0.6, 1]) {
      const step = zeros.map((_, i) => target.map((v, k) => t * (i === 0 ? v : k % (d + 1) === 0 ? 1 : 0)));
      const there = descentOf(given, step, false).f;
      expect(there / f).toBeCloseTo((1 - t ** l) ** 2, 12);
      expect(there).toBeLessThan(f);
    }
  });

  it("the same zeros in a residual network are no critical point", () => {
    const [rng, d] = [new Rng(1), 3];
    const given = problem(rng, d, normal(rng, d, d));
    const { f, squares } = descentOf(
      given,
      Array.from({ length: 4 }, () => new Float64Array(d * d)),
    );
    expect(squares).toBeGreaterThan(bound(4, 0, given.least, f) * (1 - 1e-12));
  });
});
