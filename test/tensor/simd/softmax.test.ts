/** The softmax family in SIMD against the plain tier. */
import { beforeEach, describe, expect, it } from "vitest";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { logSoftmax, logSoftmaxGradient, softmax, softmaxGradient } from "../../../src/tensor/simd/softmax.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, expectUlps, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const geometries = [
  { outer: 40, length: 17, inner: 1 },
  { outer: 7, length: 100, inner: 1 },
  { outer: 1, length: 1037, inner: 1 },
];

describe.each(homes)("softmax, %s arrays", (home) => {
  describe.each(geometries)("outer=$outer length=$length", (g) => {
    const size = g.outer * g.length;
    const x = random(size, 1).map((v) => 4 * v);
    const gy = random(size, 2);

    it("softmax and its gradient", () => {
      const [expected, expectedGradient] = [unwritten(size), unwritten(size)];
      plainKernels.softmax(x, expected, g);
      plainKernels.softmaxGradient(gy, expected, expectedGradient, g);
      const [y, gx] = [place(home, unwritten(size)), place(home, unwritten(size))];
      expect(softmax(engine, place(home, x), y, g)).toBe(true);
      // x − max is rounded: relative 2⁻²⁴ of its size, up to 32, in the exponent; then exp and the quotient.
      expectUlps(y, expected, 40);
      expect(softmaxGradient(engine, place(home, gy), place(home, expected), gx, g)).toBe(true);
      // Two roundings, of the products and of the difference: |gy| up to 5, |Σ gy·y| up to 5, y up to 1.
      expectNear(gx, expectedGradient, 4, 8);
    });

    it("logSoftmax and its gradient", () => {
      const [expected, expectedGradient] = [unwritten(size), unwritten(size)];
      plainKernels.logSoftmax(x, expected, g);
      plainKernels.logSoftmaxGradient(gy, expected, expectedGradient, g);
      const [y, gx] = [place(home, unwritten(size)), place(home, unwritten(size))];
      expect(logSoftmax(engine, place(home, x), y, g)).toBe(true);
      expectNear(y, expected, 4, 32);
      expect(logSoftmaxGradient(engine, place(home, gy), place(home, expected), gx, g)).toBe(true);
      expectNear(gx, expectedGradient, 6, 4 * Math.sqrt(g.length));
    });

    it("no overflow at ±1000, NaN and ∞ make their row NaN", () => {
      for (const special of [1000, -1000, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN]) {
        const z = x.slice();
        z[g.length - 1] = special;
        for (const [simd, plain] of [
          [softmax, plainKernels.softmax],
          [logSoftmax, plainKernels.logSoftmax],
        ] as const) {
          const expected = unwritten(size);
          plain(z, expected, g);
          const y = place(home, random(size, 3));
          expect(simd(engine, place(home, z), y, g)).toBe(true);
          for (let i = 0; i < size; i++) {
            if (Number.isFinite(expected[i])) expect(Math.abs(y[i] - expected[i])).toBeLessThan(1e-4);
            else expect(y[i]).toBe(expected[i]);
          }
        }
      }
    });
  });
});

it("left to the plain tier: other axes than the last, and ten classes", () => {
  expect(softmax(engine, random(2000), unwritten(2000), { outer: 10, length: 100, inner: 2 })).toBe(false);
  expect(softmax(engine, random(2000), unwritten(2000), { outer: 200, length: 10, inner: 1 })).toBe(false);
});
