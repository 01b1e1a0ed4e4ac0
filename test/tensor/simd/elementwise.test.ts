/** Element-wise SIMD kernels against the plain ones: every length around a vector's, broadcasting, NaN and ±∞. */
import { beforeEach, describe, expect, it } from "vitest";
import { broadcastGeometry } from "../../../src/tensor/geometry/broadcast.ts";
import type { BinaryOp } from "../../../src/tensor/kernels.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { binary, where } from "../../../src/tensor/simd/broadcast.ts";
import { addScaled, unary, unaryGradient } from "../../../src/tensor/simd/elementwise.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, expectUlps, homes, place } from "../../support/simd.ts";
import { UNARY, UNARY_OPS } from "../../support/unary.ts";

beforeEach(() => engine.arena.reset());

const special = Float32Array.of(
  ...[1.5, 2.5, -1.5, -2.5, -0.3, 8388607.5, 2 ** 31],
  ...[0, -0, 1, -1, 0.5, -0.5, 1e-30, -1e-30, 1e-40, -1e-40, 3e38, -3e38, 88, -88, 100, -100, -103.9, 0.625, 20, -20],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
);
/** Normal numbers with the special ones among them, in changing places. */
function numbers(n: number, seed: number): Float32Array {
  const rng = new Rng(seed);
  return random(n, seed).map((v) => (rng.uniform() < 0.2 ? special[rng.integer(special.length)] : 3 * v));
}

const BINARY_OPS: readonly BinaryOp[] = [
  ...(["add", "sub", "mul", "div", "maximum", "minimum", "eq", "ne", "lt", "le", "keep", "drop"] as const),
];

/** Lengths around 1, 4 and 16 numbers; long enough to be worth a call. */
const lengths = [512, 513, 515, 516, 527, 1037];

describe.each(homes)("element-wise, %s arrays", (home) => {
  it.each(UNARY_OPS)("%s and its gradient within a few units in the last place, or left to the plain tier", (op) => {
    const { ulps, p, q, cancels } = UNARY[op];
    for (const n of lengths) {
      const x = numbers(n, n);
      const gy = numbers(n, n + 1);
      const expected = unwritten(n);
      plainKernels.unary(op, x, expected, p, q);
      const y = place(home, unwritten(n));
      expect(unary(engine, op, place(home, x), y, p, q)).toBe(ulps[0] !== null);
      if (ulps[0] !== null) expectUlps(y, expected, ulps[0]);
      const expectedGradient = unwritten(n);
      plainKernels.unaryGradient(op, gy, x, expected, expectedGradient, p, q);
      const gx = place(home, unwritten(n));
      const done = unaryGradient(engine, op, place(home, gy), place(home, x), place(home, expected), gx, p, q);
      expect(done).toBe(ulps[1] !== null);
      if (ulps[1] === null) continue;
      if (!cancels) expectUlps(gx, expectedGradient, ulps[1]);
      else {
        const [got, expected] = [gx, expectedGradient].map((values) =>
          Float64Array.from(values, (v, i) =>
            Number.isFinite(v) && Math.abs(gy[i]) > 1e-30 ? v / Math.abs(gy[i]) : v,
          ),
        );
        expectNear(got, expected, ulps[1], 2);
      }
    }
  });

  it("clamp between bounds in the wrong order", () => {
    const x = numbers(513, 513);
    const expected = unwritten(513);
    plainKernels.unary("clamp", x, expected, 2, -1.5);
    const y = place(home, unwritten(513));
    unary(engine, "clamp", place(home, x), y, 2, -1.5);
    expectUlps(y, expected, 0);
  });

  it("exp, sigmoid and tanh all over float32: exp within 2 units in the last place, the others within 4", () => {
    const n = 200000;
    const x = Float32Array.from({ length: n }, (_, i) => -110 + (200 * i) / n);
    for (const [op, most] of [
      ["exp", 2],
      ["sigmoid", 4],
      ["tanh", 4],
    ] as const) {
      for (const range of [1, 0.1, 0.001]) {
        const scaled = x.map((v) => v * range);
        const expected = unwritten(n);
        plainKernels.unary(op, scaled, expected);
        const y = place(home, unwritten(n));
        unary(engine, op, place(home, scaled), y);
        expectUlps(y, expected, most);
      }
    }
  });

  it("y += alpha·x", () => {
    for (const n of lengths) {
      for (const alpha of [1, -0.3]) {
        const x = random(n, n);
        const y = random(n, n + 1);
        const expected = y.slice();
        plainKernels.addScaled(alpha, x, expected);
        const got = place(home, y);
        expect(addScaled(engine, alpha, place(home, x), got)).toBe(true);
        // Rounded twice, and alpha once.
        expectNear(got, expected, 3, 5);
      }
    }
  });

  const shapes: [a: number[], b: number[]][] = [
    [[1037], [1037]],
    [[64, 17], [1]],
    [[1], [64, 17]],
    [
      [3, 5, 7, 9],
      [1, 5, 1, 1],
    ],
    [
      [1, 5, 1, 1],
      [3, 5, 7, 9],
    ],
    [[50, 33], [33]],
    [
      [50, 1],
      [50, 33],
    ],
    [
      [40, 1],
      [1, 31],
    ],
    [
      [2, 1, 4, 1, 19],
      [3, 1, 5, 19],
    ],
  ];
  it.each(shapes)("%j with %j", (a, b) => {
    const g = broadcastGeometry("add", a, b);
    for (const op of BINARY_OPS) {
      const x = numbers(sizeOf(a), 1);
      const z = numbers(sizeOf(b), 2);
      const expected = unwritten(g.size);
      plainKernels.binary(op, x, z, expected, g);
      const y = place(home, unwritten(g.size));
      expect(binary(engine, op, place(home, x), place(home, z), y, g)).toBe(true);
      expectUlps(y, expected, 0);
    }
  });

  it.each([
    [true, true, true],
    [true, true, false],
    [true, false, true],
    [true, false, false],
    [false, true, true],
  ])("where, with a number for each condition, a and b that is false: %s %s %s", (...runs) => {
    for (const n of lengths) {
      const [c, a, b] = runs.map((run, i) => numbers(run ? n : 1, n + i));
      const expected = unwritten(n);
      plainKernels.where(c, a, b, expected);
      const y = place(home, unwritten(n));
      expect(where(engine, place(home, c), place(home, a), place(home, b), y)).toBe(true);
      expectUlps(y, expected, 0);
    }
  });

  it("left to the plain tier: powers, short rows, nothing at all", () => {
    const g = broadcastGeometry("add", [1000], [1000]);
    expect(binary(engine, "pow", random(1000), random(1000), unwritten(1000), g)).toBe(false);
    const short = broadcastGeometry("add", [1000, 3], [3]);
    expect(binary(engine, "add", random(3000), random(3), unwritten(3000), short)).toBe(false);
    const none = broadcastGeometry("add", [0], [0]);
    expect(binary(engine, "add", random(0), random(0), unwritten(0), none)).toBe(false);
  });
});
