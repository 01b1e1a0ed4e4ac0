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
import { sumGroups } from "./groups.ts";
import { type Access, advance, type Compiled, countDown, GRAIN, rowsFunction, step, sweep } from "./loops.ts";
import { momentFunctions } from "./norm.ts";
import { Records } from "./records.ts";
import { doublesAt, runningSum, SUM_LANES, totalOf } from "./sums.ts";
import {
  type Code,
  callFunction,
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

/** Floats for what a row comes to: the lanes of its sum, or of its maximum. */
const RESULT_FLOATS = 2 * SUM_LANES;
/** Results that are waiting to be added up: 512 KiB. */
const ROWS_AT_ONCE = 2 ** 14;

function reduceRows(engine: Engine, op: FastOp, x: Floats, y: Floats, g: ReduceGeometry): boolean {
  const { kept, reduced, inner, count } = g;
  const skip = evenStep(reduced) - inner;
  if (Number.isNaN(skip) || count < SHORTEST_ROW) return false;
  const outer = reduced.length;
  const extreme = op === "max" || op === "min" ? op : null;
  const { each } = engine.program<"each">(`rows ${extreme ?? "sum"}`, () =>
    eachRowFunctions(extreme ? rowsExtremeFunction(extreme) : rowsSumFunction(), RESULT_FLOATS),
  );
  const most = op === "min" ? Math.min : Math.max;
  const divisor = op === "mean" ? count : 1;
  let finite = true;
  const ran = engine.run((call) => {
    const sums = engine.arena.short && !extreme ? sumsInRanges(engine, call, x, g) : null;
    if (sums) {
      for (let k = 0; k < kept.length && finite; k++) {
        const total = sums.sum(k, 0);
        finite = Number.isFinite(total);
        y[k] = total / divisor;
      }
      return;
    }
    const px = call.input(x);
    const block = Math.min(kept.length, ROWS_AT_ONCE);
    const [table, results] = [call.scratch(block), call.scratch(block * RESULT_FLOATS)];
    const wholes = new Int32Array(engine.arena.memory.buffer, table, block);
    const floats = engine.arena.floats.subarray(results / 4, results / 4 + block * RESULT_FLOATS);
    const lanes = doublesAt(engine, results, (block * RESULT_FLOATS) / 2);
    for (let first = 0; first < kept.length && finite; first += block) {
      const rows = kept.subarray(first, first + block);
      wholes.set(rows);
      call.split(rows.length, Math.ceil(GRAIN / count), (from, to) => {
        each(table + 4 * from, to - from, px, outer, inner, 4 * skip, results + 4 * RESULT_FLOATS * from);
      });
      for (let k = 0; k < rows.length && finite; k++) {
        if (extreme) {
          const at = RESULT_FLOATS * k;
          y[first + k] = most(floats[at], floats[at + 1], floats[at + 2], floats[at + 3]);
        } else {
          const total = totalOf(lanes, (RESULT_FLOATS / 2) * k);
          finite = Number.isFinite(total);
          y[first + k] = total / divisor;
        }
      }
    }
  });
  return ran && finite;
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
  const { sums } = momentFunctions(engine, false);
  const records = new Records(engine, call, groups, { sums: 1 });
  if (outer * groups > 1) sumGroups(call, sums, null, { outer, groups, inner }, [x], [], records, 1);
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
export function rowsSumOf(engine: Engine): Compiled {
  return engine.program<"rowsSum">("rowsSum", () => [rowsSumFunction()]).rowsSum;
}

function rowsSumFunction(): Func {
  return rowsFunction("rowsSum", { arrays: 1, reads: [0], sums: 1 }, ({ x: [x], terms: [term] }) => set(term, get(x)));
}

/**
 * each(table, count, x, outer, inner, skip, results): calls `reduction`(x + table[k], outer, inner, skip, results) for each of
 * `count` offsets, in numbers; results lie `floats` apart. The function must be number 0 of its module.
 */
export function eachRowFunctions(reduction: Func, floats: number): readonly Func[] {
  const each = func("each", Array<"i32">(7).fill("i32"), () => {
    const [table, count, x, outer, inner, skip, results] = [0, 1, 2, 3, 4, 5, 6];
    return countDown(
      count,
      1,
      [get(x), [get(table), i32.load(), i32.const(2), i32.shiftLeft], i32.add],
      [get(outer), get(inner), get(skip), get(results)],
      callFunction(0),
      [advance(table, 4), advance(results, 4 * floats)],
    );
  });
  return [reduction, each];
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
    const divisor = op === "mean" ? count : 1;
    // Numbers of y, in whole cache lines. A call takes as long as to write down some dozens of numbers.
    const lines = kept.length / runs.length < 64 ? 1 : Math.ceil(kept.length / 16);
    call.split(lines, Math.ceil(GRAIN / (16 * count)), (first, end) => {
      const [begin, stop] = [16 * first, end === lines ? kept.length : 16 * end];
      for (const [from, to] of runs) {
        const start = Math.max(begin, from);
        const many = Math.min(to, stop) - start;
        if (many > 0) columns(px + 4 * kept[start], py + 4 * start, many, inner, 4 * innerStride, divisor);
      }
    });
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
