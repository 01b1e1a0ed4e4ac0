/** Copies and selections against their definitions. That the geometries say the right thing: test/autograd/shaping. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type CopyGeometry, reversed } from "../../../src/tensor/geometry/copy.ts";
import { stridesOf } from "../../../src/tensor/shape.ts";
import { random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

/** Every (from, to) of a copy, by recursion over its axes. */
function pairs(g: CopyGeometry, axis = 0, from = g.xOffset, to = g.yOffset): [number, number][] {
  if (axis === g.shape.length) return [[from, to]];
  return Array.from({ length: g.shape[axis] }, (_, i) =>
    pairs(g, axis + 1, from + i * g.xStrides[axis], to + i * g.yStrides[axis]),
  ).flat();
}

describe.each(tiers)("moving ($name)", ({ copyStrided, indexSelect, indexAdd }) => {
  it("an example: the transpose of [2,3]", () => {
    const y = unwritten(6);
    const g = { shape: [3, 2], xOffset: 0, xStrides: [1, 3], yOffset: 0, yStrides: [2, 1] };
    copyStrided(Float32Array.of(1, 2, 3, 4, 5, 6), y, g);
    expect([...y]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("any strides, offsets and lengths; what is not reached is not touched", () => {
    const axes = fc.array(
      fc.record({
        length: fc.integer({ min: 0, max: 4 }),
        spread: fc.integer({ min: 1, max: 2 }),
        still: fc.boolean(),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(axes, fc.nat(3), fc.nat(3), (list, xOffset, yOffset) => {
        const shape = list.map(({ length }) => length);
        const roomy = list.map(({ length, spread }) => length * spread);
        const yStrides = stridesOf(roomy);
        // A stride of 0 reads one element again and again: expansion.
        const xStrides = yStrides.map((stride, d) => (list[d].still ? 0 : stride));
        const g = { shape, xOffset, xStrides, yOffset, yStrides };
        const size = 4 + roomy.reduce((a, b) => a * Math.max(1, b), 1);
        const x = random(size, 1);
        const y = new Float32Array(size).fill(7);
        copyStrided(x, y, g);
        const expected = new Float32Array(size).fill(7);
        for (const [from, to] of pairs(g)) expected[to] = x[from];
        expect(y).toEqual(expected);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("reversed brings everything back", () => {
    const g = { shape: [3, 2], xOffset: 1, xStrides: [1, 3], yOffset: 2, yStrides: [2, 1] };
    const x = random(8, 2);
    const there = new Float32Array(9);
    copyStrided(x, there, g);
    const back = new Float32Array(8);
    copyStrided(there, back, reversed(g));
    for (const [from] of pairs(g)) expect(back[from]).toBe(x[from]);
  });

  it.each([
    [1, 4, 1],
    [3, 4, 1],
    [1, 4, 5],
    [2, 4, 3],
    [0, 4, 2],
  ])("selection from [%i,%i,%i], and its adjoint: ⟨y, gy⟩ = ⟨x, gx⟩", (outer, length, inner) => {
    const g = { outer, length, inner };
    const index = Int32Array.of(2, 0, 2, 2, 1);
    const x = random(outer * length * inner, 1);
    const y = unwritten(outer * index.length * inner);
    indexSelect(x, index, y, g);
    for (let o = 0; o < outer; o++) {
      index.forEach((at, j) => {
        for (let i = 0; i < inner; i++) {
          expect(y[(o * index.length + j) * inner + i]).toBe(x[(o * length + at) * inner + i]);
        }
      });
    }
    const gy = Float64Array.from(random(y.length, 2));
    const gx = new Float64Array(x.length);
    indexAdd(gy, index, gx, g);
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);
    expect(dot(x, gx)).toBeCloseTo(dot(y, gy), 10);
  });

  it("indexAdd adds to what is there", () => {
    const gx = Float32Array.of(100, 200, 300);
    indexAdd(Float32Array.of(1, 2, 3), Int32Array.of(2, 0, 2), gx, { outer: 1, length: 3, inner: 1 });
    expect([...gx]).toEqual([102, 200, 304]);
  });
});
