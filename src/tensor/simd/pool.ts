/**
 * Pooling with the windows of VGG and ResNet: maxima and averages over 2×2 windows at stride 2, maxima over 3×3 at
 * stride 2 with padding 1, and the average of a whole plane. Other windows are left to the plain tier.
 *
 *   padded row   p0 p1 p2 p3 p4 p5 p6 p7 p8       windows j = 0 … 3 at stride 2
 *   tap v = 0    p0    p2    p4    p6             every second number: two loads, one shuffle
 *   tap v = 1       p1    p3    p5    p7
 *   tap v = 2          p2    p4    p6    p8
 *
 * Each plane is copied to scratch memory with a border (−∞ for maxima), so that every window is whole, and four windows
 * are read at a time. The results, rounded up to whole vectors, are also made in scratch, and then copied.
 */
import type { PoolGeometry, PoolWindows } from "../geometry/pool.ts";
import type { Floats } from "../memory.ts";
import { advance, countDown, GRAIN, step, sweep } from "./loops.ts";
import { rowsSumOf } from "./reduce.ts";
import { copyRowsFunction } from "./shape.ts";
import { doublesAt, SUM_LANES, totalOf } from "./sums.ts";
import {
  type Code,
  constant,
  type Func,
  f32,
  f32x4,
  func,
  get,
  i32,
  i32x4,
  type Local,
  type Locals,
  set,
  shuffle32,
  v128,
} from "./wasm/assembler.ts";
import type { Call, Engine, Program } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** Numbers of a plane whose sum takes as long as to write down a call for another thread. */
const SMALL_PLANE = 1024;

/** A window of k × k, stride 2, with a border of p. */
interface Square {
  readonly k: 2 | 3;
  readonly p: 0 | 1;
}
const SQUARES: readonly Square[] = [
  { k: 2, p: 0 },
  { k: 3, p: 1 },
];

/** y → the maximum of each window; indices → where in its plane it was, the first in row-major order. NaN wins. */
export function maxPool2d(engine: Engine, x: Floats, y: Floats, indices: Int32Array, g: PoolGeometry): boolean {
  const square = SQUARES.find(({ k, p }) => slides(g.rows, g.H, k, p) && slides(g.columns, g.W, k, p));
  if (!square || !worthIt(x, y)) return false;
  const { planes, Ho, Wo } = g;
  const program = engine.program<"copyRows" | "pool">(`max pool ${square.k}`, () => [
    copyRowsFunction(false),
    maxPoolFunction(square),
  ]);
  return engine.run((call) => {
    const px = call.input(x);
    const py = call.output(y);
    const places = call.scratch(planes * Ho * Wo);
    eachPlane(call, program, g, square, { border: Number.NEGATIVE_INFINITY, x: px, y: py, places });
    indices.set(new Int32Array(engine.arena.memory.buffer, places, indices.length));
  });
}

