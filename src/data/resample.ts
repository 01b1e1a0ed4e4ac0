/**
 * Pixels at another size: the triangle filter of Pillow and PyTorch ("bilinear" with `antialias`), as wide as an output
 * pixel, or as an input pixel where the picture grows. Computes a window of the result, and reads no more than that needs:
 * of a panorama the middle alone. Next: picture.ts, which uses it.
 */

/** Pixels row by row, the channels of each one after the other: what a canvas' `getImageData` gives. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /**
   * 1 channel (gray), 3 (red, green, blue) or 4 (with alpha, which is dropped). Bytes 0 … 255, 16 bits 0 … 65535, or floats
   * already scaled.
   */
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array;
}

/** A window of a picture's rows or columns, after resizing: its `length` pixels from `start` on. */
export interface Window {
  /** Pixels before and after resizing. */
  readonly from: number;
  readonly to: number;
  /** Below 0, or with an end above `to`, where the window is larger than the picture: those pixels are 0. */
  readonly start: number;
  readonly length: number;
}

/** Of which input pixels an output pixel is the weighted mean: `weights`, from pixel `first` on. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/**
 * The window `rows` × `columns` of the resized picture: planes `[C, rows.length, columns.length]` with values 0 … 1, where
 * C is 3 for `colours`, else 1. Colours become gray as the luma of ITU-R BT.601, as in torchvision's `Grayscale`.
 */
export function resample(pixels: Pixels, rows: Window, columns: Window, colours: boolean): Float32Array {
  const across = tapsOf(columns);
  const down = tapsOf(rows);
  // The input rows that the window needs: from `top` to before `end`.
  const used = down.filter(({ weights }) => weights.length > 0);
  const last = used[used.length - 1];
  const top = used[0].first;
  const end = last.first + last.weights.length;
  const C = colours ? 3 : 1;
  const H = end - top;
  const W = columns.length;
  const narrow = new Float32Array(C * H * W);
  for (let y = 0; y < H; y++) narrowRow(pixels, top + y, across, narrow, y * W, H * W, colours);

  const planes = new Float32Array(C * rows.length * W);
  const sums = new Float64Array(W);
  for (let c = 0; c < C; c++) {
    down.forEach(({ first, weights }, y) => {
      sums.fill(0);
      weights.forEach((weight, k) => {
        const from = (c * H + first - top + k) * W;
        for (let x = 0; x < W; x++) sums[x] += weight * narrow[from + x];
      });
      planes.set(sums, (c * rows.length + y) * W);
    });
  }
  return planes;
}

/** Row `y` of the picture, filtered across: its channels go to `out` at `to`, `to + plane` and `to + 2 · plane`. */
function narrowRow(
  { width, height, data }: Pixels,
  y: number,
  across: readonly Taps[],
  out: Float32Array,
  to: number,
  plane: number,
  colours: boolean,
): void {
  const most = largestOf(data);
  const step = data.length / (width * height);
  for (let x = 0; x < across.length; x++) {
    const { first, weights } = across[x];
    let r = 0;
    let g = 0;
    let b = 0;
    let at = (y * width + first) * step;
    // A loop for each kind: one for both took half as long again.
    if (step === 1) {
      for (let k = 0; k < weights.length; k++) r += weights[k] * data[at++];
      g = b = r;
    } else {
      for (let k = 0; k < weights.length; k++, at += step) {
        const weight = weights[k];
        r += weight * data[at];
        g += weight * data[at + 1];
        b += weight * data[at + 2];
      }
    }
    if (colours) {
      out[to + x] = r / most;
      out[to + x + plane] = g / most;
      out[to + x + 2 * plane] = b / most;
    } else {
      out[to + x] = (step === 1 ? r : 0.299 * r + 0.587 * g + 0.114 * b) / most;
    }
  }
}

/** What stands for 1. */
function largestOf(data: Pixels["data"]): number {
  if (data instanceof Float32Array) return 1;
  return data instanceof Uint16Array ? 65535 : 255;
}

function tapsOf({ from, to, start, length }: Window): Taps[] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length }, (_, i) => {
    if (start + i < 0 || start + i >= to) return { first: 0, weights: new Float64Array(0) };
    const center = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - reach + 0.5));
    const end = Math.min(from, Math.floor(center + reach + 0.5));
    const heights = Float64Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / reach),
    );
    const total = heights.reduce((sum, h) => sum + h, 0);
    return { first, weights: heights.map((h) => h / total) };
  });
}
