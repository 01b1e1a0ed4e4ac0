/**
 * The matrix product C = op(A)·op(B): blocks, panels, tiles.
 *
 *   for each KC of k, for each MC of m, for each NC of n:   A's block and B's block are packed once,
 *     for each panel of 8 columns, for each panel of R rows:   one call of the tile.
 *
 * A's block (MC·KC numbers, 120 KiB) stays in L2, one panel of B (8·KC) in L1. Sizes are not critical.
 */
import type { GemmGeometry } from "../geometry/matmul.ts";
import type { Floats } from "../memory.ts";
import { countDown, step } from "./loops.ts";
import { TILE_COLUMNS, tileFunction, tileRows } from "./matmul-kernel.ts";
import { packByCopying, packByTransposing, packEdge } from "./pack.ts";
import {
  branchIf,
  type Code,
  callFunction,
  type Func,
  f32,
  func,
  get,
  i32,
  loop,
  set,
  tee,
  when,
} from "./wasm/assembler.ts";
import type { Call, Engine, Program } from "./wasm/engine.ts";
import type { Features } from "./wasm/features.ts";

const MC = 120;
const KC = 256;
const NC = 1024;

type GemmFunctions =
  | "tile"
  | "tiles"
  | "copyRows"
  | "transposeRows"
  | "copyColumns"
  | "transposeColumns"
  | "edge"
  | "part";

/** c → op(a)·op(b), or adds it; see `Kernels.gemm`. False where the engine has no room, or nothing to do. */
export function gemm(engine: Engine, a: Floats, b: Floats, c: Floats, g: GemmGeometry): boolean {
  if (g.m === 0 || g.n === 0 || g.k === 0) return false;
  return engine.run((call) => {
    const pa = call.constant(a);
    const pb = call.constant(b);
    const pc = g.accumulate ? call.update(c) : call.output(c);
    const [packed] = call.each(packedFloats(g));
    splitProduct(engine, call, pa, pb, pc, packed, g);
  });
}

/** Floats of scratch that `gemmAt` needs. */
export function packedFloats({ m, n, k }: GemmGeometry): number {
  const kc = Math.min(KC, k);
  return (
    (roundUp(Math.min(MC, m), 12) + roundUp(Math.min(NC, n), TILE_COLUMNS)) * kc +
    spareFloats(Math.min(MC, m), Math.min(NC, n))
  );
}

/** Products for which it pays to wake a thread: some 10 µs. */
export const PRODUCT_GRAIN: number = 2 ** 18;

/**
 * The product on addresses, on all threads; `packed` is scratch of each. The longer side of C is divided, so that what every
 * thread packs for itself is the smaller operand.
 */
export function splitProduct(
  engine: Engine,
  call: Call,
  a: number,
  b: number,
  c: number,
  packed: number,
  g: GemmGeometry,
): void {
  const { m, n, k } = g;
  const R = tileRows(engine.features);
  const [length, tile, other] = n >= m ? [n, TILE_COLUMNS, m] : [m, R, n];
  const tiles = Math.ceil(length / tile);
  call.split(tiles, Math.ceil(PRODUCT_GRAIN / (tile * other * k)), (from, to) => {
    const range = [from * tile, Math.min(length, to * tile)] as const;
    gemmAt(engine, a, b, c, packed, g, n >= m ? [0, m] : range, n >= m ? range : [0, n]);
  });
}

/** Rows or columns: the first, and that after the last. */
type Range = readonly [from: number, to: number];

/** The product on addresses, or some rows and columns of it; `packed` is the address of its scratch. */
export function gemmAt(
  engine: Engine,
  a: number,
  b: number,
  c: number,
  packed: number,
  g: GemmGeometry,
  [firstRow, lastRow]: Range = [0, g.m],
  [firstColumn, lastColumn]: Range = [0, g.n],
): void {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = g;
  const functions = engine.program<GemmFunctions>("gemm", gemmFunctions);
  const R = tileRows(engine.features);
  const packedB = packed + 4 * roundUp(Math.min(MC, m), 12) * Math.min(KC, k);
  const spare = packedB + 4 * roundUp(Math.min(NC, n), TILE_COLUMNS) * Math.min(KC, k);
  // The distances in bytes between neighbours along m, n and k.
  const [aRow, aStep] = transposeA ? [4, 4 * m] : [4 * k, 4];
  const [bColumn, bStep] = transposeB ? [4 * k, 4] : [4, 4 * n];
  for (let j0 = firstColumn; j0 < lastColumn; j0 += NC) {
    const nc = Math.min(NC, lastColumn - j0);
    for (let p0 = 0; p0 < k; p0 += KC) {
      const kc = Math.min(KC, k - p0);
      packPanels(functions, "Columns", TILE_COLUMNS, b + j0 * bColumn + p0 * bStep, packedB, bColumn, bStep, nc, kc);
      for (let i0 = firstRow; i0 < lastRow; i0 += MC) {
        const mc = Math.min(MC, lastRow - i0);
        packPanels(functions, "Rows", R, a + i0 * aRow + p0 * aStep, packed, aRow, aStep, mc, kc);
        const add = accumulate || p0 > 0 ? 1 : 0;
        multiplyPacked(functions, R, packed, packedB, c + 4 * (i0 * n + j0), mc, nc, kc, 4 * n, add, spare);
      }
    }
  }
}

