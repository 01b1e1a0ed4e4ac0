/**
 * Softmax, its logarithm and their gradients along the last axis (inner = 1): one distribution is one row.
 *
 * For each row: the largest element, Σ e^(x−max), the results; one sweep each, over some rows at once. eˣ as in exponential.ts (2 units in the
 * last place), sums as in sums.ts. NaN, or an infinity on the way, makes the row NaN, as in the plain tier.
 */
import type { AxisGeometry } from "../geometry/axis.ts";
import { log as logarithm } from "../math/index.ts";
import type { Floats } from "../memory.ts";
import { exponential } from "./exponential.ts";
import { eachRowAt } from "./groups.ts";
import { GRAIN, groupsFunction } from "./loops.ts";
import { Records } from "./records.ts";
import { eachRowFunctions, rowsExtremeFunction } from "./reduce.ts";
import { LARGE } from "./sums.ts";
import { f32x4, get, set } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** The plain tier is as fast with shorter distributions (ten classes). */
const SHORTEST_ROW = 16;

/** y → eˣ / Σ eˣ. */
export function softmax(engine: Engine, x: Floats, y: Floats, g: AxisGeometry): boolean {
  return forward(engine, false, x, y, g);
}

/** y → x − ln Σ eˣ. */
export function logSoftmax(engine: Engine, x: Floats, y: Floats, g: AxisGeometry): boolean {
  return forward(engine, true, x, y, g);
}

/** gx → y·(gy − Σ gy·y). */
export function softmaxGradient(engine: Engine, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  return gradient(engine, false, gy, y, gx, g);
}

/** gx → gy − e^y·Σ gy. */
export function logSoftmaxGradient(engine: Engine, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  return gradient(engine, true, gy, y, gx, g);
}

function forward(engine: Engine, log: boolean, x: Floats, y: Floats, g: AxisGeometry): boolean {
  if (g.inner !== 1 || g.length < SHORTEST_ROW || !worthIt(x, y)) return false;
  const key = log ? "logSoftmax" : "softmax";
  const program = engine.program<"each" | "exponentials" | "finish">(key, () => [
    ...eachRowFunctions(rowsExtremeFunction("max"), 4),
    // y → e^(x − max); the logarithm only sums it.
    groupsFunction(
      "exponentials",
      { arrays: 2, reads: [0], writes: log ? [] : [1], numbers: 1, sums: 1 },
      ({ x: [x, y], p: [max], terms: [term], locals }) => [
        exponential(locals)(y, get(x), get(max), f32x4.sub),
        set(term, get(y)),
      ],
    ),
    log
      ? groupsFunction(
          "finish",
          { arrays: 2, reads: [0], writes: [1], numbers: 2 },
          ({ x: [x, y], p: [max, logSum] }) => set(y, get(x), get(max), f32x4.sub, get(logSum), f32x4.sub),
        )
      : groupsFunction("finish", { arrays: 2, reads: [1], writes: [1], numbers: 2 }, ({ x: [_, y], p: [_max, sum] }) =>
          set(y, get(y), get(sum), f32x4.div),
        ),
  ]);
  const n = g.length;
  return engine.run((call) => {
    const [px, py] = [call.input(x), call.output(y)];
    const block = Math.min(g.outer, rowsAtOnce(engine, n));
    const [table, maxima] = [call.scratch(block), call.scratch(4 * block)];
    const sums = new Records(engine, call, block, { numbers: 1, sums: 1 });
    const results = new Records(engine, call, block, { numbers: 2 });
    const lanes = engine.arena.floats.subarray(maxima / 4, maxima / 4 + 4 * block);
    new Int32Array(engine.arena.memory.buffer, table, block).forEach((_, k, offsets) => {
      offsets[k] = k * n;
    });
    for (let first = 0; first < g.outer; first += block) {
      const rows = { outer: 1, groups: Math.min(block, g.outer - first), inner: n };
      const [from, to] = [px + 4 * first * n, py + 4 * first * n];
      call.split(rows.groups, Math.ceil(GRAIN / n), (k, end) => {
        program.each(table + 4 * k, end - k, from, 1, n, 0, maxima + 16 * k);
      });
      for (let k = 0; k < rows.groups; k++) {
        const max = Math.max(lanes[4 * k], lanes[4 * k + 1], lanes[4 * k + 2], lanes[4 * k + 3]);
        sums.clear(k);
        sums.set(k, 0, max);
        results.set(k, 0, max);
      }
      eachRowAt(call, program.exponentials, rows, [0, 1], [from, to], sums);
      for (let k = 0; k < rows.groups; k++) {
        const sum = sums.sum(k, 0);
        results.set(k, 1, log ? logarithm(sum) : sum);
      }
      eachRowAt(call, program.finish, rows, [0, 1], [from, to], results);
    }
  });
}

function gradient(engine: Engine, log: boolean, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  if (g.inner !== 1 || g.length < SHORTEST_ROW || !worthIt(gy, y, gx)) return false;
  const program = engine.program<"sum" | "finish">(`${log ? "logSoftmax" : "softmax"} gradient`, () => [
    groupsFunction("sum", { arrays: 2, reads: [0, 1], sums: 1 }, ({ x: [gy, y], terms: [term] }) =>
      set(term, get(gy), log ? [] : [get(y), f32x4.mul]),
    ),
    groupsFunction(
      "finish",
      { arrays: 3, reads: [0, 1], writes: [2], numbers: 1 },
      ({ x: [gy, y, gx], p: [sum], locals }) =>
        log
          ? [exponential(locals)(gx, get(y)), set(gx, get(gy), get(gx), get(sum), f32x4.mul, f32x4.sub)]
          : set(gx, get(y), get(gy), get(sum), f32x4.sub, f32x4.mul),
    ),
  ]);
  const n = g.length;
  let fits = true;
  const ran = engine.run((call) => {
    const [pgy, py, pgx] = [call.input(gy), call.input(y), call.output(gx)];
    const block = Math.min(g.outer, rowsAtOnce(engine, n));
    const sums = new Records(engine, call, block, { sums: 1 });
    const totals = new Records(engine, call, block, { numbers: 1 });
    for (let first = 0; first < g.outer && fits; first += block) {
      const rows = { outer: 1, groups: Math.min(block, g.outer - first), inner: n };
      const from = 4 * first * n;
      for (let k = 0; k < rows.groups; k++) sums.clear(k);
      eachRowAt(call, program.sum, rows, [0, 1], [pgy + from, py + from], sums);
      for (let k = 0; k < rows.groups; k++) {
        const total = sums.sum(k, 0);
        if (!(Math.abs(total) < LARGE)) fits = false;
        totals.set(k, 0, total);
      }
      if (fits) eachRowAt(call, program.finish, rows, [0, 1], [pgy + from, py + from, pgx + from], totals);
    }
  });
  return ran && fits;
}

/** Rows of n numbers that are swept together: they stay in L2 from one sweep to the next. */
function rowsAtOnce(engine: Engine, n: number): number {
  return Math.ceil((engine.threadCount * 2 ** 15) / n);
}
