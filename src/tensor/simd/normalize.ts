/**
 * Normalisation of x `[outer, groups, inner]`, and what usually follows it in one pass: addition of a shortcut, ReLU.
 *
 * A group is `outer` rows of `inner` numbers, `groups·inner` apart:
 *
 *   image 0 │ group 0 ├────┤ group 1 ├────┤ … │ image 1 │ group 0 ├────┤ …
 *
 * Each function of WebAssembly does one group; what there is one number of per group is computed here, in float64. So
 * the results are those of the plain tier up to a few roundings of float32 for each element, and two in its sums
 * (sums.ts). Rows of fewer than four numbers are left to the plain tier.
 *
 * Next: normalize-gradient.ts.
 */
import type { NormGeometry } from "../geometry/normalize.ts";
import type { Floats } from "../memory.ts";
import { type Func, f32x4, get, set } from "./assembler.ts";
import type { Engine } from "./engine.ts";
import { constant } from "./exponential.ts";
import { rowsFunction } from "./loops.ts";
import { rowsSumFunction } from "./reduce.ts";
import { doublesAt, SUM_LANES, totalOf } from "./sums.ts";
import { worthIt } from "./worth.ts";

/** Shorter rows leave the vectors empty. */
export const SHORTEST_ROW = 4;

/** Bytes from the end of a group's row to the start of its next. */
export function skipOf({ groups, inner }: NormGeometry): number {
  return 4 * (groups - 1) * inner;
}

/**
 * mean, variance (biased) → per group. Two passes, the second over the deviations from the mean. It subtracts the mean
 * rounded to float32, m̃, and corrects that: Σ(x − m)²/n = Σ(x − m̃)²/n − (m − m̃)².
 */
export function moments(engine: Engine, x: Floats, mean: Floats, variance: Floats, g: NormGeometry): boolean {
  const { outer, groups, inner } = g;
  // x is read twice.
  if (inner < SHORTEST_ROW || !worthIt(x, x)) return false;
  const { rowsSum, rowsSquares } = engine.program<"rowsSum" | "rowsSquares">("moments", () => [
    rowsSumFunction(),
    rowsSquaresFunction(),
  ]);
  const n = outer * inner;
  const skip = skipOf(g);
  return engine.run((call) => {
    const px = call.input(x);
    const at = call.scratch(2 * SUM_LANES);
    const lanes = doublesAt(engine, at, SUM_LANES);
    for (let c = 0; c < groups; c++) {
      const start = px + 4 * c * inner;
      rowsSum(start, outer, inner, skip, at);
      const m = totalOf(lanes) / n;
      const rounded = Math.fround(m);
      rowsSquares(start, outer, inner, skip, at, rounded);
      const squares = totalOf(lanes) / n - (m - rounded) ** 2;
      mean[c] = m;
      // Rounding can make it −1e-30 where all numbers are equal. NaN stays.
      variance[c] = squares < 0 ? 0 : squares;
    }
  });
}

/** rowsSquares(x, outer, inner, skip, lanes, m): Σ (x − m)². */
function rowsSquaresFunction(): Func {
  return rowsFunction(
    "rowsSquares",
    { arrays: 1, reads: [0], numbers: 1, sums: 1 },
    ({ x: [x], p: [m], terms: [term] }) => [set(x, get(x), get(m), f32x4.sub), set(term, get(x), get(x), f32x4.mul)],
  );
}

/** y → (x − mean)·rstd·weight + bias, all four per group; null weight is 1, null bias 0. */
export function normalize(
  engine: Engine,
  x: Floats,
  mean: Floats,
  rstd: Floats,
  weight: Floats | null,
  bias: Floats | null,
  y: Floats,
  g: NormGeometry,
): boolean {
  return normalizeThen(engine, x, mean, rstd, weight, bias, null, false, y, g);
}

/** y → max(0, (x − mean)·rstd·weight + bias + add): the end of a residual block in one pass. */
export function normalizeRelu(
  engine: Engine,
  x: Floats,
  mean: Floats,
  rstd: Floats,
  weight: Floats | null,
  bias: Floats | null,
  add: Floats | null,
  y: Floats,
  g: NormGeometry,
): boolean {
  return normalizeThen(engine, x, mean, rstd, weight, bias, add, true, y, g);
}

function normalizeThen(
  engine: Engine,
  x: Floats,
  mean: Floats,
  rstd: Floats,
  weight: Floats | null,
  bias: Floats | null,
  add: Floats | null,
  relu: boolean,
  y: Floats,
  g: NormGeometry,
): boolean {
  const { outer, groups, inner } = g;
  if (inner < SHORTEST_ROW || !worthIt(x, y, add)) return false;
  const key = `normalize${add ? " add" : ""}${relu ? " relu" : ""}`;
  const { scaleRows } = engine.program<"scaleRows">(key, () => [scaleRowsFunction(add !== null, relu)]);
  const skip = skipOf(g);
  return engine.run((call) => {
    const px = call.input(x);
    const pAdd = add ? call.input(add) : 0;
    const py = call.output(y);
    for (let c = 0; c < groups; c++) {
      const from = 4 * c * inner;
      const scale = weight ? rstd[c] * weight[c] : rstd[c];
      scaleRows(px + from, pAdd + from, py + from, outer, inner, skip, 0, mean[c], scale, bias ? bias[c] : 0);
    }
  });
}

/** scaleRows(x, add, y, outer, inner, skip, lanes, m, scale, shift): y → (x − m)·scale + shift, + add, max 0. */
function scaleRowsFunction(adds: boolean, relu: boolean): Func {
  return rowsFunction(
    "scaleRows",
    { arrays: 3, reads: adds ? [0, 1] : [0], writes: [2], numbers: 3 },
    ({ x: [x, add, y], p: [m, scale, shift] }) =>
      set(
        y,
        [get(x), get(m), f32x4.sub, get(scale), f32x4.mul, get(shift), f32x4.add],
        adds ? [get(add), f32x4.add] : [],
        relu ? [constant(0), f32x4.pmax] : [],
      ),
  );
}
