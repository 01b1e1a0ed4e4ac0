/**
 * Element-wise kernels of one tensor and of equal shapes: each operation is one expression on vectors, and loops.ts
 * puts it into a loop. The plain tier computes the rest: log, gelu and softplus, and the gradients of the latter two.
 *
 * Arithmetic is float32, where the plain tier computes in float64 and rounds once: an operation of k steps differs by
 * up to k/2 units in the last place. NaN and ±∞ pass through as in the plain tier.
 *
 * Next: broadcast.ts, two tensors of different shapes.
 */
import type { UnaryOp } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { SELU_ALPHA, SELU_SCALE } from "../plain/unary.ts";
import { exponential, hyperbolicTangent, sigmoid } from "./exponential.ts";
import { mapRange, rowsFunction } from "./loops.ts";
import { type Code, constant, f32x4, get, type Local, type Locals, set, v128 } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** The value f(x) as an expression; p and q are the operation's parameters. */
type Unary = (y: Local, x: Local, p: Local, q: Local, locals: Locals) => Code;
/** The value gy·f′(x). */
type UnaryGradient = (gy: Local, x: Local, y: Local, p: Local, q: Local, locals: Locals) => Code;

const ZERO = /* @__PURE__ */ constant(0);
const ONE = /* @__PURE__ */ constant(1);

/** Null: the plain tier computes it. This file does not compile without a row for each operation. */
interface Row {
  readonly value: Unary | null;
  readonly gradient: UnaryGradient | null;
  /** Which of x and y the gradient reads: the other is neither copied nor read. */
  readonly reads: "x" | "y" | "";
}

const PLAIN: Row = { value: null, gradient: null, reads: "" };

