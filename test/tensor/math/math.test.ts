/** The elementary functions against their values to some hundred digits, at their edges, and the bits they are known by. */
import { describe, expect, it } from "vitest";
import { cos, exp, log, log1p, pow, sigmoid, sin, softplus, tanh } from "../../../src/tensor/math/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { hashOf } from "../../runtimes/hash.ts";
import { errorInUlps, exact } from "../../support/exact.ts";

const functions = { exp, log, log1p, tanh, sin, cos, pow } as const;
type Name = keyof typeof functions;

/** Uniform on a logarithmic scale, from 10^from to 10^to. */
const spread = (rng: Rng, from: number, to: number): number => 10 ** rng.uniform(from, to);
const sign = (rng: Rng): number => (rng.uniform() < 0.5 ? -1 : 1);

describe("less than one unit in the last place from the exact value", () => {
  // With 30,000 points each, at most 0.83: docs/decisions/0013-exponentials-of-our-own.md.
  const ranges: readonly [name: Name, where: string, draw: (rng: Rng) => readonly number[]][] = [
    ["exp", "−2 … 2", (rng) => [rng.uniform(-2, 2)]],
    ["exp", "all finite results, subnormal ones too", (rng) => [rng.uniform(-745, 709.7)]],
    ["exp", "near 0", (rng) => [sign(rng) * spread(rng, -20, 0)]],
    ["log", "½ … 2", (rng) => [rng.uniform(0.5, 2)]],
    ["log", "near 1", (rng) => [1 + sign(rng) * spread(rng, -16, -1)]],
    ["log", "all numbers", (rng) => [spread(rng, -323, 308)]],
    ["log1p", "−1 … 2", (rng) => [rng.uniform(-1, 2)]],
    ["log1p", "near 0", (rng) => [sign(rng) * spread(rng, -300, -1)]],
    ["log1p", "large", (rng) => [spread(rng, 0, 308)]],
    ["tanh", "−1 … 1", (rng) => [rng.uniform(-1, 1)]],
    ["tanh", "where the method changes", (rng) => [rng.uniform(0.5, 0.6)]],
    ["tanh", "0.5 … 25", (rng) => [rng.uniform(0.5, 25)]],
    ["tanh", "near 0", (rng) => [sign(rng) * spread(rng, -300, -1)]],
    ["sin", "a turn both ways", (rng) => [rng.uniform(-7, 7)]],
    ["cos", "a turn both ways", (rng) => [rng.uniform(-7, 7)]],
    ["sin", "near multiples of π/2", (rng) => [(rng.integer(9) - 4) * (Math.PI / 2) + spread(rng, -20, -1)]],
    ["cos", "near multiples of π/2", (rng) => [(rng.integer(9) - 4) * (Math.PI / 2) + spread(rng, -20, -1)]],
    ["sin", "large", (rng) => [rng.uniform(-1.6e6, 1.6e6)]],
    ["cos", "large", (rng) => [rng.uniform(-1.6e6, 1.6e6)]],
    ["pow", "0 … 10 to the −10 … 10", (rng) => [rng.uniform(0, 10), rng.uniform(-10, 10)]],
    ["pow", "β to the number of a step", (rng) => [1 - spread(rng, -4, -1), rng.integer(100_000)]],
    ["pow", "near 1, to large powers", (rng) => toTheEdge(rng, 1 + sign(rng) * spread(rng, -15, -1))],
    ["pow", "all results", (rng) => toTheEdge(rng, spread(rng, -323, 308))],
  ];

  /** A power between 0 and infinity. */
  const toTheEdge = (rng: Rng, x: number): readonly number[] => [x, rng.uniform(-744, 709) / Math.log(x)];

  it.each(ranges)("%s, %s", (name, _where, draw) => {
    const rng = new Rng(1);
    let [worst, at]: [number, readonly number[]] = [0, []];
    for (let i = 0; i < 2000; i++) {
      const x = draw(rng);
      // 256 bits, and as many more as the smallest of the numbers needs to be seen.
      const bits = 256 + Math.ceil(Math.max(0, ...x.map((v) => (v === 0 ? 0 : -Math.log2(Math.abs(v))))));
      const error = errorInUlps(
        (functions[name] as (...x: readonly number[]) => number)(...x),
        exact[name](bits, ...x),
      );
      if (!(error <= worst)) [worst, at] = [error, x];
    }
    expect(worst, `at ${at}`).toBeLessThan(0.85);
    expect(worst).toBeGreaterThan(0.4);
  });
});

describe("the measure itself", () => {
  it.each([
    ["exp", 1, "2.71828182845904523536"],
    ["log", 10, "2.30258509299404568401"],
    ["log1p", 1, "0.69314718055994530941"],
    ["tanh", 1, "0.76159415595576488811"],
    ["sin", 1, "0.84147098480789650665"],
    ["cos", 1, "0.54030230586813971740"],
  ] as const)("%s(%d) = %s", (name, x, digits) => {
    const { value, B } = exact[name](256, x);
    expect((value * 10n ** 20n) >> BigInt(B)).toBe(BigInt(digits.replace(".", "")));
  });

  it("sees half a unit, one and two", () => {
    const one = { value: 1n << 256n, B: 256 };
    expect(errorInUlps(1, one)).toBe(0);
    expect(errorInUlps(1 + 2 ** -52, one)).toBe(1);
    expect(errorInUlps(1 - 2 ** -53, one)).toBe(0.5);
    expect(errorInUlps(2 * Number.MIN_VALUE, { value: 0n, B: 256 })).toBe(2);
  });
});

