/**
 * The inner loop of every matrix product and convolution: sums of products, twelve at a time.
 *
 * A sum over p of a_p·b_p loads two numbers for each multiplication. A tile of 4 × 3 sums loads seven numbers for
 * twelve, which makes it fast. The left factor is packed: four rows interleaved, so that the four numbers for one p are
 * neighbours. The right factor is addressed by two tables,
 *
 *   B[p, j] = b[rows[p] + columns[j]],
 *
 * which covers a packed matrix (matmul.ts) as well as the im2col matrix of a padded image (conv.ts): the number that
 * filter tap p sees at position j. The matrix is nine times the image for a 3×3 filter; it never has to be built.
 *
 * Measured (Node 20, Zen 4, 256 terms, the loop alone): 4×3 sums 6.1 GFLOP/s, 2×4 4.6, 4×4 2.9. V8 has 15 registers:
 * twelve for sums and three for numbers of b. With more, it spills sums to memory at every step. For the same reason
 * the packed rows and their table are copied to constant arrays, block by block: an array that V8 knows needs no
 * registers for its address and length (4.3 to 5.3 GFLOP/s with everything in place). Both factors are in float64
 * scratch, whatever the tensors hold. So a number is converted once, when it is packed, not at every load; and the loop
 * only ever sees one type of array, which gradient checks in float64 pass through without loss.
 */
import type { Floats } from "../memory.ts";

/** Rows and columns of a tile. */
export const TILE_ROWS = 4;
export const TILE_COLUMNS = 3;

export interface Product {
  /** Rows of the result. */
  readonly m: number;
  /** Columns of the result. */
  readonly n: number;
  /** Length of the sums. */
  readonly k: number;
  /** The left factor, packed by `packRows`, from `aOffset` on. */
  readonly a: Float64Array;
  readonly aOffset: number;
  /** The right factor: B[p, j] = b[bOffset + rows[p] + columns[j]]. */
  readonly b: Float64Array;
  readonly bOffset: number;
  readonly rows: Int32Array;
  /** At least n entries. */
  readonly columns: Int32Array;
  /** Where the result goes: element (i, j) to c[cOffset + i·cStride + targets[j]], or to j itself without `targets`. */
  readonly c: Floats;
  readonly cOffset: number;
  readonly cStride: number;
  readonly targets?: Int32Array | undefined;
  /** Added to row i: bias[biasOffset + i]. */
  readonly bias?: Floats | null | undefined;
  readonly biasOffset?: number;
  /** Add to what c holds instead of overwriting it. */
  readonly accumulate?: boolean;
}

/** Length of the sums that a tile adds up at once. Four rows of that length are 8 KiB: a quarter of the first cache. */
const DEPTH = 256;
/** Columns of B that are used with all rows of A before the next ones: they stay in the second cache meanwhile. */
const WIDTH = 96;

// The innermost loop uses these besides b; they are constants of fixed size, see above.
/** Four rows of A, interleaved, and the rows of B that they meet. */
const panel = new Float64Array(TILE_ROWS * DEPTH);
const panelRows = new Int32Array(DEPTH);
/** The twelve sums of one tile, row by row. */
const sums = new Float64Array(TILE_ROWS * TILE_COLUMNS);

/** c → a·b (+ bias), tile by tile. */
export function product({
  m,
  n,
  k,
  a,
  aOffset,
  b,
  bOffset,
  rows,
  columns,
  c,
  cOffset,
  cStride,
  targets,
  bias,
  biasOffset = 0,
  accumulate = false,
}: Product): void {
  // Blocks of equal depth. At least one, because empty sums are zeros that must be written.
  const blocks = Math.max(1, Math.ceil(k / DEPTH));
  const step = Math.ceil(k / blocks);
  for (let block = 0; block < blocks; block++) {
    const first = block * step;
    const depth = Math.min(step, k - first);
    const add = accumulate || block > 0;
    panelRows.set(rows.subarray(first, first + depth));
    for (let left = 0; left < n; left += WIDTH) {
      const right = Math.min(left + WIDTH, n);
      for (let i = 0; i < m; i += TILE_ROWS) {
        const height = Math.min(TILE_ROWS, m - i);
        const from = aOffset + i * k + first * TILE_ROWS;
        panel.set(a.subarray(from, from + depth * TILE_ROWS));
        for (let j = left; j < right; j += TILE_COLUMNS) {
          // Beyond the right edge the last column is computed and written again.
          const j1 = Math.min(j + 1, n - 1);
          const j2 = Math.min(j + 2, n - 1);
          tile(depth, b, bOffset + columns[j], bOffset + columns[j1], bOffset + columns[j2]);
          const t0 = targets ? targets[j] : j;
          const t1 = targets ? targets[j1] : j1;
          const t2 = targets ? targets[j2] : j2;
          for (let u = 0, row = cOffset + i * cStride; u < height; u++, row += cStride) {
            let v0 = sums[u * TILE_COLUMNS];
            let v1 = sums[u * TILE_COLUMNS + 1];
            let v2 = sums[u * TILE_COLUMNS + 2];
            if (add) {
              v0 += c[row + t0];
              v1 += c[row + t1];
              v2 += c[row + t2];
            } else if (bias) {
              v0 += bias[biasOffset + i + u];
              v1 += bias[biasOffset + i + u];
              v2 += bias[biasOffset + i + u];
            }
            c[row + t0] = v0;
            c[row + t1] = v1;
            c[row + t2] = v2;
          }
        }
      }
    }
  }
}

