/** Initialisers: the distribution each promises, from samples large enough to tell. */
import { describe, expect, it } from "vitest";
import { Conv2d, init, Linear } from "../../src/nn/index.ts";
import { zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

function moments(t: Tensor): { mean: number; std: number; largest: number } {
  let [sum, squares, largest] = [0, 0, 0];
  for (const v of t.data) {
    sum += v;
    squares += v * v;
    largest = Math.max(largest, Math.abs(v));
  }
  const mean = sum / t.size;
  return { mean, std: Math.sqrt(squares / t.size - mean * mean), largest };
}

/** A sample of n has a deviation that is itself uncertain by about 1/√(2n): 36,864 numbers, 0.4 %; four of those. */
const CLOSE = 0.016;

function expectDeviation(t: Tensor, std: number): void {
  const { mean, std: got } = moments(t);
  expect(Math.abs(got / std - 1)).toBeLessThan(CLOSE);
  expect(Math.abs(mean)).toBeLessThan((4 * std) / Math.sqrt(t.size));
}

const shape = [64, 64, 3, 3];
const draw = (f: (t: Tensor, rng: Rng) => Tensor, of: number[] = shape): Tensor => f(zeros(of), new Rng(7));

it("fans of w=[64,32,3,5] are 480 in and 960 out", () => {
  expect(init.fansOf([64, 32, 3, 5])).toEqual({ fanIn: 480, fanOut: 960 });
  expect(init.fansOf([10, 20])).toEqual({ fanIn: 20, fanOut: 10 });
});

it("gains are PyTorch's", () => {
  expect(init.gainOf("linear")).toBe(1);
  expect(init.gainOf("sigmoid")).toBe(1);
  expect(init.gainOf("tanh")).toBe(5 / 3);
  expect(init.gainOf("relu")).toBe(Math.SQRT2);
  expect(init.gainOf("leakyRelu", 0.2)).toBeCloseTo(1.3867504905630728, 12);
});

describe("deviation of", () => {
  it("normal is std, around mean", () => {
    const t = draw((w, rng) => init.normal(w, rng, { mean: 3, std: 0.5 }));
    const { mean, std } = moments(t);
    expect(Math.abs(mean - 3)).toBeLessThan(0.01);
    expect(Math.abs(std / 0.5 - 1)).toBeLessThan(CLOSE);
  });

  it("kaimingNormal w=[128,32,3,3] is √(2/288) fan in, √(2/1152) fan out", () => {
    const wide = [128, 32, 3, 3];
    expectDeviation(
      draw((t, rng) => init.kaimingNormal(t, rng), wide),
      Math.sqrt(2 / 288),
    );
    expectDeviation(
      draw((t, rng) => init.kaimingNormal(t, rng, { mode: "fanOut" }), wide),
      Math.sqrt(2 / 1152),
    );
    expectDeviation(
      draw((t, rng) => init.kaimingNormal(t, rng, { gain: 3 }), wide),
      3 / Math.sqrt(288),
    );
  });

  it("kaimingUniform is the same, bounded by √3 times it", () => {
    const t = draw((t, rng) => init.kaimingUniform(t, rng, { mode: "fanOut" }));
    expectDeviation(t, Math.sqrt(2 / 576));
    expect(moments(t).largest).toBeLessThanOrEqual(Math.sqrt(6 / 576));
  });

  it("xavierNormal and xavierUniform w=[128,32,3,3] is gain·√(2/(288+1152))", () => {
    const wide = [128, 32, 3, 3];
    expectDeviation(
      draw((t, rng) => init.xavierNormal(t, rng, { gain: 2 }), wide),
      2 * Math.sqrt(2 / 1440),
    );
    const t = draw((t, rng) => init.xavierUniform(t, rng), wide);
    expectDeviation(t, Math.sqrt(2 / 1440));
    expect(moments(t).largest).toBeLessThanOrEqual(Math.sqrt(6 / 1440));
  });
});

it("uniform stays in [low, high)", () => {
  const { data } = draw((t, rng) => init.uniform(t, rng, { low: 2, high: 3 }));
  expect(Math.min(...data)).toBeGreaterThanOrEqual(2);
  expect(Math.max(...data)).toBeLessThanOrEqual(3);
});

it("constant fills", () => {
  expect(init.constant(zeros([2, 2]), 5).toArray()).toEqual([
    [5, 5],
    [5, 5],
  ]);
});

describe.each([[[5, 12]], [[12, 5]], [[8, 2, 2, 2]], [[16, 2, 2, 2]]])("orthogonal w=%j", (of) => {
  it("has orthonormal rows or columns, times the gain", () => {
    const rows = of[0];
    const columns = of.slice(1).reduce((p, q) => p * q);
    const { data } = init.orthogonal(zeros(of), new Rng(3), { gain: 2 });
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
    const at = (vector: number, i: number): number =>
      rows <= columns ? data[vector * columns + i] : data[i * columns + vector];
    for (let p = 0; p < count; p++) {
      for (let q = 0; q < count; q++) {
        let product = 0;
        for (let i = 0; i < length; i++) product += at(p, i) * at(q, i);
        // Values are rounded to float32.
        expect(Math.abs(product - (p === q ? 4 : 0))).toBeLessThan(1e-5);
      }
    }
  });
});

it("the same seed gives the same bits, another seed others", () => {
  const one = draw((t, rng) => init.kaimingNormal(t, rng));
  expect(one.data).toEqual(draw((t, rng) => init.kaimingNormal(t, rng)).data);
  expect(one.data).not.toEqual(init.kaimingNormal(zeros(shape), new Rng(8)).data);
});

describe("layers start", () => {
  it("as PyTorch's: weight and bias uniform in ±1/√(fan in)", () => {
    const conv = new Conv2d(64, 64, 3, { rng: new Rng(1) });
    expectDeviation(conv.weight, 1 / Math.sqrt(3 * 576));
    expect(moments(conv.weight).largest).toBeLessThanOrEqual(1 / Math.sqrt(576));
    expect(moments(conv.bias!).largest).toBeLessThanOrEqual(1 / Math.sqrt(576));
    expect(moments(conv.bias!).std).toBeGreaterThan(0.01);
    const linear = new Linear(400, 100, { rng: new Rng(1) });
    expectDeviation(linear.weight, 1 / Math.sqrt(3 * 400));
    expect(moments(linear.bias!).largest).toBeLessThanOrEqual(0.05);
  });

  it("with the initialiser they are given", () => {
    const linear = new Linear(3, 2, { rng: new Rng(1), init: (t) => init.constant(t, 7) });
    expect([...linear.weight.data]).toEqual([7, 7, 7, 7, 7, 7]);
    const conv = new Conv2d(64, 64, 3, { rng: new Rng(1), init: (t, rng) => init.kaimingNormal(t, rng) });
    expectDeviation(conv.weight, Math.sqrt(2 / 576));
  });
});

it("an initialised tensor is a changed tensor", () => {
  const t = zeros([2]);
  init.constant(t, 1);
  expect(t.version).toBe(1);
});

describe("errors", () => {
  it("fans need rank 2", () => {
    expect(() => init.kaimingNormal(zeros([5]), new Rng(0))).toThrow(
      "init: fan in and fan out need a weight of rank 2 or more, got [5]",
    );
    expect(() => init.orthogonal(zeros([5]), new Rng(0))).toThrow("rank 2 or more, got [5]");
  });

  it("an unknown mode", () => {
    expect(() => init.kaimingNormal(zeros([2, 2]), new Rng(0), { mode: "fan_out" as "fanOut" })).toThrow(
      'mode must be "fanIn" or "fanOut", got "fan_out"',
    );
  });
});
