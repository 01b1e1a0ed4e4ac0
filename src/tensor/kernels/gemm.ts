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
  const [aRow, aColumn] = transposeA ? [1, m] : [k, 1];
  const [bRow, bColumn] = transposeB ? [1, k] : [n, 1];
  if (k === 0 && !accumulate) c.fill(0);
  packedA = grown(packedA, packedSize(Math.min(m, MC), Math.min(k, KC)));
  packedB = grown(packedB, Math.min(k, KC) * Math.min(n + TILE_COLUMNS - 1, NC));
  for (let j = 0; j < n; j += NC) {
    const width = Math.min(NC, n - j);
    for (let p = 0; p < k; p += KC) {
      const depth = Math.min(KC, k - p);
      packColumns(b, p * bRow + j * bColumn, bRow, bColumn, depth, width);
      for (let i = 0; i < m; i += MC) {
        const height = Math.min(MC, m - i);
        packRows(a, i * aRow + p * aColumn, aRow, aColumn, height, depth, packedA, 0);
        product({
          m: height,
          n: width,
          k: depth,
          a: packedA,
          aOffset: 0,
          b: packedB,
          bOffset: 0,
          rows: PANEL_ROWS,
          columns: panelColumns,
          c,
          cOffset: i * n + j,
          cStride: n,
          // The first block of sums overwrites, the others add to it.
          accumulate: accumulate || p > 0,
        });
      }
    }
  }
}

/** Packs the k × n matrix source[offset + p·rowStride + j·columnStride] in panels, and notes where each column begins. */
function packColumns(
  source: Floats,
  offset: number,
  rowStride: number,
  columnStride: number,
  k: number,
  n: number,
): void {
  for (let j = 0; j < n; j++) {
    const v = j % TILE_COLUMNS;
    panelColumns[j] = (j - v) * k + v;
  }
  // Along the direction in which the source is contiguous.
  if (columnStride === 1) {
    for (let p = 0; p < k; p++) {
      const from = offset + p * rowStride;
      const to = p * TILE_COLUMNS;
      for (let j = 0; j < n; j++) packedB[to + panelColumns[j]] = source[from + j];
    }
  } else {
    for (let j = 0; j < n; j++) {
      const from = offset + j * columnStride;
      const to = panelColumns[j];
      for (let p = 0; p < k; p++) packedB[to + p * TILE_COLUMNS] = source[from + p];
    }
  }
}
