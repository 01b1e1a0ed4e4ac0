/**
 * Augmentation: seeded random changes to training images that keep their meaning. The recipe of "Deep Residual
 * Learning" for CIFAR (He et al. 2015, section 4.2) is `compose(randomCrop(4), randomFlip())`.
 */
import { ValueError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";

/**
 * Returns a changed version of one image `[C, H, W]`, pixels scaled to 0 … 1 and not yet normalised. May change and
 * return `image` itself.
 */
export type Augmentation = (
  image: Float32Array,
  shape: readonly [C: number, H: number, W: number],
  rng: Rng,
) => Float32Array;

/**
 * Pads each side with `padding` black pixels and cuts out a window of the original size at a random place: a shift by
 * up to `padding` pixels in each direction.
 */
export function randomCrop(padding: number): Augmentation {
  if (!Number.isInteger(padding) || padding < 0) {
    throw new ValueError(`randomCrop: padding must be a whole number of 0 or more, got ${padding}`);
  }
  return (image, [C, H, W], rng) => {
    const down = rng.integer(2 * padding + 1) - padding;
    const right = rng.integer(2 * padding + 1) - padding;
    const cut = new Float32Array(image.length);
    for (let c = 0; c < C; c++) {
      for (let h = Math.max(0, -down); h < Math.min(H, H - down); h++) {
        const from = (c * H + h + down) * W + right;
        const to = (c * H + h) * W;
        for (let w = Math.max(0, -right); w < Math.min(W, W - right); w++) cut[to + w] = image[from + w];
      }
    }
    return cut;
  };
}

/** Mirrors the image left to right with the given probability. Not for digits: a mirrored 2 is not a 2. */
export function randomFlip(probability = 0.5): Augmentation {
  if (!(probability >= 0 && probability <= 1)) {
    throw new ValueError(`randomFlip: probability must be from 0 to 1, got ${probability}`);
  }
  return (image, [, , W], rng) => {
    if (rng.uniform() >= probability) return image;
    // Rows of all channels lie one after the other.
    for (let start = 0; start < image.length; start += W) image.subarray(start, start + W).reverse();
    return image;
  };
}

/** One augmentation after the other. */
export function compose(...augmentations: readonly Augmentation[]): Augmentation {
  return (image, shape, rng) => augmentations.reduce((changed, augment) => augment(changed, shape, rng), image);
}
