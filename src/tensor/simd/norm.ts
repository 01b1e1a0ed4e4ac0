/**
 * Normalisation of x `[outer, groups, inner]`, fused with what usually follows: addition of a shortcut, ReLU.
 *
 * A group is `outer` rows of `inner` numbers, `groups·inner` apart:
 *
 *   image 0 │ group 0 ├────┤ group 1 ├────┤ … │ image 1 │ group 0 ├────┤ …
 *
 * Each WebAssembly function goes through all of x. Between two passes, the numbers of each group are computed here, in
 * float64. So the results differ from the plain tier's by a few roundings of float32 in each element, and by two in its
 * sums (sums.ts). Rows of fewer than four numbers are left to the plain tier.
 *
 * Next: norm-gradient.ts.
 */
import type { NormGeometry } from "../geometry/norm.ts";
import type { PerGroup } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { addListsFunction, eachRow, inTwoPasses, sumGroups } from "./groups.ts";
import { groupsFunction } from "./loops.ts";
import { Records } from "./records.ts";
import { LARGE } from "./sums.ts";
import { constant, type Func, f32x4, get, set } from "./wasm/assembler.ts";
import type { Engine, Program } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** Shorter rows do not fill a vector. */
export const SHORTEST_ROW = 4;

/** Σ x of each group, and Σ (x − m)²; `two`: in two passes (groups.ts). */
export function momentFunctions(engine: Engine, two: boolean): Program<"sums" | "squares" | "addLists"> {
  return engine.program(`moments${two ? " in two passes" : ""}`, () => [
    groupsFunction("sums", { arrays: 1, reads: [0], sums: 1 }, ({ x: [x], terms: [term] }) => set(term, get(x)), two),
    groupsFunction(
      "squares",
      { arrays: 1, reads: [0], numbers: 1, sums: 1 },
      ({ x: [x], p: [m], terms: [term] }) => [set(x, get(x), get(m), f32x4.sub), set(term, get(x), get(x), f32x4.mul)],
      two,
    ),
    ...(two ? [addListsFunction(1)] : []),
  ]);
}

/**
 * mean, variance (biased) → per group. Two passes, the second over the deviations from the mean. It subtracts the mean
 * rounded to float32, m̃, and corrects for that: Σ(x − m)²/n = Σ(x − m̃)²/n − (m − m̃)².
 */
export function moments(engine: Engine, x: Floats, mean: Floats, variance: Floats, g: NormGeometry): boolean {
  const { outer, groups, inner } = g;
  // x is read twice.
  if (inner < SHORTEST_ROW || !worthIt(x, x)) return false;
  const two = inTwoPasses(engine, g);
  const program = momentFunctions(engine, two);
  const addLists = two ? program.addLists : null;
  const n = outer * inner;
  let fits = true;
  const ran = engine.run((call) => {
    const first = new Records(engine, call, groups, { sums: 1 });
    sumGroups(call, program.sums, addLists, g, [x], [], first, 1);
    const second = new Records(engine, call, groups, { numbers: 1, sums: 1 });
    for (let c = 0; c < groups; c++) second.set(c, 0, first.sum(c, 0) / n);
    sumGroups(call, program.squares, addLists, g, [x], [], second, 1);
    for (let c = 0; c < groups; c++) {
      const m = first.sum(c, 0) / n;
      const rounded = m - Math.fround(m);
      const v = second.sum(c, 0) / n - rounded * rounded;
      // Squares also leave float32's range before float64's, where their mean may be finite.
      if (!Number.isFinite(v)) fits = false;
      mean[c] = m;
      // Rounding can give −1e-30 where all numbers are equal. NaN stays.
      variance[c] = v < 0 ? 0 : v;
    }
  });
  return ran && fits;
}

/**
 * Whether float32 can compute with a group's numbers, for every x: no intermediate step leaves its range unless the
 * result does, or loses digits below it.
 */
export function fitsFloat32(mean: number, rstd: number, scale: number): boolean {
  return Math.abs(mean) < LARGE && rstd > 2 ** -40 && Math.abs(scale) < LARGE;
}

/** y → (x − mean)·rstd·weight + bias, + add where not null, max 0 if `relu`. */
export function normalize(
  engine: Engine,
  x: Floats,
  { mean, rstd, weight, bias }: PerGroup<Floats>,
  add: Floats | null,
  relu: boolean,
  y: Floats,
  g: NormGeometry,
): boolean {
  const { groups, inner } = g;
  // `add` does not count: the bits must not depend on whether it is added here or later.
  if (inner < SHORTEST_ROW || !worthIt(x, y)) return false;
  const key = `normalize${add ? " add" : ""}${relu ? " relu" : ""}`;
  const scaleOf = (c: number): number => (weight ? rstd[c] * weight[c] : rstd[c]);
  for (let c = 0; c < groups; c++) {
    if (!fitsFloat32(mean[c], rstd[c], scaleOf(c)) || (bias && !(Math.abs(bias[c]) < LARGE))) return false;
  }
  const { scaleRows } = engine.program<"scaleRows">(key, () => [scaleRowsFunction(add !== null, relu)]);
  return engine.run((call) => {
    const records = new Records(engine, call, groups, { numbers: 3 });
    for (let c = 0; c < groups; c++) {
      records.set(c, 0, mean[c]);
      records.set(c, 1, scaleOf(c));
      records.set(c, 2, bias ? bias[c] : 0);
    }
    eachRow(call, scaleRows, g, [x, add, y], [2], records);
  });
}

/** scaleRows(x, add, y, outer, groups, inner, records of m, scale, shift): y → (x − m)·scale + shift, + add, max 0. */
function scaleRowsFunction(adds: boolean, relu: boolean): Func {
  return groupsFunction(
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
