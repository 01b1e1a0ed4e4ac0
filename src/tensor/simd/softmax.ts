/**
 * Softmax, its logarithm and their gradients along the last axis (inner = 1): one distribution is one row.
 *
 * For each row: the largest element, Σ e^(x−max), the results; one sweep each. eˣ as in exponential.ts (2 units in the
 * last place), sums as in sums.ts. NaN, or an infinity on the way, makes the row NaN, as in the plain tier.
 */
import type { AxisGeometry } from "../geometry/axis.ts";
import { log as logarithm } from "../math/index.ts";
import type { Floats } from "../memory.ts";
import { exponential } from "./exponential.ts";
import { rowsFunction } from "./loops.ts";
import { rowsExtremeFunction } from "./reduce.ts";
import { doublesAt, LARGE, SUM_LANES, totalOf } from "./sums.ts";
import { f32x4, get, set } from "./wasm/assembler.ts";
import type { Call, Engine } from "./wasm/engine.ts";
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
  const { rowsExtreme, exponentials, finish } = engine.program<"rowsExtreme" | "exponentials" | "finish">(key, () => [
    rowsExtremeFunction("max"),
    // y → e^(x − max); the logarithm only sums it.
    rowsFunction(
      "exponentials",
      { arrays: 2, reads: [0], writes: log ? [] : [1], numbers: 1, sums: 1 },
      ({ x: [x, y], p: [max], terms: [term], locals }) => [
        exponential(locals)(y, get(x), get(max), f32x4.sub),
        set(term, get(y)),
      ],
    ),
    log
      ? rowsFunction("finish", { arrays: 2, reads: [0], writes: [1], numbers: 2 }, ({ x: [x, y], p: [max, logSum] }) =>
          set(y, get(x), get(max), f32x4.sub, get(logSum), f32x4.sub),
        )
      : rowsFunction("finish", { arrays: 2, reads: [1], writes: [1], numbers: 2 }, ({ x: [_, y], p: [_max, sum] }) =>
          set(y, get(y), get(sum), f32x4.div),
        ),
  ]);
  const n = g.length;
  return engine.run((call) => {
    const [px, py, lanes] = [call.input(x), call.output(y), lanesOf(engine, call)];
    const maxima = new Float32Array(lanes.buffer, lanes.byteOffset, 4);
    for (let o = 0; o < g.outer; o++) {
      const [from, to] = [px + 4 * o * n, py + 4 * o * n];
      rowsExtreme(from, 1, n, 0, lanes.byteOffset);
      const max = Math.max(maxima[0], maxima[1], maxima[2], maxima[3]);
      exponentials(from, to, 1, n, 0, lanes.byteOffset, max);
      finish(from, to, 1, n, 0, 0, max, log ? logarithm(totalOf(lanes)) : totalOf(lanes));
    }
  });
}

function gradient(engine: Engine, log: boolean, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  if (g.inner !== 1 || g.length < SHORTEST_ROW || !worthIt(gy, y, gx)) return false;
  const { sum, finish } = engine.program<"sum" | "finish">(`${log ? "logSoftmax" : "softmax"} gradient`, () => [
    rowsFunction("sum", { arrays: 2, reads: [0, 1], sums: 1 }, ({ x: [gy, y], terms: [term] }) =>
      set(term, get(gy), log ? [] : [get(y), f32x4.mul]),
    ),
    rowsFunction(
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
    const [pgy, py, pgx, lanes] = [call.input(gy), call.input(y), call.output(gx), lanesOf(engine, call)];
    for (let o = 0; o < g.outer && fits; o++) {
      const from = 4 * o * n;
      sum(pgy + from, py + from, 1, n, 0, lanes.byteOffset);
      const total = totalOf(lanes);
      fits = Math.abs(total) < LARGE;
      finish(pgy + from, py + from, pgx + from, 1, n, 0, 0, total);
    }
  });
  return ran && fits;
}

/** Scratch for the lanes of a sum. */
function lanesOf(engine: Engine, call: Call): Float64Array {
  return doublesAt(engine, call.scratch(2 * SUM_LANES), SUM_LANES);
}
