/**
 * Augmentation: seeded random changes to training images that keep their meaning. The recipe of "Deep Residual
 * Learning" for CIFAR (He et al. 2015, section 4.2) is `compose(randomCrop(4), randomFlip())`. Next: rectangles.ts and
 * color-jitter.ts, which change more.
 */
import { checkBetween, checkFunction, checkRng, checkWhole } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";

/**
 * Returns a changed version of one image `[C, H, W]`, with pixels scaled to 0 … 1 and not yet normalised. May change
 * and return `image` itself.
 */
export type Augmentation = (
  image: Float32Array,
  shape: readonly [C: number, H: number, W: number],
  rng: Rng,
) => Float32Array;

/**
 * Pads each side with `padding` black pixels and cuts out a window of the original size at a random place: a shift by
 * up to `padding` pixels in each direction.
 *
 * @example
 * for (const { x } of batches(train, { batchSize: 4, rng, augment: randomCrop(2) })) {
 *   x.shape; // [4, 3, 12, 12]
 * }
 */
export function randomCrop(padding: number): Augmentation {
  checkWhole("randomCrop", "padding", padding, 0);
  return (image, shape, rng) => {
    checkImage("randomCrop", image, shape, rng);
    const [C, H, W] = shape;
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

/**
 * Mirrors the image left to right with the given probability. Not for digits: a mirrored 2 is not a 2.
 *
 * @example
 * const image = Float32Array.of(1, 2, 3, 4);
 * randomFlip(1)(image, [1, 2, 2], rng);
 * image; // [2, 1, 4, 3]
 */
export function randomFlip(probability = 0.5): Augmentation {
  checkBetween("randomFlip", "probability", probability, 0, 1);
  return (image, shape, rng) => {
    checkImage("randomFlip", image, shape, rng);
    const [, , W] = shape;
    if (rng.uniform() >= probability) return image;
    // Rows of all channels are consecutive.
    for (let start = 0; start < image.length; start += W) image.subarray(start, start + W).reverse();
    return image;
  };
}

/**
 * Applies one augmentation after the other.
 *
 * @example
 * const augment = compose(randomCrop(4), randomFlip());
 * await fit(model, { data: () => batches(train, { batchSize: 2, rng, augment }), optimizer, epochs: 1 });
 */
export function compose(...augmentations: readonly Augmentation[]): Augmentation {
  augmentations.forEach((augment, i) => {
    checkFunction("compose", `augmentation ${i}`, augment);
  });
  return (image, shape, rng) => augmentations.reduce((changed, augment) => augment(changed, shape, rng), image);
}

/** Throws unless these are an augmentation's arguments: an image that fills its shape, and a generator. */
export function checkImage(op: string, image: unknown, shape: unknown, rng: unknown): void {
  const size = Array.isArray(shape) && shape.length === 3 ? shape[0] * shape[1] * shape[2] : undefined;
  if (!(image instanceof Float32Array) || image.length !== size) {
    const of = image instanceof Float32Array ? `a Float32Array of ${image.length}` : describe(image);
    const given = Array.isArray(shape) ? `[${shape.map(describe).join(",")}]` : describe(shape);
    throw new UsageError(
      `${op}: needs an image, a Float32Array that fills its shape [C, H, W], got ${of} and ${given}`,
    );
  }
  checkRng(op, rng);
}
