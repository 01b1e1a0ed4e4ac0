/** Strided copies in SIMD against the plain tier: every element the same, none other touched. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  type CopyGeometry,
  concatGeometry,
  expandGeometry,
  padGeometry,
  permuteGeometry,
  reversed,
  sliceGeometry,
} from "../../../src/tensor/geometry/copy.ts";
import { plainKernels } from "../../../src/tensor/kernels/index.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { copyStrided } from "../../../src/tensor/simd/copy.ts";
import { random } from "../../support/kernel.ts";
import { engine, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const cases: [name: string, x: number[], y: number[], copy: CopyGeometry][] = [];
const one = (name: string, x: number[], { shape, copy }: { shape: readonly number[]; copy: CopyGeometry }): void => {
  cases.push([name, x, [...shape], copy]);
};
one("slice [6,9,13] → [2:5, 1:8, 3:12]", [6, 9, 13], sliceGeometry("slice", [6, 9, 13], [[2, 5], [1, 8], [3, 12]]));
one("slice of rows in steps of 2", [40, 33], sliceGeometry("slice", [40, 33], [[1, null, 2]]));
one("pad [3,4,5,6] by 1, 2", [3, 4, 5, 6], padGeometry("pad", [3, 4, 5, 6], [[0, 0], [0, 0], [1, 2], [2, 1]]));
one("expand [5,1] → [5,33]", [5, 1], expandGeometry("expand", [5, 1], [5, 33]));
one("expand [7] → [6,7]", [7], expandGeometry("expand", [7], [6, 7]));
one("transpose [16,12]", [16, 12], permuteGeometry("permute", [16, 12], [1, 0]));
one("transpose [17,13]", [17, 13], permuteGeometry("permute", [17, 13], [1, 0]));
one("transpose [6,7]", [6, 7], permuteGeometry("permute", [6, 7], [1, 0]));
one("NCHW [2,5,4,7] → NHWC", [2, 5, 4, 7], permuteGeometry("permute", [2, 5, 4, 7], [0, 2, 3, 1]));
one("heads [3,10,4,8] → [3,4,10,8]", [3, 10, 4, 8], permuteGeometry("permute", [3, 10, 4, 8], [0, 2, 1, 3]));
one("[2,5,4,7] → [7,4,5,2]", [4, 5, 4, 7], permuteGeometry("permute", [4, 5, 4, 7], [3, 2, 1, 0]));
for (const [i, copy] of concatGeometry("concat", [[4, 9], [4, 17]], 1).copies.entries()) {
  cases.push([`concat, part ${i}`, [4, i === 0 ? 9 : 17], [4, 26], copy]);
}

describe("copies within the engine's memory", () => {
  it.each(cases)("%s", (_, x, y, copy) => {
    for (const [from, to, g] of [
      [x, y, copy],
      [y, x, reversed(copy)],
    ] as const) {
      // Expand's reverse would write one element several times.
      if (g.yStrides.includes(0)) continue;
      const source = random(sizeOf(from), 1);
      const before = random(sizeOf(to), 2);
      const expected = before.slice();
      plainKernels.copyStrided(source, expected, g);
      const got = place("resident", before);
      if (copyStrided(engine, place("resident", source), got, g)) expect([...got]).toEqual([...expected]);
      else expect(from).toBe(y);
    }
  });
});
