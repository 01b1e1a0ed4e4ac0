/**
 * The definitions as plain loops: the benches compare with them, and the kernel tests trust them.
 *
 * Each function is its formula, one sum per element of the result, and nothing else.
 */
import type { ConvGeometry } from "../src/tensor/geometry/conv.ts";
import type { GemmGeometry } from "../src/tensor/geometry/matmul.ts";
import type { Floats } from "../src/tensor/memory.ts";

/** c[i, j] = Σ_p op(a)[i, p]·op(b)[p, j], added to c with `accumulate`. */
export function naiveGemm(a: Floats, b: Floats, c: Floats, g: GemmGeometry): void {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = g;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = accumulate ? c[i * n + j] : 0;
      for (let p = 0; p < k; p++) sum += a[transposeA ? p * m + i : i * k + p] * b[transposeB ? j * k + p : p * n + j];
      c[i * n + j] = sum;
    }
  }
}

/** columns[(c·kh + u)·kw + v, i·Wo + j] = x[c, i·sh + u·dh − ph, j·sw + v·dw − pw]. */
export function naiveIm2col(x: Floats, columns: Floats, g: ConvGeometry): void {
  const { C, H, W, kh, kw, sh, sw, ph, pw, dh, dw, Ho, Wo } = g;
  let k = 0;
  for (let c = 0; c < C; c++) {
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++) {
        for (let i = 0; i < Ho; i++) {
          for (let j = 0; j < Wo; j++, k++) {
            const h = i * sh + u * dh - ph;
            const w = j * sw + v * dw - pw;
            columns[k] = h >= 0 && h < H && w >= 0 && w < W ? x[(c * H + h) * W + w] : 0;
          }
        }
      }
    }
  }
}

/** x[c, h, w] += Σ over the columns' numbers that im2col copied from there. */
export function naiveCol2im(columns: Floats, x: Floats, g: ConvGeometry): void {
  const { C, H, W, kh, kw, sh, sw, ph, pw, dh, dw, Ho, Wo } = g;
  let k = 0;
  for (let c = 0; c < C; c++) {
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++) {
        for (let i = 0; i < Ho; i++) {
          for (let j = 0; j < Wo; j++, k++) {
            const h = i * sh + u * dh - ph;
            const w = j * sw + v * dw - pw;
            if (h >= 0 && h < H && w >= 0 && w < W) x[(c * H + h) * W + w] += columns[k];
          }
        }
      }
    }
  }
}

/** y[n, o, i, j] = b[o] + Σ_{c,u,v} w[o, c, u, v]·x[n, c, i·sh + u·dh − ph, j·sw + v·dw − pw]. */
export function naiveConv2d(x: Floats, w: Floats, b: Floats | null, y: Floats, g: ConvGeometry): void {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, Cg, Og, Ho, Wo } = g;
  for (let n = 0, k = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      const channel = n * C + Math.floor(o / Og) * Cg;
      for (let i = 0; i < Ho; i++) {
        for (let j = 0; j < Wo; j++, k++) {
          let sum = b ? b[o] : 0;
          for (let c = 0; c < Cg; c++) {
            for (let u = 0; u < kh; u++) {
              const row = i * sh + u * dh - ph;
              if (row < 0 || row >= H) continue;
              for (let v = 0; v < kw; v++) {
                const column = j * sw + v * dw - pw;
                if (column < 0 || column >= W) continue;
                sum += w[((o * Cg + c) * kh + u) * kw + v] * x[((channel + c) * H + row) * W + column];
              }
            }
          }
          y[k] = sum;
        }
      }
    }
  }
}

/** gx[n, c, h, w] = Σ w[o, c, u, v]·gy[n, o, i, j] over all o, u, v with i·sh + u·dh − ph = h, j·sw + v·dw − pw = w. */
export function naiveConv2dInputGradient(gy: Floats, w: Floats, gx: Floats, g: ConvGeometry): void {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, Cg, Og, Ho, Wo } = g;
  for (let n = 0, k = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const group = Math.floor(c / Cg);
      for (let h = 0; h < H; h++) {
        for (let column = 0; column < W; column++, k++) {
          let sum = 0;
          for (let o = group * Og; o < (group + 1) * Og; o++) {
            for (let u = 0; u < kh; u++) {
              const i = (h + ph - u * dh) / sh;
              if (i < 0 || i >= Ho || !Number.isInteger(i)) continue;
              for (let v = 0; v < kw; v++) {
                const j = (column + pw - v * dw) / sw;
                if (j < 0 || j >= Wo || !Number.isInteger(j)) continue;
                sum += w[((o * Cg + (c % Cg)) * kh + u) * kw + v] * gy[((n * O + o) * Ho + i) * Wo + j];
              }
            }
          }
          gx[k] = sum;
        }
      }
    }
  }
}

/** gw[o, c, u, v] = Σ_{n,i,j} gy[n, o, i, j]·x[n, c, i·sh + u·dh − ph, j·sw + v·dw − pw]. */
export function naiveConv2dWeightGradient(gy: Floats, x: Floats, gw: Floats, g: ConvGeometry): void {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, Cg, Og, Ho, Wo } = g;
  for (let o = 0, k = 0; o < O; o++) {
    for (let c = 0; c < Cg; c++) {
      const channel = Math.floor(o / Og) * Cg + c;
      for (let u = 0; u < kh; u++) {
        for (let v = 0; v < kw; v++, k++) {
          let sum = 0;
          for (let n = 0; n < N; n++) {
            for (let i = 0; i < Ho; i++) {
              const row = i * sh + u * dh - ph;
              if (row < 0 || row >= H) continue;
              for (let j = 0; j < Wo; j++) {
                const column = j * sw + v * dw - pw;
                if (column < 0 || column >= W) continue;
                sum += gy[((n * O + o) * Ho + i) * Wo + j] * x[((n * C + channel) * H + row) * W + column];
              }
            }
          }
          gw[k] = sum;
        }
      }
    }
  }
}
