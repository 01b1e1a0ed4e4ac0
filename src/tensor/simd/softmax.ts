/**
 * Softmax, its logarithm and their gradients along the last axis (inner = 1): one distribution is one row.
 *
 * One call per row, of two or three sweeps: the largest element, Σ e^(x−max), the results. eˣ as in exponential.ts (2 units
 * in the last place), sums as in sums.ts. NaN, and an infinity on the way, make the row NaN, as in the plain tier.
 */
import type { AxisGeometry } from "../geometry/normalize.ts";
import type { Floats } from "../memory.ts";
import { type Code, type Func, f32x4, func, get, type Local, type Locals, set, shuffle32, v128 } from "./assembler.ts";
import type { Engine } from "./engine.ts";
import { constant, exponential } from "./exponential.ts";
import { splatted, sweep } from "./loops.ts";
import { doublesAt, runningSum, SUM_LANES, totalOf } from "./sums.ts";
import { worthIt } from "./worth.ts";

/** Shorter distributions (ten classes) are as fast in the plain tier. */
const SHORTEST_ROW = 16;

function suits(engine: Engine, { inner, length }: AxisGeometry, ...arrays: readonly Floats[]): boolean {
  return inner === 1 && length >= SHORTEST_ROW && worthIt(engine, ...arrays);
}

/** y → eˣ / Σ eˣ. */
export function softmax(engine: Engine, x: Floats, y: Floats, g: AxisGeometry): boolean {
  if (!suits(engine, g, x, y)) return false;
  const { exponentials, divide } = engine.program<"exponentials" | "divide">("softmax", () => [
    exponentialsFunction(true),
    divideFunction(),
  ]);
  return engine.run((call) => {
    const [px, py, at] = [call.input(x), call.output(y), call.scratch(2 * SUM_LANES + 4)];
    const lanes = doublesAt(engine, at, SUM_LANES);
    for (let o = 0; o < g.outer; o++) {
      const from = 4 * o * g.length;
      exponentials(px + from, py + from, g.length, at, at + 8 * SUM_LANES);
      divide(py + from, g.length, totalOf(lanes));
    }
  });
}

/** y → x − ln Σ eˣ. */
export function logSoftmax(engine: Engine, x: Floats, y: Floats, g: AxisGeometry): boolean {
  if (!suits(engine, g, x, y)) return false;
  const { exponentials, shift } = engine.program<"exponentials" | "shift">("logSoftmax", () => [
    exponentialsFunction(false),
    shiftFunction(),
  ]);
  return engine.run((call) => {
    const [px, py, at] = [call.input(x), call.output(y), call.scratch(2 * SUM_LANES + 4)];
    const lanes = doublesAt(engine, at, SUM_LANES);
    for (let o = 0; o < g.outer; o++) {
      const from = 4 * o * g.length;
      exponentials(px + from, 0, g.length, at, at + 8 * SUM_LANES);
      shift(px + from, py + from, g.length, at + 8 * SUM_LANES, Math.log(totalOf(lanes)));
    }
  });
}

/** gx → y·(gy − Σ gy·y). */
export function softmaxGradient(engine: Engine, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  return gradient(engine, false, gy, y, gx, g);
}

/** gx → gy − e^y·Σ gy. */
export function logSoftmaxGradient(engine: Engine, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  return gradient(engine, true, gy, y, gx, g);
}

function gradient(engine: Engine, log: boolean, gy: Floats, y: Floats, gx: Floats, g: AxisGeometry): boolean {
  if (!suits(engine, g, gy, y, gx)) return false;
  const { sum, combine } = engine.program<"sum" | "combine">(`${log ? "log" : ""} softmax gradient`, () => [
    gradientSumFunction(log),
    gradientFunction(log),
  ]);
  return engine.run((call) => {
    const [pgy, py, pgx] = [call.input(gy), call.input(y), call.output(gx)];
    const at = call.scratch(2 * SUM_LANES);
    const lanes = doublesAt(engine, at, SUM_LANES);
    for (let o = 0; o < g.outer; o++) {
      const from = 4 * o * g.length;
      sum(pgy + from, py + from, g.length, at);
      combine(pgy + from, py + from, pgx + from, g.length, totalOf(lanes));
    }
  });
}