/** Packs `lines` rows (or columns) in panels of `width`. */
function packPanels(
  functions: Program<GemmFunctions>,
  what: "Rows" | "Columns",
  width: number,
  source: number,
  target: number,
  strideLine: number,
  strideStep: number,
  lines: number,
  k: number,
): void {
  for (let i = 0; i < lines; i += width, target += 4 * width * k) {
    const from = source + i * strideLine;
    if (lines - i < width) functions.edge(from, target, strideLine, strideStep, lines - i, width, k);
    else if (strideLine === 4) functions[`copy${what}`](from, target, strideStep, k);
    else functions[`transpose${what}`](from, target, strideLine, k);
  }
}

/**
 * C's block → A's packed block times B's, or adds it. The parts that do not fill whole tiles, a strip on the right and
 * one below, are computed in `spare` first (`spareFloats`).
 */
export function multiplyPacked(
  { tiles, part }: Program<"tile" | "tiles" | "part">,
  R: number,
  a: number,
  b: number,
  c: number,
  m: number,
  n: number,
  k: number,
  rowBytes: number,
  add: number,
  spare: number,
): void {
  const rows = Math.floor(m / R);
  const columns = Math.floor(n / TILE_COLUMNS);
  if (rows > 0 && columns > 0) tiles(a, b, c, rows, columns, k, rowBytes, add);
  const right = columns * TILE_COLUMNS;
  if (right < n) {
    tiles(a, b + 4 * right * k, spare, Math.ceil(m / R), 1, k, 4 * TILE_COLUMNS, 0);
    part(spare, c + 4 * right, m, n - right, 4 * TILE_COLUMNS, rowBytes, add);
  }
  const below = rows * R;
  if (below < m && columns > 0) {
    tiles(a + 4 * below * k, b, spare, 1, columns, k, 4 * right, 0);
    part(spare, c + below * rowBytes, m - below, right, 4 * right, rowBytes, add);
  }
}

/** Floats of scratch that `multiplyPacked` needs for blocks of up to m × n. */
export function spareFloats(m: number, n: number): number {
  return Math.max((m + 6) * TILE_COLUMNS, 6 * n);
}

function gemmFunctions(features: Features): Func[] {
  const R = tileRows(features);
  return [
    tileFunction(features), // number 0: `tiles` calls it
    tilesFunction(R),
    packByCopying("copyRows", R),
    packByTransposing("transposeRows", R),
    packByCopying("copyColumns", TILE_COLUMNS),
    packByTransposing("transposeColumns", TILE_COLUMNS),
    packEdge(),
    partFunction(),
  ];
}

/** tiles(a, b, c, rows, columns, k, rowBytes, add): the tile for every pair of a row panel and a column panel. */
export function tilesFunction(R: number): Func {
  return func("tiles", ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [a, b, c, rows, columns, k, rowBytes, add] = [0, 1, 2, 3, 4, 5, 6, 7];
    const [i, pa, pc] = locals.many("i32", 3);
    const advance = (pointer: number, ...bytes: readonly Code[]): Code => set(pointer, get(pointer), bytes, i32.add);
    return loop(
      set(i, get(rows)),
      set(pa, get(a)),
      set(pc, get(c)),
      loop(
        [get(pa), get(b), get(pc), get(k), get(rowBytes), get(add), callFunction(0)],
        advance(pa, get(k), i32.const(4 * R), i32.mul),
        advance(pc, get(rowBytes), i32.const(R), i32.mul),
        advance(i, i32.const(-1)),
        get(i),
        branchIf(0),
      ),
      advance(b, get(k), i32.const(4 * TILE_COLUMNS), i32.mul),
      advance(c, i32.const(4 * TILE_COLUMNS)),
      advance(columns, i32.const(-1)),
      get(columns),
      branchIf(0),
    );
  });
}

/** part(source, c, rows, columns, sourceBytes, rowBytes, add): copies a block computed in scratch to c, or adds it. */
export function partFunction(): Func {
  return func("part", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, c, rows, columns, sourceBytes, rowBytes, add] = [0, 1, 2, 3, 4, 5, 6];
    const j = locals.make("i32");
    const value = locals.make("f32");
    return countDown(
      rows,
      1,
      set(j, i32.const(0)),
      loop(
        set(value, get(source), get(j), i32.add, f32.load()),
        get(add),
        when(set(value, get(value), get(c), get(j), i32.add, f32.load(), f32.add)),
        [get(c), get(j), i32.add, get(value), f32.store()],
        [tee(j, get(j), i32.const(4), i32.add), get(columns), i32.const(4), i32.mul, i32.lessSigned, branchIf(0)],
      ),
      step(source, sourceBytes),
      step(c, rowBytes),
    );
  });
}

function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}
