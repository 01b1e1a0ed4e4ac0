/** Softmax kernels against their definitions in float64, along first, middle and last axes. */
import { describe, expect, it, vi } from "vitest";
import type { AxisGeometry } from "../../../src/tensor/geometry/axis.ts";
import { random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const geometries: AxisGeometry[] = [
  { outer: 4, length: 5, inner: 1 },
  { outer: 1, length: 6, inner: 3 },
  { outer: 2, length: 3, inner: 4 },
  { outer: 3, length: 1, inner: 2 },
];

/** The positions of one distribution. */
const fiber = ({ length, inner }: AxisGeometry, o: number, i: number): number[] =>
  Array.from({ length }, (_, c) => (o * length + c) * inner + i);

function eachFiber(g: AxisGeometry, visit: (positions: number[]) => void): void {
  for (let o = 0; o < g.outer; o++) for (let i = 0; i < g.inner; i++) visit(fiber(g, o, i));
}

const near = (got: number, expected: number): void => {
  expect(Math.abs(got - expected)).toBeLessThanOrEqual(2 ** -21 * Math.max(1, Math.abs(expected)));
};

describe.each(tiers)("softmax ($name)", ({ softmax, logSoftmax, softmaxGradient, logSoftmaxGradient }) => {
  it("an example: ln 1, ln 2, ln 5", () => {
    const y = unwritten(3);
    const x = Float32Array.of(0, Math.log(2), Math.log(5));
    softmax(x, y, { outer: 1, length: 3, inner: 1 });
    [1 / 8, 2 / 8, 5 / 8].forEach((p, i) => {
      near(y[i], p);
    });
    logSoftmax(x, y, { outer: 1, length: 3, inner: 1 });
    [1 / 8, 2 / 8, 5 / 8].forEach((p, i) => {
      near(y[i], Math.log(p));
    });
  });

  describe.each(geometries)("outer=$outer length=$length inner=$inner", (g) => {
    const size = g.outer * g.length * g.inner;
    const x = random(size, 1);
    const gy = random(size, 2);

    it("softmax and logSoftmax", () => {
      const [y, logarithm] = [unwritten(size), unwritten(size)];
      softmax(x, y, g);
      logSoftmax(x, logarithm, g);
      eachFiber(g, (at) => {
        const total = at.reduce((sum, k) => sum + Math.exp(x[k]), 0);
        for (const k of at) {
          near(y[k], Math.exp(x[k]) / total);
          near(logarithm[k], x[k] - Math.log(total));
        }
      });
    });

    it("gradients: Jᵀ gy with the Jacobian written out", () => {
      const y = unwritten(size);
      softmax(x, y, g);
      const logarithm = y.map(Math.log);
      const [gx, gLog] = [unwritten(size), unwritten(size)];
      softmaxGradient(gy, y, gx, g);
      logSoftmaxGradient(gy, logarithm, gLog, g);
      eachFiber(g, (at) => {
        for (const i of at) {
          const delta = (j: number): number => (i === j ? 1 : 0);
          near(
            gx[i],
            at.reduce((sum, j) => sum + gy[j] * y[j] * (delta(j) - y[i]), 0),
          );
          near(
            gLog[i],
            at.reduce((sum, j) => sum + gy[j] * (delta(j) - y[i]), 0),
          );
        }
      });
    });
  });

  it("scores of ±10⁴ neither overflow nor vanish from the logarithm", () => {
    const x = Float32Array.of(1e4, -1e4);
    const y = unwritten(2);
    softmax(x, y, { outer: 1, length: 2, inner: 1 });
    expect([...y]).toEqual([1, 0]);
    logSoftmax(x, y, { outer: 1, length: 2, inner: 1 });
    expect([...y]).toEqual([0, -2e4]);
  });
});