const ROWS: Readonly<Record<UnaryOp, Row>> = {
  neg: {
    value: (y, x) => set(y, get(x), f32x4.neg),
    gradient: (gy) => [get(gy), f32x4.neg],
    reads: "",
  },
  exp: {
    value: (y, x, _p, _q, locals) => exponential(locals)(y, get(x)),
    gradient: (gy, _x, y) => [get(gy), get(y), f32x4.mul],
    reads: "y",
  },
  log: {
    value: null,
    gradient: (gy, x) => [get(gy), get(x), f32x4.div],
    reads: "x",
  },
  sqrt: {
    value: (y, x) => set(y, get(x), f32x4.sqrt),
    gradient: (gy, _x, y) => [get(gy), constant(0.5), f32x4.mul, get(y), f32x4.div],
    reads: "y",
  },
  abs: {
    value: (y, x) => set(y, get(x), f32x4.abs),
    // gy·sign(x): ±1 with the sign of x where x is not 0 or NaN, else x itself.
    gradient: (gy, x) => [
      get(gy),
      [get(x), ONE, v128.constInt(-0x80000000, -0x80000000, -0x80000000, -0x80000000), v128.bitselect],
      [get(x), get(x), f32x4.abs, ZERO, f32x4.greater, v128.bitselect],
      f32x4.mul,
    ],
    reads: "x",
  },
  sign: {
    // 1 where x > 0, minus 1 where x < 0.
    value: (y, x) =>
      set(y, [get(x), ZERO, f32x4.greater, ONE, v128.and], [get(x), ZERO, f32x4.less, ONE, v128.and], f32x4.sub),
    gradient: () => [ZERO],
    reads: "",
  },
  round: { value: (y, x) => set(y, get(x), f32x4.nearest), gradient: () => [ZERO], reads: "" },
  floor: { value: (y, x) => set(y, get(x), f32x4.floor), gradient: () => [ZERO], reads: "" },
  ceil: { value: (y, x) => set(y, get(x), f32x4.ceil), gradient: () => [ZERO], reads: "" },
  relu: {
    // pmax: half the time of max, and NaN stays.
    value: (y, x) => set(y, get(x), ZERO, f32x4.pmax),
    // 0 where y ≤ 0; at NaN the gradient passes.
    gradient: (gy, _x, y) => [get(gy), get(y), ZERO, f32x4.lessOrEqual, v128.andnot],
    reads: "y",
  },
  leakyRelu: {
    value: (y, x, p) => set(y, get(x), get(p), get(x), f32x4.mul, get(x), ZERO, f32x4.greater, v128.bitselect),
    gradient: (gy, x, _y, p) => [
      [get(gy), get(p), get(gy), f32x4.mul],
      [get(x), ZERO, f32x4.greater, v128.bitselect],
    ],
    reads: "x",
  },
  sigmoid: {
    value: (y, x, _p, _q, locals) => sigmoid(y, x, locals),
    gradient: (gy, _x, y) => [get(gy), get(y), f32x4.mul, ONE, get(y), f32x4.sub, f32x4.mul],
    reads: "y",
  },
  tanh: {
    value: (y, x, _p, _q, locals) => hyperbolicTangent(y, x, locals),
    // 1 − y² as (1 − y)(1 + y), which does not cancel near ±1.
    gradient: (gy, _x, y) => [get(gy), [ONE, get(y), f32x4.sub], [ONE, get(y), f32x4.add], f32x4.mul, f32x4.mul],
    reads: "y",
  },
  silu: {
    value: silu,
    gradient: siluGradient,
    reads: "x",
  },
  hardswish: {
    value: (y, x) =>
      set(
        y,
        get(x),
        [get(x), constant(3), f32x4.add, ZERO, f32x4.pmax, constant(6), f32x4.pmin, constant(6), f32x4.div],
        f32x4.mul,
      ),
    // x < −3: 0; x ≤ 3: gy·(x/3 + ½); else, also for NaN, gy.
    gradient: (gy, x) => [
      [get(gy), get(x), constant(3), f32x4.div, constant(0.5), f32x4.add, f32x4.mul],
      [get(gy), get(x), constant(3), f32x4.lessOrEqual, v128.bitselect],
      [get(x), constant(-3), f32x4.less, v128.andnot],
    ],
    reads: "x",
  },
  selu: {
    value: (y, x, _p, _q, locals) =>
      eluOf(y, x, [get(x), constant(SELU_SCALE), f32x4.mul], constant(2 * SELU_SCALE * SELU_ALPHA), locals),
    gradient: (gy, x, _y, _p, _q, locals) =>
      eluGradientOf(gy, x, constant(SELU_SCALE), constant(SELU_SCALE * SELU_ALPHA), locals),
    reads: "x",
  },
  elu: {
    value: (y, x, p, _q, locals) => eluOf(y, x, get(x), [get(p), get(p), f32x4.add], locals),
    gradient: (gy, x, _y, p, _q, locals) => eluGradientOf(gy, x, ONE, get(p), locals),
    reads: "x",
  },
  gelu: PLAIN,
  geluTanh: PLAIN,
  softplus: PLAIN,
  clamp: {
    value: (y, x, p, q) => set(y, get(x), get(p), f32x4.pmax, get(q), f32x4.pmin),
    gradient: (gy, x, _y, p, q) => [
      [get(x), get(p), f32x4.greaterOrEqual, get(x), get(q), f32x4.lessOrEqual, v128.and],
      [get(gy), v128.and],
    ],
    reads: "x",
  },
  rsqrt: PLAIN,
};

/**
 * With h = 1 + e^(−|x|) and m = e^(x/2) where x < 0, else 1, σ(x) = m·m / h. The second m comes last: where eˣ is
 * nearly 0, σ would have too few digits left to multiply with.
 */
function halves(x: Local, locals: Locals): { h: Local; m: Local; code: Code } {
  const [h, m] = locals.many("v128", 2);
  const exp = exponential(locals);
  const code = [
    exp(h, get(x), f32x4.abs, constant(-0.5), f32x4.mul),
    set(m, get(h), ONE, get(x), ZERO, f32x4.less, v128.bitselect),
    set(h, ONE, get(h), get(h), f32x4.mul, f32x4.add),
  ];
  return { h, m, code };
}

/** x / h · m · m. */
function silu(y: Local, x: Local, _p: Local, _q: Local, locals: Locals): Code {
  const { h, m, code } = halves(x, locals);
  return [code, set(y, get(x), get(h), f32x4.div, get(m), f32x4.mul, get(m), f32x4.mul)];
}

