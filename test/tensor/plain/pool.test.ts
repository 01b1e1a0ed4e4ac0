/** Pooling against its definition: every window, tap by tap, padding included. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { adaptivePoolGeometry, poolGeometry } from "../../../src/tensor/geometry/pool.ts";
import { random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

interface Options {
  x: [number, number, number, number];
  kernelSize: [number, number];
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  ceilMode: boolean;
  countIncludePad: boolean;
}

const small = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });
const pair = (max: number): fc.Arbitrary<[number, number]> => fc.tuple(small(max), small(max));

const poolings: fc.Arbitrary<Options> = fc
  .record({
    x: fc.tuple(small(2), small(3), small(9, 4), small(9, 4)),
    kernelSize: pair(4),
    stride: pair(3),
    dilation: pair(2),
    share: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
    ceilMode: fc.boolean(),
    countIncludePad: fc.boolean(),
  })
  .map(({ share, ...options }) => {
    const extent = (axis: number): number => options.dilation[axis] * (options.kernelSize[axis] - 1) + 1;
    const padding = share.map((s, axis) => Math.round(s * Math.floor(extent(axis) / 2))) as [number, number];
    return { ...options, padding };
  })
  .filter(({ x, kernelSize, padding, dilation }) =>
    [0, 1].every((axis) => x[2 + axis] + 2 * padding[axis] > dilation[axis] * (kernelSize[axis] - 1)),
  );

/** Every window's taps: `pixel` is the index in the plane, or −1 in the padding. Beyond the padding there is nothing. */
function windowsOf(
  { x: [, , H, W], kernelSize, stride, padding, dilation }: Options,
  Ho: number,
  Wo: number,
): number[][] {
  const windows: number[][] = [];
  for (let i = 0; i < Ho; i++) {
    for (let j = 0; j < Wo; j++) {
      const taps: number[] = [];
      for (let u = 0; u < kernelSize[0]; u++) {
        for (let v = 0; v < kernelSize[1]; v++) {
          const h = i * stride[0] + u * dilation[0] - padding[0];
          const w = j * stride[1] + v * dilation[1] - padding[1];
          if (h >= H + padding[0] || w >= W + padding[1]) continue;
          taps.push(h < 0 || w < 0 || h >= H || w >= W ? -1 : h * W + w);
        }
      }
      windows.push(taps);
    }
  }
  return windows;
}

describe.each(tiers)("pooling ($name)", ({ maxPool2d, maxPool2dGradient, avgPool2d, avgPool2dGradient }) => {
  it("an example: the maxima of 1 … 16 in 2×2 windows are 6 8 14 16, at 5 7 13 15", () => {
    const g = poolGeometry("maxPool2d", [1, 1, 4, 4], { kernelSize: 2 });
    const [y, at] = [unwritten(4), new Int32Array(4)];
    maxPool2d(
      Float32Array.from({ length: 16 }, (_, i) => i + 1),
      y,
      at,
      g,
    );
    expect([...y]).toEqual([6, 8, 14, 16]);
    expect([...at]).toEqual([5, 7, 13, 15]);
  });

  it("random geometry against the definition", () => {
    fc.assert(
      fc.property(poolings, (options) => {
        const [N, C, H, W] = options.x;
        const g = poolGeometry("pool", options.x, options);
        const plane = H * W;
        const windows = windowsOf(options, g.Ho, g.Wo);
        // Whole numbers from a small range, so that there are ties; + 0 turns −0 into 0.
        const x = random(N * C * plane, 1).map((v) => Math.round(2 * v) + 0);
        const gy = random(N * C * windows.length, 2);
        const expected = { max: [] as number[], at: [] as number[], average: [] as number[] };
        const gMax = new Float64Array(x.length);
        const gAverage = new Float64Array(x.length);
        for (let p = 0, k = 0; p < N * C; p++) {
          for (const taps of windows) {
            const inside = taps.filter((pixel) => pixel >= 0);
            const values = inside.map((pixel) => x[p * plane + pixel]);
            const winner = inside[values.indexOf(Math.max(...values))];
            const divisor = options.countIncludePad ? taps.length : inside.length;
            expected.max.push(Math.max(...values));
            expected.at.push(winner);
            expected.average.push(Math.fround(values.reduce((sum, v) => sum + v, 0) / divisor));
            gMax[p * plane + winner] += gy[k];
            for (const pixel of inside) gAverage[p * plane + pixel] += gy[k] / divisor;
            k++;
          }
        }
        const y = unwritten(gy.length);
        const at = new Int32Array(gy.length);
        maxPool2d(x, y, at, g);
        expect([...y]).toEqual(expected.max);
        expect([...at]).toEqual(expected.at);
        y.fill(Number.NaN);
        avgPool2d(x, y, g);
        expect([...y]).toEqual(expected.average);
        for (const [gradient, run] of [
          [gMax, (gx: Float32Array) => maxPool2dGradient(gy, at, gx, g)],
          [gAverage, (gx: Float32Array) => avgPool2dGradient(gy, gx, g)],
        ] as const) {
          const gx = unwritten(x.length);
          run(gx);
          // At most 16 windows meet in a pixel, each adds a rounding of a float32 sum of order 1.
          expect(Math.max(...gx.map((v, i) => Math.abs(v - gradient[i])))).toBeLessThan(1e-5);
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it("adaptive cells: length 7 in 3 is rows 0–2, 2–4, 4–6", () => {
    const g = adaptivePoolGeometry("adaptiveAvgPool2d", [1, 1, 7, 1], [3, 1]);
    const y = unwritten(3);
    avgPool2d(Float32Array.of(1, 2, 3, 4, 5, 6, 10), y, g);
    expect([...y]).toEqual([2, 4, 7]);
  });
});
