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
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { copyStrided } from "../../../src/tensor/simd/shape.ts";
import { random } from "../../support/kernel.ts";
import { engine, type Home, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const cases: [name: string, x: number[], y: number[], copy: CopyGeometry][] = [];
const one = (name: string, x: number[], { shape, copy }: { shape: readonly number[]; copy: CopyGeometry }): void => {
  cases.push([name, x, [...shape], copy]);
};
one(
  "slice [9,16,23] → [2:8, 1:9, 3:16]",
  [9, 16, 23],
  sliceGeometry(
    "slice",
    [9, 16, 23],
    [
      [2, 8],
      [1, 9],
      [3, 16],
    ],
  ),
);
one("slice of rows in steps of 2", [40, 33], sliceGeometry("slice", [40, 33], [[1, null, 2]]));
one(
  "every second pixel of [4,5,17,18]",
  [4, 5, 17, 18],
  sliceGeometry("slice", [4, 5, 17, 18], [null, null, [null, null, 2], [null, null, 2]]),
);
one("every third of [40,61], from the second on", [40, 61], sliceGeometry("slice", [40, 61], [null, [1, null, 3]]));
one(
  "pad [3,4,7,8] by 1, 2",
  [3, 4, 7, 8],
  padGeometry(
    "pad",
    [3, 4, 7, 8],
    [
      [0, 0],
      [0, 0],
      [1, 2],
      [2, 1],
    ],
  ),
);
one("expand [15,1] → [15,43]", [15, 1], expandGeometry("expand", [15, 1], [15, 43]));
one("expand [17] → [36,17]", [17], expandGeometry("expand", [17], [36, 17]));
one("transpose [32,24]", [32, 24], permuteGeometry("permute", [32, 24], [1, 0]));
one("transpose [33,29]", [33, 29], permuteGeometry("permute", [33, 29], [1, 0]));
one("transpose [90,7]", [90, 7], permuteGeometry("permute", [90, 7], [1, 0]));
one("transpose [6,103]", [6, 103], permuteGeometry("permute", [6, 103], [1, 0]));
one("NCHW [4,5,6,7] → NHWC", [4, 5, 6, 7], permuteGeometry("permute", [4, 5, 6, 7], [0, 2, 3, 1]));
one("heads [3,10,4,8] → [3,4,10,8]", [3, 10, 4, 8], permuteGeometry("permute", [3, 10, 4, 8], [0, 2, 1, 3]));
one("[4,5,4,7] → [7,4,5,4]", [4, 5, 4, 7], permuteGeometry("permute", [4, 5, 4, 7], [3, 2, 1, 0]));
for (const [i, copy] of concatGeometry(
  "concat",
  [
    [40, 19],
    [40, 17],
  ],
  1,
).copies.entries()) {
  cases.push([`concat, part ${i}`, [40, i === 0 ? 19 : 17], [40, 36], copy]);
}

describe.each(homes)("strided copies, %s arrays", (home) => {
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
      const got = place(home, before);
      const done = copyStrided(engine, place(home, source), got, g);
      expect([...got]).toEqual([...(done ? expected : before)]);
      if (from === x) expect(done).toBe(true);
    }
  });
});

it("left to the plain tier: few elements, short runs, a small part of a large ordinary array", () => {
  const refuses = (x: number[], ranges: ([number, number, number?] | null)[], home: Home): void => {
    const { shape, copy } = sliceGeometry("slice", x, ranges);
    const y = place(home, random(sizeOf(shape)));
    expect(copyStrided(engine, place(home, random(sizeOf(x))), y, copy)).toBe(false);
  };
  refuses([100, 10], [[0, 2]], "resident");
  refuses([300, 7], [null, [0, 7, 3]], "resident");
  refuses([1000, 40], [[0, 15]], "ordinary");
});
