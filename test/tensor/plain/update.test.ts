/** The update kernels called directly: what they write, and what they must not read. Whole trainings: test/nn/optim. */
import { describe, expect, it, vi } from "vitest";
import { tiers } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const plain = { lr: 0.5, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, first: true };

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
  const options = { lr: 0.5, beta1: 0.5, beta2: 0.75, eps: 0, weightDecay: 0, decoupled: false, step: 1 };

  it("step 1 corrects both moments' bias: w moves by lr", () => {
    const [w, m, v] = [Float64Array.of(1), new Float64Array(1), new Float64Array(1)];
    adam(w, Float64Array.of(4), m, v, options);
    expect([w[0], m[0], v[0]]).toEqual([0.5, 2, 4]);
  });

  it("step 2", () => {
    const [w, m, v] = [Float64Array.of(0.5), Float64Array.of(2), Float64Array.of(4)];
    adam(w, Float64Array.of(-2), m, v, { ...options, step: 2 });
    // m = 1 − 1 = 0, v = 3 + 1 = 4
    expect([w[0], m[0], v[0]]).toEqual([0.5, 0, 4]);
  });

  it("coupled decay changes the moments, decoupled only the weight", () => {
    const run = (decoupled: boolean): number[] => {
      const [w, m, v] = [Float64Array.of(4), new Float64Array(1), new Float64Array(1)];
      adam(w, Float64Array.of(0), m, v, { ...options, eps: 1, weightDecay: 0.5, decoupled });
      return [w[0], m[0], v[0]];
    };
    // Coupled: g = 2, m̂ = 2, v̂ = 4, w = 4 − 0.5·2/(2 + 1). Decoupled: w = (1 − 0.25)·4.
    expect(run(false)).toEqual([4 - 1 / 3, 1, 1]);
    expect(run(true)).toEqual([3, 0, 0]);
  });
});