/** y → the average of each 2×2 window, or of each whole plane. */
export function avgPool2d(engine: Engine, x: Floats, y: Floats, g: PoolGeometry): boolean {
  const { planes, H, W, rows, columns } = g;
  if (!worthIt(x)) return false;
  const rowsSum = rowsSumOf(engine);
  let total = 0;
  if (isGlobal(g)) {
    const ran = engine.run((call) => {
      const px = call.input(x);
      const at = call.scratch(2 * SUM_LANES * planes);
      const lanes = doublesAt(engine, at, SUM_LANES * planes);
      // A call takes longer to write down than to sum a small plane.
      const grain = H * W < SMALL_PLANE ? planes : Math.ceil(GRAIN / (H * W));
      call.split(planes, grain, (from, to) => {
        for (let n = from; n < to; n++) rowsSum(px + 4 * n * H * W, 1, H * W, 0, at + 8 * SUM_LANES * n);
      });
      for (let n = 0; n < planes && Number.isFinite(total); n++) {
        total = totalOf(lanes, SUM_LANES * n);
        y[n] = total / (H * W);
      }
    });
    return ran && Number.isFinite(total);
  }
  const square: Square = { k: 2, p: 0 };
  const whole = (windows: PoolWindows): boolean => windows.divisor.every((d) => d === 2);
  if (!(slides(rows, H, 2, 0) && slides(columns, W, 2, 0) && whole(rows) && whole(columns))) return false;
  const program = engine.program<"copyRows" | "pool">("average pool 2", () => [
    copyRowsFunction(false),
    averagePoolFunction(square),
  ]);
  const ran = engine.run((call) => {
    const px = call.input(x);
    const py = call.output(y);
    eachPlane(call, program, g, square, { border: 0, x: px, y: py, places: 0 });
    // Four numbers are added in float32 here. A non-finite sum shows in the sum of all.
    const lanes = doublesAt(engine, call.scratch(2 * SUM_LANES), SUM_LANES);
    rowsSum(py, 1, y.length, 0, lanes.byteOffset);
    total = totalOf(lanes);
  });
  return ran && Number.isFinite(total);
}

/** Runs `pool` on all planes, each in a frame of `border`, on all threads. Addresses; without `places`, 0. */
function eachPlane(
  call: Call,
  { copyRows, pool }: Program<"copyRows" | "pool">,
  g: PoolGeometry,
  square: Square,
  { border, x, y, places }: Readonly<Record<"border" | "x" | "y" | "places", number>>,
): void {
  const { planes, H, W, Ho, Wo } = g;
  const [{ p }, { width, size }, n] = [square, paddedPlane(g, square), Ho * Wo];
  const [padded, results, found] = call.each(size, n + 4, n + 4);
  call.fillEach(border, padded, size);
  call.split(planes, Math.ceil(GRAIN / (H * W)), (from, to) => {
    for (let k = from; k < to; k++) {
      copyRows(x + 4 * k * H * W, padded + 4 * (p * width + p), W, H, 4 * W, 4 * width);
      pool(padded, results, found, Ho, Wo, 4 * width, W);
      copyRows(results, y + 4 * k * n, n, 1, 0, 0);
      if (places) copyRows(found, places + 4 * k * n, n, 1, 0, 0);
    }
  });
}

/** gx → at each pixel, its share of its plane's gradient, for the average of whole planes. */
export function avgPool2dGradient(engine: Engine, gy: Floats, gx: Floats, g: PoolGeometry): boolean {
  if (!isGlobal(g)) return false;
  const n = g.H * g.W;
  // The platform's `fill` is as fast as memory, on ordinary arrays too.
  if (!engine.arena.owns(gx) || engine.threadCount === 1) {
    for (let plane = 0; plane < g.planes; plane++) gx.fill(gy[plane] / n, plane * n, (plane + 1) * n);
    return true;
  }
  const { copyRows } = engine.program<"copyRows">("copy rows of one number", () => [copyRowsFunction(true)]);
  return engine.run((call) => {
    const shares = call.scratch(g.planes);
    for (let plane = 0; plane < g.planes; plane++) engine.arena.floats[shares / 4 + plane] = gy[plane] / n;
    const pgx = call.output(gx);
    call.split(g.planes, Math.ceil(GRAIN / n), (from, to) => {
      copyRows(shares + 4 * from, pgx + 4 * from * n, n, to - from, 4, 4 * n);
    });
  });
}

