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
import { advance, countDown, step, sweep } from "./loops.ts";
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
    const between = call.scratch(together * height * (rowsFirst ? W : Wo));
    const upright = call.scratch(together * height * W);
    const summed = call.scratch(together * height * Wo);
    for (let plane = 0; plane < planes; plane += together) {
      const count = Math.min(together, planes - plane);
      const from = px + 4 * plane * H * W;
      const to = py + 4 * plane * Ho * Wo;
      const n = count * height;
      /** Sums along the rows of n rows. */
      const alongRows = (source: number, target: number): void => {
        transpose(source, upright, n, W, 4 * W, 4 * n);
        rowSums(upright, summed, Wo, n, columns);
        transpose(summed, target, Wo, n, 4 * n, 4 * Wo);
      };
      const alongColumns = (source: number, target: number, width: number): void => {
        for (let k = 0; k < count; k++) {
          rowSums(source + 4 * k * H * width, target + 4 * k * Ho * width, Ho, width, rows);
        }
      };
      if (rowsFirst) alongColumns(from, between, W);
      alongRows(rowsFirst ? between : from, rowsFirst ? to : between);
      if (!rowsFirst) alongColumns(between, to, Wo);
    }
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
