/**
 * Resizing in two passes, one for each axis: both are weighted sums of whole rows, after a transposition.
 *
 *   x `[H, W]`  → transposed `[W, H]` → sums of rows `[Wo, H]` → transposed `[H, Wo]` → sums of rows `[Ho, Wo]`
 *
 * Loads along a row are vectors, whatever the tables say, and a weight is loaded once for a row. The axis that shrinks
 * goes first, else the columns: the other pass has less to do then. Small planes are transposed several at a time.
 */
import type { ResampleGeometry, Taps } from "../geometry/interpolate.ts";
import type { Floats } from "../memory.ts";
import { Images } from "./images.ts";
import { advance, countDown, GRAIN, step, sweep } from "./loops.ts";
import { multiplyAdd } from "./matmul-kernel.ts";
import { transposeFunction } from "./shape.ts";
import { type Func, func, get, i32, type Local, set, v128 } from "./wasm/assembler.ts";
import type { Call, Engine } from "./wasm/engine.ts";
import type { Features } from "./wasm/features.ts";
import { worthIt } from "./worth.ts";

/** Rows to transpose at a time: they and what becomes of them stay in the first-level cache. */
const ROWS = 64;

/** y → the weighted sums of x. */
export function resample(engine: Engine, x: Floats, y: Floats, g: ResampleGeometry): boolean {
  const { planes, H, W, Ho, Wo } = g;
  if (!worthIt(x, y)) return false;
  const { copyRows: transpose, rowSums } = engine.program<"copyRows" | "rowSums">("resample", (features) => [
    transposeFunction(),
    rowSumsFunction(features),
  ]);
  const rowsFirst = Ho < H;
  const height = rowsFirst ? Ho : H;
  const together = Math.max(1, Math.min(planes, Math.floor(ROWS / height)));
  return engine.run((call) => {
    const [px, py] = [call.input(x), call.output(y)];
    const [rows, columns] = [tableOf(engine, call, g.rows), tableOf(engine, call, g.columns)];
    const images = new Images(engine, call, planes);
    const sizes = [W, Wo, rowsFirst ? W : Wo].map((width) => together * height * width);
    const [upright, summed, between] = images.scratch(sizes.slice(0, 2), sizes.slice(2));
    /** Sums along the rows of n rows. */
    const alongRows = (source: number, target: number, n: number): void => {
      images.within(n, Math.ceil(GRAIN / (W + Wo)), (from, to) => {
        const many = to - from;
        transpose(source + 4 * from * W, upright, many, W, 4 * W, 4 * many);
        rowSums(upright, summed, Wo, many, columns);
        transpose(summed, target + 4 * from * Wo, Wo, many, 4 * many, 4 * Wo);
      });
    };
    const alongColumns = (source: number, target: number, width: number, count: number): void => {
      for (let k = 0; k < count; k++) {
        images.within(Ho, Math.ceil(GRAIN / width), (from, to) => {
          const table = rows + 4 * (3 * from + g.rows.offsets[from]);
          rowSums(source + 4 * k * H * width, target + 4 * (k * Ho + from) * width, to - from, width, table);
        });
      }
    };
    const resize = (plane: number, count: number): void => {
      const [from, to] = [px + 4 * plane * H * W, py + 4 * plane * Ho * Wo];
      if (rowsFirst) alongColumns(from, between, W, count);
      alongRows(rowsFirst ? between : from, rowsFirst ? to : between, count * height);
      if (!rowsFirst) alongColumns(between, to, Wo, count);
    };
    images.each(planes, Math.ceil(GRAIN / (H * W + Ho * Wo)), (first, end) => {
      for (let plane = first; plane < end; plane += together) resize(plane, Math.min(together, end - plane));
    });
  });
}

/** The table in the engine's memory, as `rowSums` reads it: for each result the first row, the number of rows, weights. */
function tableOf(engine: Engine, call: Call, { starts, offsets, weights }: Taps): number {
  const table = call.scratch(3 * starts.length + weights.length);
  const floats = new Float32Array(engine.arena.memory.buffer, table);
  const wholes = new Int32Array(engine.arena.memory.buffer, table);
  let at = 0;
  starts.forEach((start, i) => {
    wholes[at++] = start;
    wholes[at++] = offsets[i + 1] - offsets[i];
    // What sums begin with: −0 changes nothing, not even the sign of −0. A sum of nothing is 0.
    floats[at++] = offsets[i + 1] > offsets[i] ? -0 : 0;
    for (let k = offsets[i]; k < offsets[i + 1]; k++) floats[at++] = weights[k];
  });
  return table;
}

/** rowSums(x, y, results, inner, table): each of the `results` rows of y is a weighted sum of some neighbouring rows of x. */
function rowSumsFunction(features: Features): Func {
  return func("rowSums", ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [x, y, results, inner, table] = [0, 1, 2, 3, 4];
    const [n, rowBytes, from, row, weights, left] = locals.many("i32", 6);
    const [weight, ...rest] = locals.many("v128", 6);
    const pixels: Local = rest[4];
    return [
      set(rowBytes, get(inner), i32.const(2), i32.shiftLeft),
      countDown(
        results,
        1,
        set(from, get(x), [get(table), i32.load(), get(rowBytes), i32.mul], i32.add),
        set(n, get(inner)),
        sweep(n, [from, y], (access) => [
          access.vectors.map((v) => set(rest[v], get(table), v128.load32Splat(8))),
          [set(row, get(from)), set(left, get(table), i32.load(4)), set(weights, get(table))],
          countDown(
            left,
            1,
            set(weight, get(weights), v128.load32Splat(12)),
            access.vectors.map((v) => [
              set(pixels, access.load(row, v)),
              multiplyAdd(rest[v], pixels, weight, features),
            ]),
            step(row, rowBytes),
            advance(weights, 4),
          ),
          access.vectors.map((v) => access.store(y, v, get(rest[v]))),
        ]),
        // To the next result's part of the table.
        set(table, get(table), [get(table), i32.load(4), i32.const(2), i32.shiftLeft], i32.add),
        advance(table, 12),
      ),
    ];
  });
}
