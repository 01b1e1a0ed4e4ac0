/** im2col and col2im: the patches of an image as columns, and the adjoint of taking them. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { naiveCol2im, naiveIm2col } from "../../../bench/naive.ts";
import { type ConvGeometry, convGeometry } from "../../../src/tensor/geometry/conv.ts";
import { convolutions, describeGeometry, named } from "../../support/convolutions.ts";
import { expectClose, random, tiers, unwritten } from "../../support/kernel.ts";

vi.mock("../../../src/tensor/simd/worth.ts", () => import("../../support/worth.ts"));

const sizes = (g: ConvGeometry): [image: number, columns: number] => [g.C * g.H * g.W, g.C * g.kh * g.kw * g.L];

describe.each(tiers)("im2col and col2im ($name)", ({ im2col, col2im }) => {
  it("an example: the four 2×2 patches of 1 … 9 are the columns", () => {
    const g = convGeometry([1, 1, 3, 3], [1, 1, 2, 2], null);
    const columns = unwritten(16);
    im2col(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), columns, g);
    expect([...columns]).toEqual([1, 2, 4, 5, 2, 3, 5, 6, 4, 5, 7, 8, 5, 6, 8, 9]);
  });

  it("col2im counts in how many patches a pixel is: 1 2 1, 2 4 2, 1 2 1", () => {
    const g = convGeometry([1, 1, 3, 3], [1, 1, 2, 2], null);
    const x = new Float32Array(9);
    col2im(new Float32Array(16).fill(1), x, g);
    expect([...x]).toEqual([1, 2, 1, 2, 4, 2, 1, 2, 1]);
  });

  const check = (g: ConvGeometry): void => {
    const [imageSize, columnsSize] = sizes(g);
    const x = random(imageSize, 1);
    const columns = unwritten(columnsSize);
    im2col(x, columns, g);
    const expected = new Float32Array(columnsSize);
    naiveIm2col(x, expected, g);
    expect(columns).toEqual(expected);

    // col2im adds to what is there.
    const start = random(imageSize, 2);
    const back = start.slice();
    const values = random(columnsSize, 3);
    col2im(values, back, g);
    const sum = Float64Array.from(start);
    naiveCol2im(Float64Array.from(values), sum, g);
    expectClose(back, sum, g.kh * g.kw + 1);
  };

  for (const [name, g] of named) it(name, () => check(g));

  it("random geometry", () => {
    fc.assert(fc.property(convolutions, check), { seed: 2, numRuns: 150 });
  });
});

describe("adjoint", () => {
  it("⟨im2col x, c⟩ = ⟨x, col2im c⟩ in float64, random geometry", () => {
    const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0);
    fc.assert(
      fc.property(convolutions, (g) => {
        const [imageSize, columnsSize] = sizes(g);
        const x = Float64Array.from(random(imageSize, 4));
        const c = Float64Array.from(random(columnsSize, 5));
        const columns = new Float64Array(columnsSize);
        const image = new Float64Array(imageSize);
        tiers[0].im2col(x, columns, g);
        tiers[0].col2im(c, image, g);
        expect(Math.abs(dot(columns, c) - dot(x, image)), describeGeometry(g)).toBeLessThan(1e-11);
      }),
      { seed: 3, numRuns: 150 },
    );
  });
});