/** gy·m / h · (1 + x·(1 − σ)) · m. */
function siluGradient(gy: Local, x: Local, _y: Local, _p: Local, _q: Local, locals: Locals): Code {
  const { h, m, code } = halves(x, locals);
  const sigma: Code = [get(m), get(m), f32x4.mul, get(h), f32x4.div];
  return [
    code,
    [get(gy), get(m), f32x4.mul, get(h), f32x4.div],
    [ONE, get(x), ONE, sigma, f32x4.sub, f32x4.mul, f32x4.add],
    [f32x4.mul, get(m), f32x4.mul],
  ];
}

/** `linear` where x > 0, else twice·t/(1 − t) with t = tanh(x/2): eˣ − 1 = 2t/(1 − t), without cancelling near 0. */
function eluOf(y: Local, x: Local, linear: Code, twice: Code, locals: Locals): Code {
  const [half, t] = locals.many("v128", 2);
  return [
    set(half, get(x), constant(0.5), f32x4.mul),
    hyperbolicTangent(t, half, locals),
    set(t, get(t), twice, f32x4.mul, ONE, get(t), f32x4.sub, f32x4.div),
    set(y, linear, get(t), get(x), ZERO, f32x4.greater, v128.bitselect),
  ];
}

/** gy·factor·eˣ where x ≤ 0, else gy·slope. */
function eluGradientOf(gy: Local, x: Local, slope: Code, factor: Code, locals: Locals): Code {
  // eˣ as h·h, with the second h last: see halves.
  const h = locals.make("v128");
  return [
    exponential(locals)(h, get(x), constant(0.5), f32x4.mul),
    [get(gy), get(h), f32x4.mul, get(h), f32x4.mul, factor, f32x4.mul],
    [get(gy), slope, f32x4.mul],
    [get(x), ZERO, f32x4.lessOrEqual, v128.bitselect],
  ];
}

/** y → f(x). */
export function unary(engine: Engine, op: UnaryOp, x: Floats, y: Floats, p = 0, q = 0): boolean {
  const f = ROWS[op].value;
  if (!f || !worthIt(x, y)) return false;
  const { map } = engine.program<"map">(`unary ${op}`, () => [
    rowsFunction("map", { arrays: 2, reads: [0], writes: [1], numbers: 2 }, ({ x: [x, y], p: [p, q], locals }) =>
      f(y, x, p, q, locals),
    ),
  ]);
  return engine.run((call) => mapRange(call, map, x.length, [call.input(x), call.output(y)], p, q));
}

/** gx → gy · f′(x), where y = f(x). */
export function unaryGradient(
  engine: Engine,
  op: UnaryOp,
  gy: Floats,
  x: Floats,
  y: Floats,
  gx: Floats,
  p = 0,
  q = 0,
): boolean {
  const { gradient: f, reads } = ROWS[op];
  if (!f || !worthIt(gy, x, y, gx)) return false;
  const [needsX, needsY] = [reads === "x", reads === "y"];
  const { map } = engine.program<"map">(`gradient ${op}`, () => [
    rowsFunction(
      "map",
      { arrays: 4, reads: [0, ...(needsX ? [1] : []), ...(needsY ? [2] : [])], writes: [3], numbers: 2 },
      ({ x: [gy, x, y, gx], p: [p, q], locals }) => set(gx, f(gy, x, y, p, q, locals)),
    ),
  ]);
  return engine.run((call) => {
    const arrays = [call.input(gy), needsX ? call.input(x) : 0, needsY ? call.input(y) : 0, call.output(gx)];
    mapRange(call, map, gy.length, arrays, p, q);
  });
}

/** Adds alpha · x to y. */
export function addScaled(engine: Engine, alpha: number, x: Floats, y: Floats): boolean {
  if (!worthIt(x, y)) return false;
  const { map } = engine.program<"map">("addScaled", () => [
    rowsFunction("map", { arrays: 2, reads: [0, 1], writes: [1], numbers: 1 }, ({ x: [x, y], p: [alpha] }) =>
      set(y, get(y), get(alpha), get(x), f32x4.mul, f32x4.add),
    ),
  ]);
  return engine.run((call) => mapRange(call, map, x.length, [call.input(x), call.update(y)], alpha));
}
