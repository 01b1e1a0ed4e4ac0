/** The generator: its published algorithm, its distributions, its independence. */
import { describe, expect, it } from "vitest";
import { ValueError } from "../../src/tensor/errors.ts";
import { Rng, type RngState } from "../../src/tensor/rng.ts";

const draw = <T>(n: number, f: () => T): T[] => Array.from({ length: n }, f);
const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

describe("xoshiro128** seeded by SplitMix32", () => {
  // From an implementation in Python that also gives the authors' 11520, 0, 5927040, 70819200 for the state 1, 2, 3, 4.
  it.each([
    [0, [3809008728, 1133695204, 53579671, 2891528803, 139681546]],
    [1, [2442144158, 3238099751, 3819917871, 2104621829, 2021136066]],
    [-1, [835879718, 1921286648, 2356205009, 1885780724, 980451116]],
  ])("seed %i", (seed, expected) => {
    const rng = new Rng(seed);
    expect(draw(5, () => rng.bits())).toEqual(expected);
  });

  it("the low 32 bits of the seed count", () => {
    expect(new Rng(2 ** 32 + 5).bits()).toBe(new Rng(5).bits());
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses the seed %f", (seed) => {
    expect(() => new Rng(seed)).toThrow(`Rng: the seed must be a whole number, got ${seed}`);
  });
});

// Means over n draws are normal around their expectation with standard deviation σ/√n: four of them are the bounds.
describe("distributions", () => {
  const n = 100_000;

  it("uniform in [low, high): mean and variance", () => {
    const rng = new Rng(1);
    const values = draw(n, () => rng.uniform(-1, 3));
    expect(values.every((v) => v >= -1 && v < 3)).toBe(true);
    const sigma = 4 / Math.sqrt(12);
    expect(Math.abs(mean(values) - 1)).toBeLessThan((4 * sigma) / Math.sqrt(n));
    const variance = mean(values.map((v) => (v - 1) ** 2));
    // The variance of (v − 1)² is 16²/180 for width 4.
    expect(Math.abs(variance - 16 / 12)).toBeLessThan((4 * (16 / Math.sqrt(180))) / Math.sqrt(n));
  });

  it("normal: mean, variance, share beyond two standard deviations", () => {
    const rng = new Rng(2);
    const values = draw(n, () => rng.normal(3, 2));
    const z = values.map((v) => (v - 3) / 2);
    expect(Math.abs(mean(z))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(mean(z.map((v) => v * v)) - 1)).toBeLessThan((4 * Math.SQRT2) / Math.sqrt(n));
    const share = z.filter((v) => Math.abs(v) > 2).length / n;
    expect(Math.abs(share - 0.0455)).toBeLessThan(4 * Math.sqrt((0.0455 * 0.9545) / n));
    // Neighbours come in pairs from one radius: they must not be correlated.
    expect(Math.abs(mean(z.slice(1).map((v, i) => v * z[i])))).toBeLessThan(4 / Math.sqrt(n));
  });

  it("integer(n): every value, equally often, never n", () => {
    const rng = new Rng(3);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[rng.integer(7)]++;
    for (const count of counts) expect(Math.abs(count / n - 1 / 7)).toBeLessThan(4 * Math.sqrt(6 / 49 / n));
    expect(new Rng(4).integer(1)).toBe(0);
    expect(new Rng(4).integer(2 ** 32)).toBe(new Rng(4).bits());
  });

  it.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN])("integer(%f) is refused", (bad) => {
    expect(() => new Rng(0).integer(bad)).toThrow(ValueError);
  });

  it("permutation: each number once; every order equally often", () => {
    const rng = new Rng(5);
    expect([...rng.permutation(1000)].sort((a, b) => a - b)).toEqual(draw(1000, () => 0).map((_, i) => i));
    expect([...rng.permutation(0)]).toEqual([]);
    const orders = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = rng.permutation(4).join();
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(1000));
  });
});

// The 21st is the first of this seed on which engines disagree: with their own logarithm, sine and cosine it ends in 915 in
// Node 20 to 26, and in 917 in Deno 2.9 and Bun 1.4.
it("the same normals everywhere: seed 1, the 1st, 2nd and 21st", () => {
  const rng = new Rng(1);
  const normals = draw(21, () => rng.normal());
  expect([normals[0], normals[1], normals[20]]).toEqual([
    0.032007023073783274, -1.2963188031994084, 0.8612929942763915,
  ]);
});

describe("fork", () => {
  it("is reproducible, differs by label, and does not depend on what the parent draws later", () => {
    expect(new Rng(1).fork("weights").bits()).toBe(new Rng(1).fork("weights").bits());
    expect(new Rng(1).fork("weights").bits()).not.toBe(new Rng(1).fork("shuffle").bits());
    expect(new Rng(1).fork("").bits()).not.toBe(new Rng(1).bits());
    const parent = new Rng(1);
    const child = parent.fork("weights");
    draw(100, () => parent.bits());
    expect(child.bits()).toBe(new Rng(1).fork("weights").bits());
  });

  it("advances the parent by one draw", () => {
    const [forked, drawn] = [new Rng(9), new Rng(9)];
    forked.fork("anything");
    drawn.bits();
    expect(forked.bits()).toBe(drawn.bits());
  });

  it("two forks in a row differ even with one label", () => {
    const rng = new Rng(7);
    expect(rng.fork("a").bits()).not.toBe(rng.fork("a").bits());
  });
});

describe("its state", () => {
  const midway = (): Rng => {
    const rng = new Rng(3);
    rng.normal();
    return rng;
  };
  const next = (rng: Rng): number[] => [rng.normal(), rng.normal(), rng.bits()];

  it.each([
    ["the generator", (rng: Rng): RngState => rng],
    ["structuredClone", (rng: Rng): RngState => structuredClone(rng)],
    ["JSON", (rng: Rng): RngState => JSON.parse(JSON.stringify(rng))],
    ["its state and spare", ({ state, spare }: Rng): RngState => ({ state, spare })],
  ])("goes on in another, from %s", (_, saved) => {
    const rng = midway();
    expect(rng.spare).not.toBeNull();
    const other = new Rng(8);
    other.setState(saved(rng));
    const made = new Rng(saved(rng));
    const drawn = next(rng);
    expect(next(other)).toEqual(drawn);
    expect(next(made)).toEqual(drawn);
  });

  it("is shown as it was when asked for, and cannot be changed through what is shown", () => {
    const rng = midway();
    const { state } = rng;
    const copy = [...state];
    (state as number[])[0] = 0;
    expect(rng.state).toEqual(copy);
    rng.bits();
    expect(rng.state).not.toEqual(copy);
    expect(() => Object.assign(rng, { spare: 0 })).toThrow(TypeError);
  });

  it("two generators are equal to a test runner if they will draw the same", () => {
    expect(midway()).toEqual(midway());
    expect(midway()).not.toEqual(new Rng(3));
  });

  it.each([
    [{ state: [1, 2, 3], spare: null }],
    [{ state: [1, 2, 3, -1], spare: null }],
    [{ state: [1, 2, 3, 4], spare: Number.NaN }],
    [{ state: [1, 2, 3, 4] }],
    [null],
  ])("refuses %j", (bad) => {
    const rng = midway();
    expect(() => rng.setState(bad as RngState)).toThrow(
      "Rng.setState: it must be a generator, or its { state, spare }",
    );
    expect(rng).toEqual(midway());
    expect(() => new Rng(bad as RngState)).toThrow("Rng: the seed must be a whole number");
  });
});
