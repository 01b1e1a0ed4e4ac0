/** The update kernels called directly: what they write, and what they must not read. Whole trainings: test/nn/optim. */
import { describe, expect, it, vi } from "vitest";
import { tiers } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const plain = { lr: 0.5, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false, first: true };

describe.each(tiers)("sgd ($name)", ({ sgd }) => {
  it("w=[1,2] gw=[2,-4] lr=0.5", () => {
    const w = Float32Array.of(1, 2);
    sgd(w, Float32Array.of(2, -4), null, plain);
    expect([...w]).toEqual([0, 4]);
  });

  it("the first step does not read the velocity, not even a NaN in it, nor dampen", () => {
    const [w, v] = [Float32Array.of(1), Float32Array.of(Number.NaN)];
    sgd(w, Float32Array.of(2), v, { ...plain, momentum: 0.9, dampening: 0.5 });
    expect([w[0], v[0]]).toEqual([0, 2]);
  });

  it("weight decay uses the weight from before the step; the gradient is left alone", () => {
    const [w, gw, v] = [Float64Array.of(4), Float64Array.of(1), Float64Array.of(2)];
    sgd(w, gw, v, { ...plain, momentum: 0.5, dampening: 0.25, weightDecay: 0.25, first: false });
    // g = 1 + 4/4 = 2, v = 0.5·2 + 0.75·2 = 2.5, w = 4 − 0.5·2.5
    expect([w[0], v[0], gw[0]]).toEqual([2.75, 2.5, 1]);
  });
});

describe.each(tiers)("adam ($name)", ({ adam }) => {
  const options = {
    lr: 0.5,
    beta1: 0.5,
    beta2: 0.75,
    eps: 0,
    weightDecay: 0,
    decoupled: false,
    maximize: false,
    step: 1,
  };

  it("step 1 corrects both moments' bias: w moves by lr", () => {
    const [w, m, v] = [Float64Array.of(1), new Float64Array(1), new Float64Array(1)];
    adam(w, Float64Array.of(4), m, v, null, options);
    expect([w[0], m[0], v[0]]).toEqual([0.5, 2, 4]);
  });

  it("step 2", () => {
    const [w, m, v] = [Float64Array.of(0.5), Float64Array.of(2), Float64Array.of(4)];
    adam(w, Float64Array.of(-2), m, v, null, { ...options, step: 2 });
    // m = 1 − 1 = 0, v = 3 + 1 = 4
    expect([w[0], m[0], v[0]]).toEqual([0.5, 0, 4]);
  });

  it("coupled decay changes the moments, decoupled only the weight", () => {
    const run = (decoupled: boolean): number[] => {
      const [w, m, v] = [Float64Array.of(4), new Float64Array(1), new Float64Array(1)];
      adam(w, Float64Array.of(0), m, v, null, { ...options, eps: 1, weightDecay: 0.5, decoupled });
      return [w[0], m[0], v[0]];
    };
    // Coupled: g = 2, m̂ = 2, v̂ = 4, w = 4 − 0.5·2/(2 + 1). Decoupled: w = (1 − 0.25)·4.
    expect(run(false)).toEqual([4 - 1 / 3, 1, 1]);
    expect(run(true)).toEqual([3, 0, 0]);
  });

  it("AMSGrad divides by the largest mean square so far", () => {
    const [w, m, v, peak] = [Float64Array.of(1), new Float64Array(1), new Float64Array(1), Float64Array.of(4)];
    adam(w, Float64Array.of(2), m, v, peak, options);
    // v = 0.25·4 = 1, below the peak; m̂ = 2, v̂ = 4/0.25 = 16, w = 1 − 0.5·2/4
    expect([w[0], v[0], peak[0]]).toEqual([0.75, 1, 4]);
    adam(w, Float64Array.of(8), m, v, peak, options);
    // v = 0.75 + 0.25·64
    expect(peak[0]).toBe(16.75);
  });
});

describe.each(tiers)("rmsprop ($name)", ({ rmsprop }) => {
  const options = { lr: 0.5, alpha: 0.75, eps: 0, momentum: 0, weightDecay: 0, maximize: false };

  it("the first step moves by lr/√(1 − α)", () => {
    const [w, s] = [Float64Array.of(1), new Float64Array(1)];
    rmsprop(w, Float64Array.of(4), s, null, null, options);
    expect([w[0], s[0]]).toEqual([0, 4]);
  });

  it("centred with momentum: divides by the deviation, and collects a velocity", () => {
    const [w, gw, s, m, v] = [10, 8, 44, 4, 2].map((x) => Float64Array.of(x));
    rmsprop(w, gw, s, m, v, { ...options, eps: 3, momentum: 0.5 });
    // s = 33 + 16 = 49, m = 3 + 2 = 5, √(s − m²) = √24, v = 1 + 8/(√24 + 3), w = 10 − v/2
    const velocity = 1 + 8 / (Math.sqrt(24) + 3);
    expect([w[0], s[0], m[0], v[0], gw[0]]).toEqual([10 - velocity / 2, 49, 5, velocity, 8]);
  });
});

it.each(tiers)("to maximize turns the gradient's sign, not the decay's ($name)", ({ sgd, adam, rmsprop }) => {
  const run = (gw: Float32Array, maximize: boolean): number[][] => {
    const arrays = Array.from({ length: 9 }, () => new Float32Array(3).fill(0.5));
    const [a, b, c, d, e, f, g, h, i] = arrays;
    const common = { lr: 0.1, weightDecay: 0.1, eps: 1e-3, maximize };
    sgd(a, gw, b, { ...common, momentum: 0.9, dampening: 0, nesterov: false, first: false });
    adam(c, gw, d, e, null, { ...common, beta1: 0.9, beta2: 0.99, decoupled: false, step: 2 });
    rmsprop(f, gw, g, h, i, { ...common, alpha: 0.9, momentum: 0.9 });
    return arrays.map((x) => [...x]);
  };
  expect(run(Float32Array.of(1, -2, 3), true)).toEqual(run(Float32Array.of(-1, 2, -3), false));
});
