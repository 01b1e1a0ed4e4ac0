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

/**
 * The triangle of an output pixel rises over one stretch of input pixels and falls over the next. Along a stretch of n pixels
 * x[0] … x[n − 1] weights change by the same amount from one to the next, so two sums serve both pixels that share it:
 *
 *     Σ (α + β·(n − k)) x[k] = α·Σ x[k] + β·Σ (n − k) x[k]
 *
 * The second is the sum of the partial sums of the first: two additions for each value, of whole numbers if it is a byte.
 * (One product for each pixel and weight took two and a half times as long.)
 */
interface Stretch {
  readonly first: number;
  readonly end: number;
}

/** α and β of one side of an output pixel's triangle, and the stretch that it lies on, by its number. */
interface Side {
  readonly stretch: number;
  readonly alpha: number;
  readonly beta: number;
}

/** A window of one axis: its stretches, and the two sides of each of its pixels: none outside of the picture. */
interface Axis {
  readonly stretches: readonly Stretch[];
  readonly pixels: readonly (readonly Side[])[];
}

/**
 * The window `rows` × `columns` of the resized picture: planes `[C, rows.length, columns.length]` with values 0 … 1, where
 * C is 3 for `colours`, else 1. Colours become gray as the luma of ITU-R BT.601, as in torchvision's `Grayscale`.
 */
export function resample(pixels: Pixels, rows: Window, columns: Window, colours: boolean): Float32Array {
  const [down, across] = [axisOf(rows), axisOf(columns)];
  const { length } = columns;
  const channels = pixels.data.length === pixels.width * pixels.height ? 1 : 3;
  const most = largestOf(pixels.data);
  const addRow = channels === 3 && fitInts(pixels.data, across.stretches) ? addColours : addAny;
  // The sums of two stretches of rows: no later row needs those before.
  const sums = new Map<number, RowSums>();
  const row = new Float64Array(across.stretches.length * channels * 2);
  const plane = rows.length * length;
  const planes = new Float32Array((colours ? 3 : 1) * plane);
  const pixel = [0, 0, 0];
  down.pixels.forEach((sides, y) => {
    row.fill(0);
    for (const { stretch, alpha, beta } of sides) {
      const { plain, partial } =
        sums.get(stretch) ?? sumDown(pixels, down.stretches[stretch], across.stretches, row.length, addRow);
      sums.set(stretch, { plain, partial }).delete(stretch - 2);
      for (let i = 0; i < row.length; i++) row[i] += alpha * plain[i] + beta * partial[i];
    }
    across.pixels.forEach((sides, x) => {
      pixel.fill(0);
      for (const { stretch, alpha, beta } of sides) {
        for (let c = 0, at = 2 * stretch * channels; c < channels; c++, at += 2) {
          pixel[c] += (alpha * row[at] + beta * row[at + 1]) / most;
        }
      }
      const [r, g, b] = channels === 1 ? [pixel[0], pixel[0], pixel[0]] : pixel;
      const at = y * length + x;
      planes[at] = colours || channels === 1 ? r : 0.299 * r + 0.587 * g + 0.114 * b;
      if (!colours) return;
      planes[at + plane] = g;
      planes[at + 2 * plane] = b;
    });
  });
  return planes;
}

/** The two sums of each stretch and channel of a row, summed over rows in the two ways. */
interface RowSums {
  readonly plain: Float64Array;
  readonly partial: Float64Array;
}

function sumDown(
  pixels: Pixels,
  rows: Stretch,
  columns: readonly Stretch[],
  length: number,
  addRow: typeof addAny,
): RowSums {
  const sums: RowSums = { plain: new Float64Array(length), partial: new Float64Array(length) };
  for (let y = rows.first; y < rows.end; y++) addRow(pixels, y, columns, sums);
  return sums;
}

/** Adds row `y` to the sums. */
function addAny({ width, height, data }: Pixels, y: number, stretches: readonly Stretch[], sums: RowSums): void {
  const step = data.length / (width * height);
  let to = 0;
  for (const { first, end } of stretches) {
    let at = (y * width + first) * step;
    const stop = (y * width + end) * step;
    let r = 0;
    let rPartial = 0;
    // A loop for each kind: one for both took half as long again.
    if (step === 1) {
      for (; at < stop; at++) {
        r += data[at];
        rPartial += r;
      }
      add(sums, to, r, rPartial);
      to += 2;
      continue;
    }
    let g = 0;
    let gPartial = 0;
    let b = 0;
    let bPartial = 0;
    for (; at < stop; at += step) {
      r += data[at];
      rPartial += r;
      g += data[at + 1];
      gPartial += g;
      b += data[at + 2];
      bPartial += b;
    }
    add(sums, to, r, rPartial);
    add(sums, to + 2, g, gPartial);
    add(sums, to + 4, b, bPartial);
    to += 6;
  }
}

