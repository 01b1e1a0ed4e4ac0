/** Element-wise kernels against one-line definitions: every operation, every kind of broadcasting, special values. */
import { describe, expect, it, vi } from "vitest";
import { broadcastGeometry } from "../../../src/tensor/geometry/broadcast.ts";
import type { BinaryOp } from "../../../src/tensor/kernels.ts";
import { type Shape, sizeOf } from "../../../src/tensor/shape.ts";
import { random, tiers, unwritten } from "../../support/kernel.ts";
import { UNARY, UNARY_OPS } from "../../support/unary.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const BINARY: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  maximum: Math.max,
  minimum: Math.min,
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  keep: (a, b) => (b !== 0 ? a : 0),
  drop: (a, b) => (b === 0 ? a : 0),
};

const shapes: readonly (readonly [Shape, Shape])[] = [
  [
    [3, 5],
    [3, 5],
  ],
  [[3, 5], [5]],
  [
    [3, 5],
    [3, 1],
  ],
  [[2, 3], []],
  [[], [2, 3]],
  [
    [2, 3, 4, 5],
    [1, 3, 1, 1],
  ],
  [
    [3, 1, 5],
    [1, 4, 1],
  ],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [1, 3],
    [0, 3],
  ],
  [[1], [1]],
];

/** y by coordinates: no merged axes, no strides of the geometry under test. */
function broadcast(
  f: (a: number, b: number) => number,
  a: Float32Array,
  as: Shape,
  b: Float32Array,
  bs: Shape,
  shape: Shape,
) {
  return Float32Array.from({ length: sizeOf(shape) }, (_, k) => {
    let rest = k;
    let [i, j, iStep, jStep] = [0, 0, 1, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const at = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
      const p = as[axis - shape.length + as.length] ?? 1;
      const q = bs[axis - shape.length + bs.length] ?? 1;
      if (p !== 1) i += at * iStep;
      if (q !== 1) j += at * jStep;
      iStep *= p;
      jStep *= q;
    }
    return f(a[i], b[j]);
  });
}

describe.each(tiers)("element-wise ($name)", ({ binary, unary, unaryGradient, addScaled }) => {
  describe.each(Object.keys(BINARY) as BinaryOp[])("%s", (op) => {
    it.each(shapes)("a=%j b=%j", (as, bs) => {
      const g = broadcastGeometry(op, as, bs);
      const a = random(sizeOf(as), 1).map(op === "pow" ? Math.abs : (v) => v);
      const b = random(sizeOf(bs), 2);
      const y = unwritten(g.size);
      binary(op, a, b, y, g);
      expect(y).toEqual(broadcast(BINARY[op], a, as, b, bs, g.shape));
    });
  });

  it("maximum and minimum give NaN if either is NaN", () => {
    const g = broadcastGeometry("maximum", [3], [3]);
    for (const op of ["maximum", "minimum"] as const) {
      const y = unwritten(3).fill(0);
      binary(op, Float32Array.of(Number.NaN, 1, 1), Float32Array.of(1, Number.NaN, 1), y, g);
      expect([...y]).toEqual([Number.NaN, Number.NaN, 1]);
    }
  });

  describe.each(UNARY_OPS)("%s", (op) => {
    const { f, p, q, where } = UNARY[op];
    const x = random(50, 3).map((v) => (where === "positive" ? 0.2 + Math.abs(v) : 2 * v));

    it("against its definition", () => {
      const y = unwritten(x.length);
      unary(op, x, y, p, q);
      // Two roundings to float32 of numbers up to 20: its spacing there is 2⁻¹⁹.
      y.forEach((v, i) => {
        expect(Math.abs(v - f(x[i]))).toBeLessThanOrEqual(2 ** -20 * Math.max(1, Math.abs(f(x[i]))));
      });
    });

    it("its gradient against a central difference in float64", () => {
      const points = Float64Array.from(x);
      const at = (step: number): Float64Array => {
        const y = new Float64Array(points.length);
        unary(
          op,
          points.map((v) => v + step),
          y,
          p,
          q,
        );
        return y;
      };
      const gy = Float64Array.from(random(x.length, 4));
      const gx = new Float64Array(x.length).fill(Number.NaN);
      unaryGradient(op, gy, points, at(0), gx, p, q);
      const [above, below] = [at(1e-6), at(-1e-6)];
      gx.forEach((v, i) => {
        expect(Math.abs(v - (gy[i] * (above[i] - below[i])) / 2e-6)).toBeLessThan(1e-7 * Math.max(1, Math.abs(v)));
      });
    });
  });

  it("gelu to double precision against a table of Φ: 0, ±1, ±2 at the switch of formulas, ±6", () => {
    // Φ from Abramowitz & Stegun, table 26.1, and erfc for the tails.
    const table: [number, number][] = [
      [0, 0.5],
      [1, 0.841344746068543],
      [2, 0.977249868051821],
      [3, 0.99865010196837],
      [6, 1 - 9.865876450376981e-10],
    ];
    for (const [x, phi] of table) {
      const y = new Float64Array(2);
      unary("gelu", Float64Array.of(x, -x), y);
      expect(Math.abs(y[0] - x * phi)).toBeLessThan(1e-14 * Math.max(1, x));
      expect(Math.abs(y[1] + x * (1 - phi))).toBeLessThan(1e-14 * Math.max(1, x));
    }
  });

  it("addScaled adds to what is there", () => {
    const y = Float32Array.of(1, 2, 3);
    addScaled(1, Float32Array.of(10, 20, 30), y);
    expect([...y]).toEqual([11, 22, 33]);
    addScaled(-0.5, Float32Array.of(2, 4, 6), y);
    expect([...y]).toEqual([10, 20, 30]);
  });
});
