/**
 * The matrix product C = op(A)·op(B), blocked and packed (Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix
 * Multiplication").
 *
 * Three loops over blocks choose parts of A and B that stay in the caches while they are used; each part is packed, that
 * is copied into the order in which product.ts will read it. Packing is where a transpose happens, so that all four
 * combinations cost the same.
 */
import type { GemmGeometry } from "../geometry/gemm.ts";
import type { Floats } from "../memory.ts";
import { grown, packedSize, packRows, product, TILE_COLUMNS } from "./product.ts";

/** Rows of A, columns of B and length of the sums per block: A's part is 256 KiB, B's 384 KiB. Multiples of the tile. */
const MC = 128;
const NC = 192;
const KC = 256;

/** B's part is packed in panels of three columns: B[p, j] at PANEL_ROWS[p] + the panel's start + j mod 3. */
const PANEL_ROWS = Int32Array.from({ length: KC }, (_, p) => p * TILE_COLUMNS);
const panelColumns = new Int32Array(NC);

let packedA = new Float64Array(0);
let packedB = new Float64Array(0);

/** c → op(a)·op(b), or adds it: c `[m, n]`, op(a) `[m, k]`, op(b) `[k, n]`, all row-major. */
export function gemm(a: Floats, b: Floats, c: Floats, g: GemmGeometry): void {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = g;
  gemmAt(a, 0, b, 0, c, 0, m, n, k, transposeA, transposeB, accumulate);
}
