/** Convolution and its gradients against their definitions, over random geometry. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { naiveConv2d, naiveConv2dInputGradient, naiveConv2dWeightGradient } from "../../../bench/naive.ts";
import { type ConvGeometry, convGeometry } from "../../../src/tensor/geometry/conv.ts";
import { convolutions, named } from "../../support/convolutions.ts";
import { expectClose, random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const float64 = (values: Float32Array): Float64Array => Float64Array.from(values);

describe.each(tiers)("convolution ($name)", ({ conv2d, conv2dInputGradient, conv2dWeightGradient }) => {
  it("an example: x = 1 … 9, w = [1 0; 0 −1], b = 0.5", () => {
    const g = convGeometry([1, 1, 3, 3], [1, 1, 2, 2], [1]);
    const [x, w, b] = [Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), Float32Array.of(1, 0, 0, -1), Float32Array.of(0.5)];
    const y = unwritten(4);
    conv2d(x, w, b, y, g);
    expect([...y]).toEqual([-3.5, -3.5, -3.5, -3.5]);
    const gx = unwritten(9);
    conv2dInputGradient(Float32Array.of(1, 10, 100, 1000), w, gx, g);
    expect([...gx]).toEqual([1, 10, 0, 100, 1000 - 1, -10, 0, -100, -1000]);
    const gw = unwritten(4);
    conv2dWeightGradient(Float32Array.of(1, 0, 0, 10), x, gw, g);
    expect([...gw]).toEqual([1 + 50, 2 + 60, 4 + 80, 5 + 90]);
  });

  const forward = (g: ConvGeometry): void => {
    const [x, w, b] = [random(g.N * g.C * g.H * g.W, 1), random(g.O * g.K, 2), random(g.O, 3)];
    for (const bias of [b, null]) {
      const y = unwritten(g.N * g.O * g.L);
      const expected = new Float64Array(y.length);
      conv2d(x, w, bias, y, g);
      naiveConv2d(float64(x), float64(w), bias && float64(bias), expected, g);
      expectClose(y, expected, g.K + 1);
    }
  };
  const inputGradient = (g: ConvGeometry): void => {
    const [gy, w] = [random(g.N * g.O * g.L, 1), random(g.O * g.K, 2)];
    const gx = unwritten(g.N * g.C * g.H * g.W);
    const expected = new Float64Array(gx.length);
    conv2dInputGradient(gy, w, gx, g);
    naiveConv2dInputGradient(float64(gy), float64(w), expected, g);
    expectClose(gx, expected, g.Og * g.kh * g.kw);
  };
  const weightGradient = (g: ConvGeometry): void => {
    const [gy, x] = [random(g.N * g.O * g.L, 1), random(g.N * g.C * g.H * g.W, 2)];
    const gw = unwritten(g.O * g.K);
    const expected = new Float64Array(gw.length);
    conv2dWeightGradient(gy, x, gw, g);
    naiveConv2dWeightGradient(float64(gy), float64(x), expected, g);
    expectClose(gw, expected, g.N * g.L);
  };

  for (const [name, g] of named) {
    it(`${name}: forward`, () => forward(g));
    it(`${name}: input gradient`, () => inputGradient(g));
    it(`${name}: weight gradient`, () => weightGradient(g));
  }
  it("random geometry: forward", () => {
    fc.assert(fc.property(convolutions, forward), { seed: 4, numRuns: 150 });
  });
  it("random geometry: input gradient", () => {
    fc.assert(fc.property(convolutions, inputGradient), { seed: 5, numRuns: 150 });
  });
  it("random geometry: weight gradient", () => {
    fc.assert(fc.property(convolutions, weightGradient), { seed: 6, numRuns: 150 });
  });

  it("a NaN in the image reaches the results that see it, and no others", () => {
    const g = convGeometry([1, 2, 5, 5], [3, 2, 3, 3], null, { padding: 1 });
    const x = random(50);
    x[0] = Number.NaN;
    const y = unwritten(75);
    conv2d(x, random(54, 1), null, y, g);
    const seen = new Set([0, 1, 5, 6]);
    y.forEach((value, i) => {
      expect(Number.isNaN(value), `y[${i}]`).toBe(seen.has(i % 25));
    });
  });

  it("a small convolution after a large one does not see what the large one left in the scratch", () => {
    forward(convGeometry([1, 8, 20, 20], [8, 8, 3, 3], null, { padding: 1 }));
    const small = convGeometry([1, 2, 3, 3], [2, 2, 3, 3], null, { padding: 2, stride: 2 });
    forward(small);
    inputGradient(small);
    weightGradient(small);
  });

  it("an empty batch: no results, and a weight gradient of zeros", () => {
    const g = convGeometry([0, 2, 5, 5], [3, 2, 3, 3], null);
    const none = new Float32Array(0);
    conv2d(none, random(54), null, none, g);
    conv2dInputGradient(none, random(54), none, g);
    const gw = unwritten(54);
    conv2dWeightGradient(none, none, gw, g);
    expect(gw.every((v) => v === 0)).toBe(true);
  });
});
