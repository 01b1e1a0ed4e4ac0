/**
 * From strokes of a pen to the picture that a network reads, as MNIST was made: the drawing is fitted into 20 × 20, its centre
 * of mass is put into the middle of 28 × 28, pairs of rows and columns are averaged for 14 × 14, and 4 bits are kept. Computed
 * from the strokes, never read back from a canvas, which a browser may falsify against fingerprinting.
 */

/** Points x₀ y₀ x₁ y₁ … of one stroke, in parts of the pad's side. */
export type StrokePoints = readonly number[];

/** Width of the pen in parts of the pad's side. */
export const PEN = 0.09;

/** Side of the fine raster on which strokes become ink. */
const FINE = 112;
/** MNIST's box, and the side of the whole. */
const BOX = 20;
const SIDE = 28;
/** A small drawing is enlarged at most so far, or a dot would fill the box. */
const LARGEST = 2;

/** Ink 0 … 1 of strokes on `side` × `side`, row by row: 1 within half a pen's width of a stroke, with a soft edge of one pixel. */
export function inkOf(strokes: readonly StrokePoints[], side: number, pen: number = PEN): Float32Array {
  const ink = new Float32Array(side * side);
  for (const stroke of strokes) {
    for (let i = 0; i + 1 < stroke.length; i += 2) {
      const [x1, y1] = [stroke[i]! * side, stroke[i + 1]! * side];
      const last = i + 3 >= stroke.length;
      // A single point is a stroke of no length.
      if (last && i > 0) break;
      const [x2, y2] = last ? [x1, y1] : [stroke[i + 2]! * side, stroke[i + 3]! * side];
      inkSegment(ink, side, [x1, y1, x2, y2], (pen * side) / 2);
    }
  }
  return ink;
}

function inkSegment(
  ink: Float32Array,
  side: number,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  radius: number,
): void {
  const reach = radius + 1;
  const bound = (value: number): number => Math.max(0, Math.min(side - 1, value));
  const length2 = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  for (let y = bound(Math.floor(Math.min(y1, y2) - reach)); y <= bound(Math.ceil(Math.max(y1, y2) + reach)); y++) {
    for (let x = bound(Math.floor(Math.min(x1, x2) - reach)); x <= bound(Math.ceil(Math.max(x1, x2) + reach)); x++) {
      const [px, py] = [x + 0.5 - x1, y + 0.5 - y1];
      const along = length2 === 0 ? 0 : Math.max(0, Math.min(1, (px * (x2 - x1) + py * (y2 - y1)) / length2));
      const distance = Math.hypot(px - along * (x2 - x1), py - along * (y2 - y1));
      const value = Math.max(0, Math.min(1, radius + 0.5 - distance));
      if (value > ink[y * side + x]!) ink[y * side + x] = value;
    }
  }
}

/** Centre of mass of a square picture, pixel (0, 0) lying from 0 to 1; null for an empty one. */
export function massCentre(picture: ArrayLike<number>, side: number): readonly [x: number, y: number] | null {
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let i = 0; i < side * side; i++) {
    const value = picture[i]!;
    mass += value;
    sumX += value * ((i % side) + 0.5);
    sumY += value * (Math.floor(i / side) + 0.5);
  }
  return mass === 0 ? null : [sumX / mass, sumY / mass];
}

function longestSide(picture: Float32Array, side: number): number {
  let [left, right, top, bottom] = [side, -1, side, -1];
  for (let i = 0; i < picture.length; i++) {
    if (picture[i]! < 0.5) continue;
    const [x, y] = [i % side, Math.floor(i / side)];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return Math.max(right - left, bottom - top) + 1;
}

/** Fits the ink of a fine raster into the box of 20 and lays it into 28 × 28, its mass in the middle. */
export function fit(fine: Float32Array, side: number): Float32Array {
  const whole = new Float32Array(SIDE * SIDE);
  const centre = massCentre(fine, side);
  if (centre === null) return whole;
  const scale = Math.min(BOX / Math.max(1, longestSide(fine, side)), (LARGEST * SIDE) / side);
  const shift = [SIDE / 2 - centre[0] * scale, SIDE / 2 - centre[1] * scale] as const;
  for (let i = 0; i < fine.length; i++) {
    if (fine[i] !== 0)
      spread(whole, fine[i]!, [(i % side) * scale + shift[0], Math.floor(i / side) * scale + shift[1]], scale);
  }
  return whole;
}

/** Adds a square of `size` at (x, y) to the pixels that it covers, by area. */
function spread(whole: Float32Array, value: number, [x, y]: readonly [number, number], size: number): void {
  for (let row = Math.max(0, Math.floor(y)); row < Math.min(SIDE, y + size); row++) {
    const tall = Math.min(row + 1, y + size) - Math.max(row, y);
    for (let column = Math.max(0, Math.floor(x)); column < Math.min(SIDE, x + size); column++) {
      const wide = Math.min(column + 1, x + size) - Math.max(column, x);
      const at = row * SIDE + column;
      whole[at] = Math.min(1, whole[at]! + value * tall * wide);
    }
  }
}

/** Averages 2 × 2 pixels. */
export function halved(picture: ArrayLike<number>, side: number): Float32Array {
  const half = side / 2;
  return Float32Array.from({ length: half * half }, (_, i) => {
    const at = 2 * Math.floor(i / half) * side + 2 * (i % half);
    return (picture[at]! + picture[at + 1]! + picture[at + side]! + picture[at + side + 1]!) / 4;
  });
}

/** Strokes as the network sees them: pixels × pixels values in steps of 1/15. */
export function pictureOf(strokes: readonly StrokePoints[], pixels: 14 | 28): Float32Array {
  const whole = fit(inkOf(strokes, FINE), FINE);
  return (pixels === 28 ? whole : halved(whole, SIDE)).map((value) => Math.round(15 * value) / 15);
}