/** The largest of a vector's numbers in all lanes: of neighbours, then of pairs. */
function spreadMaximum(x: Local, other: Local): Code {
  return [
    [set(other, get(x), get(x), shuffle32(1, 0, 3, 2)), set(x, get(x), get(other), f32x4.pmax)],
    [set(other, get(x), get(x), shuffle32(2, 3, 0, 1)), set(x, get(x), get(other), f32x4.pmax)],
  ];
}

/** exponentials(x, y, n, lanes, most): max x → most, four times; Σ e^(x−max) → lanes; y → e^(x−max) where it is stored. */
function exponentialsFunction(stores: boolean): Func {
  return func("exponentials", ["i32", "i32", "i32", "i32", "i32"], (locals: Locals) => {
    const [x, y, n, lanes, most] = [0, 1, 2, 3, 4];
    const [from, left] = locals.many("i32", 2);
    const [max, other] = locals.many("v128", 2);
    const exp = exponential(locals);
    const e = locals.many("v128", 4);
    const sum = runningSum(locals);
    return [
      [set(from, get(x)), set(left, get(n)), set(max, constant(Number.NEGATIVE_INFINITY))],
      sweep(left, [from], (access) =>
        // pmax(max, x) does not notice a NaN: it comes through the exponentials.
        access.vectors.map((v) => set(max, get(max), access.load(from, v), f32x4.pmax)),
      ),
      spreadMaximum(max, other),
      [get(most), get(max), v128.store()],
      sweep(n, stores ? [x, y] : [x], (access) => [
        access.vectors.map((v) => exp(e[v], access.load(x, v), get(max), f32x4.sub)),
        stores ? access.vectors.map((v) => access.store(y, v, get(e[v]))) : [],
        sum.add(access, (v) => get(e[v])),
      ]),
      sum.store(lanes),
    ];
  });
}

/** divide(y, n, divisor): y / divisor, in place. */
function divideFunction(): Func {
  return func("divide", ["i32", "i32", "f32"], (locals) => {
    const [y, n, divisor] = [0, 1, 2];
    const [vDivisor, fill] = splatted(locals, divisor);
    return [
      fill,
      sweep(n, [y], (access) =>
        access.vectors.map((v) => access.store(y, v, access.load(y, v), get(vDivisor), f32x4.div)),
      ),
    ];
  });
}

/** shift(x, y, n, most, logSum): y → (x − max) − logSum. */
function shiftFunction(): Func {
  return func("shift", ["i32", "i32", "i32", "i32", "f32"], (locals) => {
    const [x, y, n, most, logSum] = [0, 1, 2, 3, 4];
    const max = locals.make("v128");
    const [vLogSum, fill] = splatted(locals, logSum);
    return [
      fill,
      set(max, get(most), v128.load()),
      sweep(n, [x, y], (access) =>
        access.vectors.map((v) =>
          access.store(y, v, access.load(x, v), get(max), f32x4.sub, get(vLogSum), f32x4.sub),
        ),
      ),
    ];
  });
}

/** sum(gy, y, n, lanes): Σ gy·y, or Σ gy for the logarithm. */
function gradientSumFunction(log: boolean): Func {
  return func("sum", ["i32", "i32", "i32", "i32"], (locals) => {
    const [gy, y, n, lanes] = [0, 1, 2, 3];
    const sum = runningSum(locals);
    return [
      sweep(n, log ? [gy] : [gy, y], (access) =>
        sum.add(access, (v) => [access.load(gy, v), log ? [] : [access.load(y, v), f32x4.mul]]),
      ),
      sum.store(lanes),
    ];
  });
}

/** combine(gy, y, gx, n, sum): gx → y·(gy − sum), or gy − e^y·sum. */
function gradientFunction(log: boolean): Func {
  return func("combine", ["i32", "i32", "i32", "i32", "f32"], (locals) => {
    const [gy, y, gx, n, sum] = [0, 1, 2, 3, 4];
    const [vSum, fill] = splatted(locals, sum);
    const exp = exponential(locals);
    const e = locals.make("v128");
    return [
      fill,
      sweep(n, [gy, y, gx], (access) =>
        access.vectors.map((v) => [
          log ? exp(e, access.load(y, v)) : [],
          access.store(
            gx,
            v,
            log
              ? [access.load(gy, v), get(e), get(vSum), f32x4.mul, f32x4.sub]
              : [access.load(y, v), access.load(gy, v), get(vSum), f32x4.sub, f32x4.mul],
          ),
        ]),
      ),
    ];
  });
}