/** gx → at each pixel, the sum of gy over the windows in which it was the maximum: added as in the plain tier, bit for bit. */
export function maxPool2dGradient(
  engine: Engine,
  gy: Floats,
  indices: Int32Array,
  gx: Floats,
  g: PoolGeometry,
): boolean {
  const { planes, H, W, Ho, Wo } = g;
  if (!worthIt(gy, gx)) return false;
  const { toPlaces } = engine.program<"toPlaces">("max pool gradient", () => [toPlacesFunction()]);
  return engine.run((call) => {
    const [pgy, pgx] = [call.input(gy), call.output(gx)];
    const places = call.scratch(indices.length);
    new Int32Array(engine.arena.memory.buffer, places, indices.length).set(indices);
    call.split(planes, Math.ceil(GRAIN / (H * W)), (from, to) => {
      const [first, end] = [4 * from * Ho * Wo, 4 * from * H * W];
      toPlaces(pgy + first, places + first, pgx + end, to - from, Ho * Wo, H * W);
    });
  });
}

/** toPlaces(gy, places, gx, planes, n, pixels): each plane of gx → 0, and each of n numbers of gy added at its place. */
function toPlacesFunction(): Func {
  return func("toPlaces", Array<"i32">(6).fill("i32"), (locals) => {
    const [gy, places, gx, planes, n, pixels] = [0, 1, 2, 3, 4, 5];
    const [left, at, to] = locals.many("i32", 3);
    return countDown(
      planes,
      1,
      [set(to, get(gx)), set(left, get(pixels))],
      sweep(left, [to], (access) => access.vectors.map((v) => access.store(to, v, constant(0)))),
      set(left, get(n)),
      countDown(
        left,
        1,
        set(at, get(gx), [get(places), i32.load(), i32.const(2), i32.shiftLeft], i32.add),
        [get(at), get(at), f32.load(), get(gy), f32.load(), f32.add, f32.store()],
        [advance(gy, 4), advance(places, 4)],
      ),
      set(gx, get(to)),
    );
  });
}

/** Whether every window has k taps, at stride 2 from −p, clipped to the image. */
function slides({ start, count, step: distance }: PoolWindows, length: number, k: number, p: number): boolean {
  if (distance !== 1) return false;
  return start.every((from, i) => {
    const first = 2 * i - p;
    return from === Math.max(0, first) && count[i] === Math.min(length, first + k) - from;
  });
}

/** Whether each plane has one window, the plane itself, and its average counts nothing else. */
function isGlobal({ H, W, Ho, Wo, rows, columns }: PoolGeometry): boolean {
  const whole = ({ start, count, step: distance, divisor }: PoolWindows, length: number): boolean =>
    distance === 1 && start[0] === 0 && count[0] === length && divisor[0] === length;
  return Ho === 1 && Wo === 1 && whole(rows, H) && whole(columns, W);
}

/** Numbers in a row of the padded plane and in all of it: as far as the windows, rounded up to four, reach. */
function paddedPlane({ H, W, Ho, Wo }: PoolGeometry, { k, p }: Square): { width: number; size: number } {
  const width = Math.max(W + 2 * p, 8 * Math.ceil(Wo / 4) + k);
  return { width, size: width * Math.max(H + 2 * p, 2 * (Ho - 1) + k) + 8 };
}

/** Row u of the windows: writes its taps, each a vector for four windows, to `taps`; `loaded` is scratch. */
function loadTaps(row: Local, taps: readonly Local[], loaded: readonly Local[]): Code {
  const [a, b] = loaded;
  return [
    [set(a, get(row), v128.load(0)), set(b, get(row), v128.load(16))],
    [set(taps[0], get(a), get(b), shuffle32(0, 2, 4, 6)), set(taps[1], get(a), get(b), shuffle32(1, 3, 5, 7))],
    taps.length > 2 ? set(taps[2], [get(row), v128.load(8)], [get(row), v128.load(24)], shuffle32(0, 2, 4, 6)) : [],
  ];
}

/** Variables of the loop over windows. */
interface WindowVariables {
  /** Where the window's rows begin. */
  readonly rows: readonly Local[];
  /** Where the results go. */
  readonly y: Local;
  readonly places: Local;
  /** The row of windows, and the position in it of the first of the four. */
  readonly i: Local;
  readonly j: Local;
  /** Width of the plane in which places are counted. */
  readonly W: Local;
}