/** The same for colours whose sums fit 32 bits: additions of whole numbers, told to be such, take half the time. */
function addColours({ width, height, data }: Pixels, y: number, stretches: readonly Stretch[], sums: RowSums): void {
  const step = (data.length / (width * height)) | 0;
  const start = (y * width * step) | 0;
  const { plain, partial } = sums;
  let to = 0;
  for (const { first, end } of stretches) {
    let at = (start + first * step) | 0;
    const stop = (start + end * step) | 0;
    let r = 0;
    let rPartial = 0;
    let g = 0;
    let gPartial = 0;
    let b = 0;
    let bPartial = 0;
    for (; at < stop; at = (at + step) | 0) {
      r = (r + data[at]) | 0;
      rPartial = (rPartial + r) | 0;
      g = (g + data[at + 1]) | 0;
      gPartial = (gPartial + g) | 0;
      b = (b + data[at + 2]) | 0;
      bPartial = (bPartial + b) | 0;
    }
    for (const sum of [r, rPartial, g, gPartial, b, bPartial]) {
      plain[to] += sum;
      partial[to] += plain[to];
      to++;
    }
  }
}

function add({ plain, partial }: RowSums, at: number, sum: number, sumOfSums: number): void {
  plain[at] += sum;
  partial[at] += plain[at];
  plain[at + 1] += sumOfSums;
  partial[at + 1] += plain[at + 1];
}

/** Whether the sums of the partial sums of each stretch fit 32 bits, and so do indices. */
function fitInts(data: Pixels["data"], stretches: readonly Stretch[]): boolean {
  if (data instanceof Float32Array || data.length >= 2 ** 31) return false;
  const most = largestOf(data);
  return stretches.every(({ first, end }) => (most * (end - first) * (end - first + 1)) / 2 < 2 ** 31);
}

/** What stands for 1. */
function largestOf(data: Pixels["data"]): number {
  if (data instanceof Float32Array) return 1;
  return data instanceof Uint16Array ? 65535 : 255;
}

function axisOf({ from, to, start, length }: Window): Axis {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  const centerOf = (i: number): number => (i + 0.5) * scale;
  /** The first input pixel whose centre lies behind that of output pixel `i`. */
  const behind = (i: number): number => Math.floor(centerOf(i) + 0.5);
  const inside = (pixel: number): number => Math.min(Math.max(pixel, 0), from);

  const stretches: Stretch[] = [];
  const numbers = new Map<number, number>();
  const numberOf = (first: number, end: number): number => {
    const known = numbers.get(first);
    if (known !== undefined) return known;
    numbers.set(first, stretches.length);
    return stretches.push({ first: inside(first), end: inside(end) }) - 1;
  };
  const pixels = Array.from({ length }, (_, j): Side[] => {
    const i = start + j;
    if (i < 0 || i >= to) return [];
    const center = centerOf(i);
    const middle = behind(i);
    // Where the picture shrinks, a triangle reaches from the centre before to the centre behind; where it grows, one pixel.
    const rising = numberOf(scale < 1 ? middle - 1 : behind(i - 1), middle);
    const falling = numberOf(middle, scale < 1 ? middle + 1 : behind(i + 1));
    // Of the weights 1 − |k + ½ − center| / reach, on either side.
    const sides = [
      { stretch: rising, alpha: 1 - (center - stretches[rising].end - 0.5) / reach, beta: -1 / reach },
      { stretch: falling, alpha: 1 + (center - stretches[falling].end - 0.5) / reach, beta: 1 / reach },
    ];
    const total = sides.reduce((sum, { stretch, alpha, beta }) => {
      const n = stretches[stretch].end - stretches[stretch].first;
      return sum + alpha * n + (beta * n * (n + 1)) / 2;
    }, 0);
    return sides.map(({ stretch, alpha, beta }) => ({ stretch, alpha: alpha / total, beta: beta / total }));
  });
  return { stretches, pixels };
}
