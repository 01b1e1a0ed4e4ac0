/**
 * im2col: convolution as a matrix product (Chellapilla, Puri & Simard 2006, "High Performance Convolutional Neural
 * Networks for Document Processing").
 *
 * Each column of the im2col matrix is the patch that the filter sees at one position. Row (c, u, v) is what tap (u, v)
 * of channel c sees as the filter moves over the image:
 *
 *   columns[(c·kh + u)·kw + v, i·Wo + j] = x[c, i·sh + u·dh − ph, j·sw + v·dw − pw],   0 outside the image.
 *
 * With it, y = w·columns, a product `[O, K]·[K, L]`. `col2im` is its adjoint: ⟨im2col x, c⟩ = ⟨x, col2im c⟩. Both use
 * the same walk, so they cannot disagree about which number belongs where.
 * Next: conv.ts, which convolves with the same matrix without building it.
 */
import type { ConvGeometry } from "../geometry/conv.ts";
import type { Floats } from "../memory.ts";

/** columns[column + j] and x[pixel + j·sw] are the same number, for j < count. */
type VisitRun = (column: number, pixel: number, count: number) => void;

/** Visits every number of the im2col matrix that lies inside the image, in runs along one row of the output. */
function walkPatches(g: ConvGeometry, visit: VisitRun): void {
  const { C, H, W, kh, kw, sh, sw, ph, pw, dh, dw, Ho, Wo, L } = g;
  for (let c = 0, row = 0; c < C; c++) {
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++, row++) {
        // Output columns j whose pixel x = j·sw + shift is inside, 0 ≤ x < W.
        const shift = v * dw - pw;
        const first = Math.max(0, Math.ceil(-shift / sw));
        const end = Math.min(Wo, Math.ceil((W - shift) / sw));
        if (first >= end) continue;
        for (let i = 0; i < Ho; i++) {
          const h = i * sh + u * dh - ph;
          if (h < 0 || h >= H) continue;
          visit(row * L + i * Wo + first, (c * H + h) * W + first * sw + shift, end - first);
        }
      }
    }
  }
}

/** columns `[C·kh·kw, L]` → the patches of one image x `[C, H, W]`. */
export function im2col(x: Floats, columns: Floats, g: ConvGeometry): void {
  const { sw } = g;
  columns.fill(0);
  walkPatches(g, (column, pixel, count) => {
    for (let end = column + count; column < end; column++, pixel += sw) columns[column] = x[pixel];
  });
}

/** Adds every number of columns `[C·kh·kw, L]` to the pixel of x `[C, H, W]` that it came from. */
export function col2im(columns: Floats, x: Floats, g: ConvGeometry): void {
  const { sw } = g;
  walkPatches(g, (column, pixel, count) => {
    for (let end = column + count; column < end; column++, pixel += sw) x[pixel] += columns[column];
  });
}
