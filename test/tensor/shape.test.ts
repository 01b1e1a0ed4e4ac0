/** Index arithmetic and broadcasting, and the geometries derived from them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/tensor/errors.ts";
import { broadcastGeometry, stretchedAxes, stretchedStrides } from "../../src/tensor/geometry/broadcast.ts";
import { copyGeometry } from "../../src/tensor/geometry/copy.ts";
import { reduceGeometry } from "../../src/tensor/geometry/reduce.ts";
import {
  broadcastShapes,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  sizeOf,
  stridesOf,
} from "../../src/tensor/shape.ts";

describe("sizes, strides, axes", () => {
  it("sizeOf and stridesOf", () => {
    expect([sizeOf([]), sizeOf([2, 3, 4]), sizeOf([2, 0])]).toEqual([1, 24, 0]);
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(stridesOf([])).toEqual([]);
  });

  it("sameShape and formatShape", () => {
    expect(sameShape([2, 3], [2, 3])).toBe(true);
    expect(sameShape([2, 3], [2, 3, 1])).toBe(false);
    expect(sameShape([2, 3], [3, 2])).toBe(false);
    expect(formatShape([8, 3, 32, 32])).toBe("[8,3,32,32]");
    expect(formatShape([])).toBe("[]");
  });

  it("checkShape refuses what is no length", () => {
    for (const shape of [[-1], [1.5], [Number.NaN], [Number.POSITIVE_INFINITY]]) {
      expect(() => checkShape("test", shape)).toThrow(ShapeError);
    }
    expect(() => checkShape("test", [0, 1])).not.toThrow();
  });

  it("negative axes count from the end", () => {
    expect(normalizeAxis("test", -1, 3)).toBe(2);
    expect(() => normalizeAxis("test", 3, 3, [1, 2, 3])).toThrow(
      "test: axis 3 does not exist in a tensor of rank 3 (x [1,2,3])",
    );
    expect(() => normalizeAxis("test", -4, 3)).toThrow(ShapeError);
    expect(() => normalizeAxis("test", 0, 0)).toThrow(ShapeError);
    expect(normalizeAxes("test", [-1, 0], [4, 5, 6])).toEqual([0, 2]);
    expect(normalizeAxes("test", undefined, [4, 5])).toEqual([0, 1]);
    expect(() => normalizeAxes("test", [0, -2], [4, 5])).toThrow("test: axes [0,-2] name an axis twice (x [4,5])");
  });
});

describe("broadcasting", () => {
  it.each([
    [
      [8, 1, 5],
      [3, 1],
      [8, 3, 5],
    ],
    [[], [2, 3], [2, 3]],
    [[1], [0], [0]],
    [[2, 0], [1], [2, 0]],
    [[1, 1, 1], [7], [1, 1, 7]],
  ])("%j and %j give %j, in either order", (a, b, expected) => {
    expect(broadcastShapes("test", a, b)).toEqual(expected);
    expect(broadcastShapes("test", b, a)).toEqual(expected);
  });

  it("refuses lengths that differ and are not 1, naming the axis from the end", () => {
    expect(() => broadcastShapes("add", [2, 3, 4], [2, 4])).toThrow(
      "add: shapes [2,3,4] and [2,4] do not broadcast: axis -2 is 3 in one and 2 in the other",
    );
    expect(() => broadcastShapes("add", [0], [2])).toThrow(ShapeError);
  });

  it("stretched strides are 0, stretched axes are summed over: the rank lifted and an axis stretched at once", () => {
    expect(stretchedStrides([3, 1], [2, 3, 4])).toEqual([0, 1, 0]);
    expect(stretchedAxes([3, 1], [2, 3, 4])).toEqual([0, 2]);
    expect(stretchedAxes([1], [1])).toEqual([]);
  });

  it("axes that both inputs cross in the same way are merged: a bias per channel is three axes, a bias per row two", () => {
    const channel = broadcastGeometry("add", [2, 5, 3, 4], [1, 5, 1, 1]);
    expect(channel).toMatchObject({
      outer: [2, 5],
      outerStridesB: [0, 1],
      inner: 12,
      innerStrideA: 1,
      innerStrideB: 0,
    });
    const row = broadcastGeometry("add", [7, 3, 4], [4]);
    expect(row).toMatchObject({ outer: [21], outerStridesA: [4], outerStridesB: [0], inner: 4, innerStrideB: 1 });
    expect(broadcastGeometry("add", [2, 3], [2, 3])).toMatchObject({ same: true, inner: 6 });
    expect(broadcastGeometry("add", [2, 3], [])).toMatchObject({ outer: [], inner: 6, innerStrideB: 0 });
  });
});

describe("walks", () => {
  it("copyGeometry merges neighbours and drops lengths of 1", () => {
    expect(copyGeometry([2, 1, 3, 4], [12, 12, 4, 1], [12, 12, 4, 1])).toMatchObject({ shape: [24], xStrides: [1] });
    expect(copyGeometry([2, 3, 4], [100, 4, 1], [12, 4, 1])).toMatchObject({ shape: [2, 12], xStrides: [100, 1] });
    expect(copyGeometry([], [], [])).toMatchObject({ shape: [] });
  });

  it("reduceGeometry reaches every element of x exactly once, whatever the axes", () => {
    const inputs = fc
      .array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 })
      .chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()])));
    fc.assert(
      fc.property(inputs, ([shape, axes]) => {
        const g = reduceGeometry("test", shape, axes, false);
        const seen: number[] = [];
        for (const k of g.kept) {
          for (const r of g.reduced) for (let i = 0; i < g.inner; i++) seen.push(k + r + i * g.innerStride);
        }
        expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
        expect(g.shape).toEqual(shape.filter((_, axis) => !axes.includes(axis)));
        expect(g.kept.length).toBe(sizeOf(g.shape));
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
