/** Pictures of digits and of signed numbers as pixels that a pen draws. */

/** RGBA pixels. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

const known = new WeakMap<object, Map<string, Pixels>>();

/** Paper of pictures, the same in light and dark: digits are white on a dark ground, as in MNIST. */
const GROUND: readonly [number, number, number] = [0x16, 0x1b, 0x22];

/**
 * Picture `index` of `images` as pixels, `most` being white. Kept as long as the array lives, which must not change; for what
 * changes use `paintPicture`.
 */
export function picturePixels(images: Uint8Array, side: number, index: number, most: number): Pixels {
  let pictures = known.get(images);
  if (!pictures) {
    pictures = new Map();
    known.set(images, pictures);
  }
  const key = `${index} ${side}`;
  let pixels = pictures.get(key);
  if (!pixels) {
    pixels = blank(side, side);
    paintPicture(pixels, images.subarray(index * side * side, (index + 1) * side * side), most);
    pictures.set(key, pixels);
  }
  return pixels;
}

/** Transparent pixels. */
export function blank(width: number, height: number): Pixels {
  return { width, height, data: new Uint8ClampedArray(4 * width * height) };
}

/** Writes brightnesses 0 … `most` over all pixels. */
export function paintPicture(pixels: Pixels, values: ArrayLike<number>, most: number): void {
  const { data } = pixels;
  for (let i = 0; 4 * i < data.length; i++) {
    const part = Math.max(0, Math.min(1, values[i]! / most));
    for (let channel = 0; channel < 3; channel++) {
      const ground = GROUND[channel]!;
      data[4 * i + channel] = ground + part * (255 - ground);
    }
    data[4 * i + 3] = 255;
  }
}

/** Ends of the scale of signed numbers: blue below zero, white at zero, orange above. */
const BELOW: readonly [number, number, number] = [0x00, 0x5a, 0x96];
const ABOVE: readonly [number, number, number] = [0xc8, 0x50, 0x00];

/** Writes numbers of both signs; `largest` is the absolute value of full colour. NaN is grey. */
export function paintSigned(pixels: Pixels, values: ArrayLike<number>, largest: number, offset = 0): void {
  const { data } = pixels;
  for (let i = 0; 4 * i < data.length; i++) {
    const value = values[offset + i]!;
    const part = largest > 0 ? Math.min(1, Math.abs(value) / largest) : 0;
    const end = value < 0 ? BELOW : ABOVE;
    for (let channel = 0; channel < 3; channel++) {
      data[4 * i + channel] = Number.isNaN(value) ? 128 : 255 + part * (end[channel]! - 255);
    }
    data[4 * i + 3] = 255;
  }
}
