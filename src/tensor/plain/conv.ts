/**
 * Convolution and its two gradients, each a matrix product with a matrix that is never built.
 *
 * Surround an image with zeros. Then filter tap (c, u, v) at position (i, j) reads an address that is a sum,
 *
 *   im2col[(c, u, v), (i, j)] = padded[tap(c, u, v) + position(i, j)],
 *   tap = c·plane + u·dh·Wp + v·dw,   position = i·sh·Wp + j·sw,
 *
 * so two short tables (geometry/patches.ts) stand for the whole im2col matrix, and product.ts reads the image through them:
 *
 *   y[o, l]  = Σ_t w[o, t] · padded[tap[t] + position[l]] + b[o]        forward
 *   gw[o, t] = Σ_l gy[o, l] · padded[position[l] + tap[t]]              weight gradient: the tables change places
 *   gx[c, p] = Σ_t w[t, c] · paddedGy[tap′[t] + position′[p]]           input gradient: the filter turned by 180°
 *
 * Measured (Node 20, Zen 4, forward, against im2col.ts and matmul.ts): 16→16 @32 at 4.9 GFLOP/s against 2.8, 4→4 @28 at
 * 3.9 against 1.3. Building and copying the matrix costs as much as four filters' sums, and a narrow network has only
 * so many.
 */
import type { ConvGeometry } from "../geometry/conv.ts";
import { axisPhases, oddLines, type Phase, patchTables, phaseTables } from "../geometry/patches.ts";
import type { Floats } from "../memory.ts";
import { grown, packedSize, packRows, product, TILE_ROWS } from "./product.ts";

let padded = new Float64Array(0);
let packed = new Float64Array(0);
let weightSums = new Float64Array(0);

/** y `[N, O, Ho, Wo]` → w ⋆ x + b, + add where not null, and max 0 if `relu`. */
export function conv2d(
  x: Floats,
  w: Floats,
  b: Floats | null,
  y: Floats,
  g: ConvGeometry,
  add: Floats | null = null,
  relu = false,
): void {
  const { N, C, H, W, O, ph, pw, groups, Cg, Og, K, L } = g;
  const { taps, positions, Wp, plane } = patchTables(g);
  padded = grown(padded, C * plane).fill(0);
  const packedGroup = packedSize(Og, K);
  packed = grown(packed, groups * packedGroup);
  for (let group = 0; group < groups; group++) packRows(w, group * Og * K, K, 1, Og, K, packed, group * packedGroup);
  for (let n = 0; n < N; n++) {
    copyInside(x, n * C * H * W, C, H, W, ph, pw, Wp, plane);
    for (let group = 0; group < groups; group++) {
      product({
        m: Og,
        n: L,
        k: K,
        a: packed,
        aOffset: group * packedGroup,
        b: padded,
        bOffset: group * Cg * plane,
        rows: taps,
        columns: positions,
        c: y,
        cOffset: (n * O + group * Og) * L,
        cStride: L,
        bias: b,
        biasOffset: group * Og,
      });
    }
  }
  if (add) for (let i = 0; i < y.length; i++) y[i] += add[i];
  if (relu) for (let i = 0; i < y.length; i++) y[i] = y[i] < 0 ? 0 : y[i];
}

/** gw `[O, Cg, kh, kw]` → Σ over images and positions of gy·x. */
export function conv2dWeightGradient(gy: Floats, x: Floats, gw: Floats, g: ConvGeometry): void {
  const { N, C, H, W, O, ph, pw, groups, Cg, Og, K, L } = g;
  const { taps, positions, Wp, plane } = patchTables(g);
  padded = grown(padded, C * plane).fill(0);
  packed = grown(packed, packedSize(Og, L));
  // Float64 keeps the sum over several images.
  weightSums = grown(weightSums, N > 1 ? O * K : 0);
  const sums = N > 1 ? weightSums : gw;
  if (N === 0) gw.fill(0);
  for (let n = 0; n < N; n++) {
    copyInside(x, n * C * H * W, C, H, W, ph, pw, Wp, plane);
    for (let group = 0; group < groups; group++) {
      packRows(gy, (n * O + group * Og) * L, L, 1, Og, L, packed, 0);
      product({
        m: Og,
        n: K,
        k: L,
        a: packed,
        aOffset: 0,
        b: padded,
        bOffset: group * Cg * plane,
        rows: positions,
        columns: taps,
        c: sums,
        cOffset: group * Og * K,
        cStride: K,
        accumulate: n > 0,
      });
    }
  }
  if (N > 1) for (let i = 0; i < O * K; i++) gw[i] = weightSums[i];
}