/**
 * Makes `tile`: sums[i, j] → Σ_p panel[p, i] · b[panelRows[p] + bⱼ] for p < depth, i < 4, j < 3.
 *
 * The enclosing function keeps the three arrays constant even where a bundler makes module constants variables, as
 * esbuild does (measured in a bundle: 5.2 GFLOP/s, without it 4.0).
 */
function tileOver(
  panel: Float64Array,
  panelRows: Int32Array,
  sums: Float64Array,
): (depth: number, b: Float64Array, b0: number, b1: number, b2: number) => void {
  return function tile(depth, b, b0, b1, b2) {
    let s00 = 0;
    let s01 = 0;
    let s02 = 0;
    let s10 = 0;
    let s11 = 0;
    let s12 = 0;
    let s20 = 0;
    let s21 = 0;
    let s22 = 0;
    let s30 = 0;
    let s31 = 0;
    let s32 = 0;
    // A literal 4: an exported constant is a variable to V8 (measured: 4.8 GFLOP/s against 5.3).
    for (let p = 0, i = 0; p < depth; p++, i += 4) {
      const row = panelRows[p];
      const x0 = b[row + b0];
      const x1 = b[row + b1];
      const x2 = b[row + b2];
      let w = panel[i];
      s00 += w * x0;
      s01 += w * x1;
      s02 += w * x2;
      w = panel[i + 1];
      s10 += w * x0;
      s11 += w * x1;
      s12 += w * x2;
      w = panel[i + 2];
      s20 += w * x0;
      s21 += w * x1;
      s22 += w * x2;
      w = panel[i + 3];
      s30 += w * x0;
      s31 += w * x1;
      s32 += w * x2;
    }
    sums[0] = s00;
    sums[1] = s01;
    sums[2] = s02;
    sums[3] = s10;
    sums[4] = s11;
    sums[5] = s12;
    sums[6] = s20;
    sums[7] = s21;
    sums[8] = s22;
    sums[9] = s30;
    sums[10] = s31;
    sums[11] = s32;
  };
}

const tile = /* @__PURE__ */ tileOver(panel, panelRows, sums);

/** How many numbers `packRows` writes for an m × k matrix: m rounded up to whole tiles. */
export function packedSize(m: number, k: number): number {
  return Math.ceil(m / TILE_ROWS) * TILE_ROWS * k;
}

/**
 * Packs the m × k matrix source[offset + i·rowStride + p·columnStride] as a left factor: four rows at a time,
 * interleaved. Rows beyond m are zeros.
 */
export function packRows(
  source: Floats,
  offset: number,
  rowStride: number,
  columnStride: number,
  m: number,
  k: number,
  packed: Float64Array,
  at: number,
): void {
  for (let i = 0; i < m; i += TILE_ROWS, at += TILE_ROWS * k) {
    if (i + TILE_ROWS <= m) {
      // All four rows at once: the packed side is written in order.
      const row0 = offset + i * rowStride;
      const row1 = row0 + rowStride;
      const row2 = row1 + rowStride;
      const row3 = row2 + rowStride;
      for (let p = 0, to = at, from = 0; p < k; p++, to += 4, from += columnStride) {
        packed[to] = source[row0 + from];
        packed[to + 1] = source[row1 + from];
        packed[to + 2] = source[row2 + from];
        packed[to + 3] = source[row3 + from];
      }
    } else {
      packed.fill(0, at, at + TILE_ROWS * k);
      for (let u = 0; i + u < m; u++) {
        const row = offset + (i + u) * rowStride;
        for (let p = 0; p < k; p++) packed[at + p * TILE_ROWS + u] = source[row + p * columnStride];
      }
    }
  }
}

/**
 * `buffer` if it has room for `size` numbers, else a new one. Scratch stays allocated between calls: a fresh array
 * costs more than the computation in it.
 */
export function grown(buffer: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> {
  return buffer.length >= size ? buffer : new Float64Array(size);
}
