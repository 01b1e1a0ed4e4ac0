/** Pooling in SIMD against the plain tier: odd sizes, ceil mode, ties, NaN, −∞. */
import { beforeEach, describe, expect, it } from "vitest";
import { adaptivePoolGeometry, type PoolGeometry, poolGeometry } from "../../../src/tensor/geometry/pool.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { avgPool2d, avgPool2dGradient, maxPool2d } from "../../../src/tensor/simd/pool.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, expectUlps, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const shapes = [
  [2, 3, 16, 16],
  [1, 7, 13, 15],
  [7, 3, 7, 7],
  [1, 7, 9, 38],
  [3, 9, 5, 8],
  [60, 5, 2, 3],
];
const windows = [
  { kernelSize: 2 },
  { kernelSize: 2, ceilMode: true },
  { kernelSize: 3, stride: 2, padding: 1 },
  { kernelSize: 3, stride: 2, padding: 1, ceilMode: true },
];

describe.each(homes)("pooling, %s arrays", (home) => {
  describe.each(shapes.map((shape) => [shape]))("x=%j", (shape) => {
    it.each(windows)("maximum %j: values, places, ties, NaN and −∞", (options) => {
      const g = poolGeometry("maxPool2d", shape, options);
      const size = sizeOf(g.shape);
      const rng = new Rng(3);
      const specials = [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
      for (const share of [0, 0.3, 0.95]) {
        // Whole numbers, so that there are ties.
        const x = random(sizeOf(shape), 1).map((v) =>
          rng.uniform() < share ? specials[rng.integer(share > 0.9 ? 2 : 4)] : Math.round(v),
        );
        const [expected, expectedAt] = [unwritten(size), new Int32Array(size)];
        plainKernels.maxPool2d(x, expected, expectedAt, g);
        const [y, at] = [place(home, unwritten(size)), new Int32Array(size).fill(-7)];
        expect(maxPool2d(engine, place(home, x), y, at, g)).toBe(true);
        expectUlps(y, expected, 0);
        expect([...at]).toEqual([...expectedAt]);
      }
    });

    it("average over 2×2, and over whole planes", () => {
      for (const g of [
        poolGeometry("avgPool2d", shape, { kernelSize: 2 }),
        adaptivePoolGeometry("avgPool2d", shape, 1),
      ]) {
        const x = random(sizeOf(shape), 1);
        const expected = unwritten(sizeOf(g.shape));
        plainKernels.avgPool2d(x, expected, g);
        const y = place(home, unwritten(sizeOf(g.shape)));
        expect(avgPool2d(engine, place(home, x), y, g)).toBe(true);
        expectNear(y, expected, 4, 4);
      }
    });

    it("the gradient of the average over whole planes", () => {
      const g = adaptivePoolGeometry("avgPool2d", shape, 1);
      const gy = random(g.planes, 1);
      const expected = unwritten(sizeOf(shape));
      plainKernels.avgPool2dGradient(gy, expected, g);
      const gx = place(home, unwritten(sizeOf(shape)));
      expect(avgPool2dGradient(engine, place(home, gy), gx, g)).toBe(true);
      expectUlps(gx, expected, 0);
    });
  });

  it("writes nothing beside y", () => {
    const g = poolGeometry("maxPool2d", [1, 3, 14, 14], { kernelSize: 3, stride: 2, padding: 1 });
    const x = place("resident", random(588));
    const y = engine.arena.allocate(147)!;
    const next = place("resident", new Float32Array(64).fill(5));
    expect(maxPool2d(engine, x, y, new Int32Array(147), g)).toBe(true);
    expect([...next]).toEqual(new Array(64).fill(5));
  });

  it("left to the plain tier: other windows", () => {
    const refuses = (g: PoolGeometry): void => {
      const y = unwritten(sizeOf(g.shape));
      expect(maxPool2d(engine, random(1600), y, new Int32Array(y.length), g)).toBe(false);
      expect(avgPool2d(engine, random(1600), y, g)).toBe(false);
    };
    const x = [1, 4, 20, 20];
    refuses(poolGeometry("pool", x, { kernelSize: 3 }));
    refuses(poolGeometry("pool", x, { kernelSize: 2, stride: 1 }));
    refuses(poolGeometry("pool", x, { kernelSize: [2, 3], stride: 2 }));
    refuses(poolGeometry("pool", x, { kernelSize: 3, stride: 2, dilation: 2 }));
    refuses(adaptivePoolGeometry("pool", x, 7));
  });
});