/** pool(x, y, places, Ho, Wo, rowBytes, W): runs `window` for every four neighbouring windows of k rows. */
function poolFunction(k: number, window: (variables: WindowVariables, locals: Locals) => Code): Func {
  return func("pool", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [x, y, places, Ho, Wo, rowBytes, W] = [0, 1, 2, 3, 4, 5, 6];
    const [left, i, j, excess] = locals.many("i32", 4);
    const rows = locals.many("i32", k);
    const body = window({ rows, y, places, i, j, W }, locals);
    return countDown(
      Ho,
      1,
      rows.map((row, u) => set(row, u === 0 ? get(x) : [get(rows[u - 1]), get(rowBytes), i32.add])),
      [set(left, get(Wo), i32.const(3), i32.add), set(j, i32.const(0))],
      countDown(
        left,
        4,
        body,
        rows.map((row) => advance(row, 32)),
        [advance(y, 16), advance(places, 16), advance(j, 4)],
      ),
      // Back from the end of the last vector to the end of the row: 3, 2, 1, 0 numbers where `left` is 0, 1, 2, 3.
      set(excess, [i32.const(3), get(left), i32.sub], i32.const(2), i32.shiftLeft),
      [set(y, get(y), get(excess), i32.sub), set(places, get(places), get(excess), i32.sub)],
      [step(x, rowBytes), step(x, rowBytes), advance(i, 1)],
    );
  });
}

/** pool for maxima and their places. */
function maxPoolFunction({ k, p }: Square): Func {
  return poolFunction(k, ({ rows, places, y, i, j, W }, locals) => {
    const [a, b, best, place, here, wins, column] = locals.many("v128", 7);
    const taps = locals.many("v128", k);
    /** The row 2i − p + u of the plane: the place of its first number, repeated four times. */
    const rowPlace = (...u: readonly Code[]): Code => [
      [get(i), i32.const(2), i32.mul, i32.const(p), i32.sub, u, i32.add],
      [get(W), i32.mul, i32x4.splat],
    ];
    return [
      set(
        column,
        [get(j), i32.const(2), i32.mul, i32.const(p), i32.sub, i32x4.splat],
        v128.constInt(0, 2, 4, 6),
        i32x4.add,
      ),
      // Where everything is −∞, the answer is the first tap inside the image.
      set(best, constant(Number.NEGATIVE_INFINITY)),
      set(place, rowPlace(get(i), i32.eqz, i32.const(p), i32.mul), [
        get(column),
        v128.constInt(0, 0, 0, 0),
        i32x4.maxSigned,
        i32x4.add,
      ]),
      rows.map((row, u) => [
        loadTaps(row, taps, [a, b]),
        set(here, rowPlace(i32.const(u)), get(column), i32x4.add),
        taps.map((tap, v) => [
          v > 0 ? set(here, get(here), v128.constInt(1, 1, 1, 1), i32x4.add) : [],
          set(wins, [get(tap), get(best), f32x4.greater], [get(tap), get(tap), f32x4.notEqual], v128.or),
          set(best, get(tap), get(best), get(wins), v128.bitselect),
          set(place, get(here), get(place), get(wins), v128.bitselect),
        ]),
      ]),
      [get(y), get(best), v128.store()],
      [get(places), get(place), v128.store()],
    ];
  });
}

/** pool for averages over k × k numbers. */
function averagePoolFunction({ k }: Square): Func {
  return poolFunction(k, ({ rows, y }, locals) => {
    const loaded = locals.many("v128", 2);
    const taps = locals.many("v128", k);
    const sum = locals.make("v128");
    return [
      set(sum, constant(0)),
      rows.map((row) => [loadTaps(row, taps, loaded), taps.map((tap) => set(sum, get(sum), get(tap), f32x4.add))]),
      [get(y), get(sum), constant(1 / (k * k)), f32x4.mul, v128.store()],
    ];
  });
}