/**
 * gx `[N, C, H, W]` → the gradient of every pixel: gx[c, h, w] = Σ w[o, c, u, v]·gy[o, i, j] over all o, u, v with
 * i·sh + u·dh − ph = h and j·sw + v·dw − pw = w.
 *
 * At stride 1 that is a convolution of gy with the filter turned by 180°. At stride s a pixel meets only those taps
 * that agree with it modulo s. So its rows and columns fall into s phases each, and every pair of phases is a
 * convolution at stride 1 with its own part of the filter: no product with a zero is computed.
 */
export function conv2dInputGradient(gy: Floats, w: Floats, gx: Floats, g: ConvGeometry): void {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, groups, Cg, Og, K, Ho, Wo, L } = g;
  const vertical = axisPhases(H, kh, sh, ph, dh, Ho);
  const horizontal = axisPhases(W, kw, sw, pw, dw, Wo);
  const Wp = horizontal.padded;
  const plane = oddLines(vertical.padded * Wp);
  const filters: PhasePair[] = [];
  let size = 0;
  for (const rows of vertical.phases) {
    for (const columns of horizontal.phases) {
      const taps = rows.taps.length * columns.taps.length;
      filters.push({ rows, columns, k: Og * taps, packedAt: size, ...phaseTables(rows, columns, g, Wp, plane) });
      size += groups * packedSize(Cg, Og * taps);
    }
  }
  packed = grown(packed, size).fill(0);
  for (const { rows, columns, k, packedAt } of filters) {
    for (let group = 0; group < groups; group++) {
      const at = packedAt + group * packedSize(Cg, k);
      let p = 0;
      for (let o = group * Og; o < (group + 1) * Og; o++) {
        for (const u of rows.taps) {
          for (const v of columns.taps) {
            for (let c = 0; c < Cg; c++) {
              const panel = c - (c % TILE_ROWS);
              packed[at + panel * k + p * TILE_ROWS + (c - panel)] = w[o * K + (c * kh + u) * kw + v];
            }
            p++;
          }
        }
      }
    }
  }
  padded = grown(padded, O * plane).fill(0);
  for (let n = 0; n < N; n++) {
    copyInside(gy, n * O * L, O, Ho, Wo, vertical.before, horizontal.before, Wp, plane);
    for (let group = 0; group < groups; group++) {
      for (const { k, packedAt, taps, positions, pixels } of filters) {
        product({
          m: Cg,
          n: pixels.length,
          k,
          a: packed,
          aOffset: packedAt + group * packedSize(Cg, k),
          b: padded,
          bOffset: group * Og * plane,
          rows: taps,
          columns: positions,
          c: gx,
          cOffset: (n * C + group * Cg) * H * W,
          cStride: H * W,
          targets: pixels,
        });
      }
    }
  }
}

/** Copies `planes` planes of H × W to `padded`, each into a plane with rows Wp wide, at row `top` and column `left`. */
function copyInside(
  source: Floats,
  offset: number,
  planes: number,
  H: number,
  W: number,
  top: number,
  left: number,
  Wp: number,
  plane: number,
): void {
  for (let c = 0, from = offset; c < planes; c++) {
    for (let h = 0; h < H; h++, from += W) {
      const to = c * plane + (top + h) * Wp + left;
      for (let j = 0; j < W; j++) padded[to + j] = source[from + j];
    }
  }
}

interface PhasePair {
  readonly rows: Phase;
  readonly columns: Phase;
  readonly k: number;
  /** Where this pair's part of the filter begins in `packed`. */
  readonly packedAt: number;
  readonly taps: Int32Array;
  readonly positions: Int32Array;
  readonly pixels: Int32Array;
}
