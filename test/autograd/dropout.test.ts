/** Dropout: what it drops, what it keeps, reproducibly. PyTorch's reference for evaluation: normalization.test.ts. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { dropout } from "../../src/autograd/dropout.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { ones, randn, tensor } from "../../src/tensor/create.ts";
import { ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

describe("examples", () => {
  it("outside training, or with p = 0, x itself", () => {
    const x = tensor([1, 2]);
    expect(dropout(x, 0.9, { training: false })).toBe(x);
    expect(dropout(x, 0)).toBe(x);
  });

  it("in training each element is 0 or x / (1 − p), and its gradient 0 or 1 / (1 − p), by the same mask", () => {
    const x = randn([1000], new Rng(1), { requiresGrad: true });
    const y = dropout(x, 0.2, { rng: new Rng(2) });
    const gx = backward(sum(y)).get(x);
    for (let i = 0; i < x.size; i++) {
      expect([0, 1.25]).toContain(gx.data[i]);
      expect(y.data[i]).toBe(Math.fround(x.data[i] * gx.data[i]));
    }
  });

  it("the share dropped is p: 100,000 elements, p = 0.3, within four standard deviations (0.0058)", () => {
    const y = dropout(ones([100_000]), 0.3, { rng: new Rng(3) });
    const dropped = y.data.filter((v) => v === 0).length / y.size;
    expect(Math.abs(dropped - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / 100_000));
  });

  it("the same seed drops the same elements, the next call others", () => {
    const rng = new Rng(4);
    const first = dropout(ones([64]), 0.5, { rng });
    const second = dropout(ones([64]), 0.5, { rng });
    expect(dropout(ones([64]), 0.5, { rng: new Rng(4) }).toArray()).toEqual(first.toArray());
    expect(second.toArray()).not.toEqual(first.toArray());
  });

  it("p = 1 drops everything, without NaN", () => {
    const x = tensor([1, -2], { requiresGrad: true });
    const y = dropout(x, 1, { rng: new Rng(5) });
    expect(y.data.every((v) => v === 0)).toBe(true);
    expect(backward(sum(y)).get(x).toArray()).toEqual([0, 0]);
  });
});

describe("errors", () => {
  it.each([-0.1, 1.1, Number.NaN])("p = %f is no probability", (p) => {
    const call = (): Tensor => dropout(ones([2]), p, { rng: new Rng(0) });
    expect(call).toThrow(ValueError);
    expect(call).toThrow(`dropout: p must be a number from 0 to 1, got ${p}`);
  });

  it("training without an rng", () => {
    expect(() => dropout(ones([2]), 0.5)).toThrow("dropout: rng must be a random generator");
  });
});