describe("special values, which ECMAScript defines exactly", () => {
  const numbers = [0, 1, 2, 3, 0.5, 1.5, 1e300, 5e-324, 2 ** 53, 2 ** 53 + 2, Infinity].flatMap((v) => [v, -v]);
  const special = (v: number): boolean => Number.isNaN(v) || v === 0 || Math.abs(v) === 1 || Math.abs(v) === Infinity;

  it.each(["exp", "log", "log1p", "tanh", "sin", "cos"] as const)("%s: NaN, ±0, ±∞ and out of its domain", (name) => {
    for (const x of [Number.NaN, 0, -0, Infinity, -Infinity, -1, -2]) {
      const expected = Math[name](x);
      if (special(expected)) expect(functions[name](x), `${name}(${x})`).toBe(expected);
      else expect(Number.isFinite(functions[name](x)), `${name}(${x})`).toBe(true);
    }
  });

  it("pow: every pair of corners", () => {
    let compared = 0;
    for (const x of [Number.NaN, ...numbers]) {
      for (const y of [Number.NaN, ...numbers]) {
        const expected = x ** y;
        if (!special(expected)) continue;
        compared++;
        expect(pow(x, y), `pow(${x}, ${y})`).toBe(expected);
      }
    }
    expect(compared).toBeGreaterThan(300);
  });

  it("sigmoid and softplus: 0, ½, 1 and ln 2, and no overflow on the way", () => {
    expect([-Infinity, -800, 0, 40, 800, Infinity].map(sigmoid)).toEqual([0, 0, 0.5, 1, 1, 1]);
    expect([-Infinity, -800, 0, 40, 800, Infinity].map(softplus)).toEqual([0, 0, Math.LN2, 40, 800, Infinity]);
    expect([sigmoid(Number.NaN), softplus(Number.NaN)]).toEqual([Number.NaN, Number.NaN]);
    expect(sigmoid(-700)).toBe(exp(-700));
    expect(softplus(-700)).toBe(exp(-700));
  });
});

describe("edges", () => {
  it("exp: the largest and the smallest results", () => {
    expect(exp(709.782712893384)).toBeLessThan(Infinity);
    expect(exp(709.7827128933841)).toBe(Infinity);
    expect(exp(-745.1332191019411)).toBe(5e-324);
    expect(exp(-745.1332191019412)).toBe(0);
    expect(exp(1)).toBe(Math.E);
  });

  it("log: the largest and the smallest arguments", () => {
    expect(log(5e-324)).toBe(-744.4400719213812);
    expect(log(Number.MAX_VALUE)).toBe(709.782712893384);
    expect(Object.is(log(1), 0)).toBe(true);
  });

  it("pow: all powers of two, powers of ten while they are whole, and over the edges", () => {
    let power = 5e-324;
    for (let n = -1074; n < 1024; n++, power *= 2) expect(pow(2, n)).toBe(power);
    for (let n = 0, ten = 1; n <= 22; n++, ten *= 10) expect(pow(10, n)).toBe(ten);
    expect([pow(2, 1024), pow(2, -1075), pow(2, -1074.9)]).toEqual([Infinity, 0, 5e-324]);
    expect([pow(1 + 2 ** -52, 1e300), pow(1 - 2 ** -53, 1e300), pow(1 + 2 ** -52, -1e300)]).toEqual([Infinity, 0, 0]);
    expect(pow(-2, 3)).toBe(-8);
    expect([pow(0.3, 2), pow(0.3, -1), pow(0.3, 0.5)]).toEqual([0.3 * 0.3, 1 / 0.3, Math.sqrt(0.3)]);
  });

  it("sin and cos: NaN beyond the angles that they can divide by π/2", () => {
    expect([sin(1647100), cos(-1647100), cos(1e300)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(sin(1647099)).toBeCloseTo(Math.sin(1647099), 14);
  });
});

/** Made by Node 20.20's own Math (V8 11.3, fdlibm) with this function; Node 22, 24 and 26 give the same. */
it.each([
  ["exp", exp, (rng: Rng) => rng.uniform(-30, 30), "8ec0ac6b"],
  ["log", log, (rng: Rng) => rng.uniform(0, 4), "b8e34a15"],
  ["sin", sin, (rng: Rng) => rng.uniform(-7, 7), "bf6ff0aa"],
  ["cos", cos, (rng: Rng) => rng.uniform(-7, 7), "75ecbce6"],
] as const)("%s has fdlibm's bits, which seeds have been used with", (_name, f, draw, expected) => {
  const rng = new Rng(3);
  expect(
    hashOf((hash) => {
      for (let i = 0; i < 100_000; i++) hash.double(f(draw(rng)));
    }),
  ).toBe(expected);
});
