/**
 * Sums, means, maxima and minima where the reduced elements form rows, or where neighbouring outputs do:
 *
 *   rows      x[k] ├──────────┤ skip ├──────────┤     all of x, its last axes, or one channel of [N, C, H, W]
 *   columns   ├┼┼┼┼┼┼┼┤                               its first axes (the gradient of a bias): each column is an output
 *             ├┼┼┼┼┼┼┼┤
 *
 * Everything else is left to the plain tier. sums.ts describes the precision of sums.
 */
import type { ReduceGeometry } from "../geometry/reduce.ts";
import type { ReduceOp } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { type Access, countDown, eachGroup, rowsFunction, step, sweep } from "./loops.ts";
import { momentFunctions, Records } from "./norm.ts";
import { doublesAt, runningSum, SUM_LANES, totalOf } from "./sums.ts";
import {
  type Code,
  constant,
  type Func,
  f32x4,
  f64x2,
  func,
  get,
  i32,
  type Local,
  type Locals,
  set,
  shuffle32,
  v128,
} from "./wasm/assembler.ts";
import type { Call, Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

export function reduce(engine: Engine, op: ReduceOp, x: Floats, y: Floats, g: ReduceGeometry): boolean {
  if (op === "logsumexp" || op === "prod" || !worthIt(x, y)) return false;
  return g.innerStride === 1 ? reduceRows(engine, op, x, y, g) : reduceColumns(engine, op, x, y, g);
}

/** The plain tier is faster with fewer numbers per output: a call costs 5 to 10 ns. */
const SHORTEST_ROW = 32;

type FastOp = "sum" | "mean" | Extreme;
type Extreme = "max" | "min";

function reduceRows(engine: Engine, op: FastOp, x: Floats, y: Floats, g: ReduceGeometry): boolean {
  const { kept, reduced, inner, count } = g;
  const skip = evenStep(reduced) - inner;
  if (Number.isNaN(skip) || count < SHORTEST_ROW) return false;
  const outer = reduced.length;
  if (op === "max" || op === "min") {
    const { rowsExtreme } = engine.program<"rowsExtreme">(`rows ${op}`, () => [rowsExtremeFunction(op)]);
    const most = op === "max" ? Math.max : Math.min;
    return engine.run((call) => {
      const px = call.input(x);
      const at = call.scratch(4);
      const lanes = engine.arena.floats.subarray(at / 4, at / 4 + 4);
      for (let k = 0; k < kept.length; k++) {
        rowsExtreme(px + 4 * kept[k], outer, inner, 4 * skip, at);
        y[k] = most(lanes[0], lanes[1], lanes[2], lanes[3]);
      }
    });
  }
  const rowsSum = rowsSumOf(engine);
  const divisor = op === "mean" ? count : 1;
  let total = 0;
  const ran = engine.run((call) => {
    const sums = engine.arena.short ? sumsInRanges(engine, call, x, g) : null;
    if (sums) {
      for (let k = 0; k < kept.length && Number.isFinite(total); k++) {
        total = sums.sum(k, 0);
        y[k] = total / divisor;
      }
      return;
    }
    const px = call.input(x);
    const lanes = doublesAt(engine, call.scratch(2 * SUM_LANES), SUM_LANES);
    for (let k = 0; k < kept.length && Number.isFinite(total); k++) {
      rowsSum(px + 4 * kept[k], outer, inner, 4 * skip, lanes.byteOffset);
      total = totalOf(lanes);
      y[k] = total / divisor;
    }
  });
  return ran && Number.isFinite(total);
}

/** Numbers of a pass of `sweep`: whoever cuts a row there adds the same numbers in the same order. */
const PASS = 16;

/**
 * The same sums to the bit, where x is too large for the memory: of channels over a batch, image by image, and of all of
 * x. Null where x is something else.
 */
function sumsInRanges(engine: Engine, call: Call, x: Floats, g: ReduceGeometry): Records | null {
  const { kept, reduced, inner } = g;
  const [outer, groups] = [reduced.length, kept.length];
  const whole = x.length === outer * groups * inner && kept.every((offset, k) => offset === k * inner);
  if (!whole || outer * groups === 0 || (outer > 1 && reduced[1] !== groups * inner)) return null;
  const { sums } = momentFunctions(engine);
  const records = new Records(engine, call, groups, { sums: 1 });
  if (outer * groups > 1) eachGroup(call, sums, { outer, groups, inner }, [x], [], records);
  else {
    const passes = Math.floor(inner / PASS);
    call.eachRange(passes, [x.subarray(0, passes * PASS)], [], (from, to, [px]) =>
      sums(px + 4 * PASS * from, 1, 1, PASS * (to - from), records.address, 0),
    );
    const rest = x.subarray(passes * PASS);
    sums(call.input(rest), 1, 1, rest.length, records.address, 0);
  }
  return records;
}

/** The step of an arithmetic progression, 0 for fewer than two numbers, NaN for anything else. */
function evenStep(offsets: Int32Array): number {
  const distance = offsets.length > 1 ? offsets[1] - offsets[0] : 0;
  for (let i = 2; i < offsets.length; i++) if (offsets[i] - offsets[i - 1] !== distance) return Number.NaN;
  return distance;
}

/** rowsSum(x, outer, inner, skip, lanes): the sum of `outer` rows, as float64 lanes. */
export function rowsSumOf(engine: Engine): (...args: number[]) => void {
  return engine.program<"rowsSum">("rowsSum", () => [
    rowsFunction("rowsSum", { arrays: 1, reads: [0], sums: 1 }, ({ x: [x], terms: [term] }) => set(term, get(x))),
  ]).rowsSum;
}

const START: Readonly<Record<Extreme, number>> = { max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY };

/**
 * rowsExtreme(x, outer, inner, skip, lanes): the maxima or minima of four interleaved parts; NaN if there is one. pmax and
 * pmin overlook NaN, so x ≠ x is collected alongside: together half the time of max, which does not.
 */
export function rowsExtremeFunction(op: Extreme): Func {
  return rowsFunction("rowsExtreme", { arrays: 1, reads: [0] }, ({ x: [x], lanes, locals }) => {
    const [most, missing] = locals.many("v128", 2);
    return {
      before: set(most, constant(START[op])),
      each: [
        set(most, get(most), get(x), op === "max" ? f32x4.pmax : f32x4.pmin),
        set(missing, get(missing), get(x), get(x), f32x4.notEqual, v128.or),
      ],
      // All ones is a NaN.
      after: [get(lanes), get(most), get(missing), v128.or, v128.store()],
    };
  });
}

function reduceColumns(engine: Engine, op: FastOp, x: Floats, y: Floats, g: ReduceGeometry): boolean {
  const { kept, reduced, inner, innerStride, count } = g;
  // Runs of neighbouring outputs.
  const runs: [from: number, to: number][] = [];
  for (let first = 0, end = 1; first < kept.length; first = end++) {
    while (end < kept.length && kept[end] === kept[end - 1] + 1) end++;
    runs.push([first, end]);
    if (end - first < 4) return false;
  }
  if (reduced.length !== 1 || count < 4) return false;
  const extreme = op === "max" || op === "min" ? op : null;
  const { columns } = engine.program<"columns">(`columns ${extreme ?? "sum"}`, () => [
    columnsFunction(extreme ? (locals) => columnExtremes(locals, extreme) : columnSums),
  ]);
  const rowsSum = rowsSumOf(engine);
  let total = 0;
  const ran = engine.run((call) => {
    const px = call.input(x);
    const py = call.output(y);
    for (const [from, to] of runs) {
      columns(px + 4 * kept[from], py + 4 * from, to - from, inner, 4 * innerStride, op === "mean" ? count : 1);
    }
    if (extreme) return;
    // A non-finite one shows in the sum of all.
    const lanes = doublesAt(engine, call.scratch(2 * SUM_LANES), SUM_LANES);
    rowsSum(py, 1, y.length, 0, lanes.byteOffset);
    total = totalOf(lanes);
  });
  return ran && Number.isFinite(total);
}

/** The operation on a strip of columns; it has variables for up to four vectors. */
interface ColumnStrip {
  clear(v: number): Code;
  /** Takes in vector v of four rows, or of one. */
  take(v: number, rows: readonly Code[]): Code;
  /** The result of vector v. */
  result(v: number): Code;
}

/**
 * columns(x, y, n, rows, rowBytes, divisor): y[j] → the result over the rows of column j. Strips of sixteen columns, a
 * whole cache line wide, four rows at a time.
 */
function columnsFunction(stripOf: (locals: Locals, divisor: Local) => ColumnStrip): Func {
  return func("columns", ["i32", "i32", "i32", "i32", "i32", "f64"], (locals) => {
    const [x, y, n, rows, rowBytes, divisor] = [0, 1, 2, 3, 4, 5];
    const [left, ...row] = locals.many("i32", 5);
    const strip = stripOf(locals, divisor);
    const take = (access: Access, pointers: readonly Local[]): Code =>
      access.vectors.map((v) =>
        strip.take(
          v,
          pointers.map((pointer) => access.load(pointer, v)),
        ),
      );
    return sweep(n, [x, y], (access) => [
      access.vectors.map((v) => strip.clear(v)),
      set(left, get(rows)),
      row.map((pointer, r) => set(pointer, r === 0 ? get(x) : [get(row[r - 1]), get(rowBytes), i32.add])),
      countDown(
        left,
        4,
        take(access, row),
        row.map((pointer) => set(pointer, get(pointer), get(rowBytes), i32.const(2), i32.shiftLeft, i32.add)),
      ),
      countDown(left, 1, take(access, [row[0]]), step(row[0], rowBytes)),
      access.vectors.map((v) => access.store(y, v, strip.result(v))),
    ]);
  });
}

/** As in sums.ts: four rows are added in float32, then to the running float64. */
function columnSums(locals: Locals, divisor: Local): ColumnStrip {
  const sums = [0, 1, 2, 3].map(() => runningSum(locals));
  const total = locals.make("v128");
  const divided = (sum: Local): Code => [get(sum), get(divisor), f64x2.splat, f64x2.div, f64x2.demoteZero];
  return {
    clear: (v) => [set(sums[v].low, constant(0)), set(sums[v].high, constant(0))],
    take: (v, rows) => [set(total, joined(rows, f32x4.add)), sums[v].add(total)],
    result: (v) => [divided(sums[v].low), divided(sums[v].high), shuffle32(0, 1, 4, 5)],
  };
}

/** `max` and `min` let NaN win. */
function columnExtremes(locals: Locals, op: Extreme): ColumnStrip {
  const most = locals.many("v128", 4);
  return {
    clear: (v) => set(most[v], constant(START[op])),
    take: (v, rows) => set(most[v], get(most[v]), joined(rows, f32x4[op]), f32x4[op]),
    result: (v) => get(most[v]),
  };
}

/** r0 ∘ r1 ∘ … */
function joined([first, ...rest]: readonly Code[], operation: Code): Code {
  return [first, rest.map((row) => [row, operation])];
}
