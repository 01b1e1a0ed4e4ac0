/**
 * The matrix product C = op(A)·op(B), blocked and packed (Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix
 * Multiplication").
 *
 * Three loops over blocks choose parts of A and B that stay in the caches while they are used. Each part is packed:
 * copied to where product.ts reads it. A transpose only changes how a part is copied (A) or the tables by which it is
 * read (B), so all four combinations cost about the same.
 */
import type { GemmGeometry } from "../geometry/matmul.ts";
import type { Floats } from "../memory.ts";
import { grown, packedSize, packRows, product } from "./product.ts";

/** Rows of A, columns of B and length of the sums per block: A's part is 128 KiB, B's 104 KiB, half of a second cache. */
const MC = 128;
const NC = 96;
const KC = 128;

/**
 * B's part keeps its order and only becomes float64: product.ts reads it through tables. Rows are 8 numbers longer than
 * needed, because rows a power of two apart would all share the same few sets of the cache.
 */
const PAD = 8;
const bRows = new Int32Array(KC);
const bColumns = new Int32Array(NC);

let packedA = new Float64Array(0);
let packedB = new Float64Array(0);

/** c → op(a)·op(b), or adds it: c `[m, n]`, op(a) `[m, k]`, op(b) `[k, n]`, all row-major. */
export function gemm(a: Floats, b: Floats, c: Floats, g: GemmGeometry): void {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = g;
  const [aRow, aColumn] = transposeA ? [1, m] : [k, 1];
  if (k === 0 && !accumulate) c.fill(0);
  packedA = grown(packedA, packedSize(Math.min(m, MC), Math.min(k, KC)));
  const rowLength = (transposeB ? Math.min(k, KC) : Math.min(n, NC)) + PAD;
  packedB = grown(packedB, rowLength * (transposeB ? Math.min(n, NC) : Math.min(k, KC)));
  for (let p = 0; p < KC; p++) bRows[p] = transposeB ? p : p * rowLength;
  for (let j = 0; j < NC; j++) bColumns[j] = transposeB ? j * rowLength : j;
  for (let j = 0; j < n; j += NC) {
    const width = Math.min(NC, n - j);
    for (let p = 0; p < k; p += KC) {
      const depth = Math.min(KC, k - p);
      if (transposeB) copyRows(b, j * k + p, k, width, depth, rowLength);
      else copyRows(b, p * n + j, n, depth, width, rowLength);
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
          rows: bRows,
          columns: bColumns,
          c,
          cOffset: i * n + j,
          cStride: n,
          // The first block of sums overwrites; the others add to it.
          accumulate: accumulate || p > 0,
        });
      }
    }
  }
}

/** Copies rows of `length` numbers, `stride` apart in the source, to packedB, `rowLength` apart. */
function copyRows(
  source: Floats,
  offset: number,
  stride: number,
  rows: number,
  length: number,
  rowLength: number,
): void {
  for (let i = 0; i < rows; i++) {
    const from = offset + i * stride;
    const to = i * rowLength;
    for (let j = 0; j < length; j++) packedB[to + j] = source[from + j];
  }
}
