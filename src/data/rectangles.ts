/**
 * Augmentations by a random rectangle: cut out and enlarged (`randomResizedCrop`, Szegedy et al. 2015), or blotted out
 * (`randomErasing`, Zhong et al. 2017). As torchvision's `RandomResizedCrop` and `RandomErasing`: the share of the area is
 * uniform, the ratio of the sides log-uniform.
 */
import { checkBetween, checkFinite, checkList } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { exp, log } from "../tensor/math/index.ts";
import type { Rng } from "../tensor/rng.ts";
import { type Augmentation, checkImage } from "./augment.ts";
import { resample, type Window } from "./resample.ts";

/** From the least to the most. */
type Range = readonly [least: number, most: number];

/** Options of `randomResizedCrop`. */
export interface RandomResizedCropOptions {
  /** The rectangle's share of the image's area. Default [0.08, 1]. */
  readonly scale?: readonly [least: number, most: number] | undefined;
  /** Its width over its height. Default [3/4, 4/3]. */
  readonly ratio?: readonly [least: number, most: number] | undefined;
}

/** Options of `randomErasing`. */
export interface RandomErasingOptions {
  /** How many of the images are changed. Default 0.5. */
  readonly probability?: number | undefined;
  /** The rectangle's share of the image's area. Default [0.02, 0.33]. */
  readonly scale?: readonly [least: number, most: number] | undefined;
  /** Its height over its width. Default [0.3, 3.3]. */
  readonly ratio?: readonly [least: number, most: number] | undefined;
  /** What the rectangle is filled with, one number or one per channel. Default 0; the channels' means leave no trace. */
  readonly value?: number | readonly number[] | undefined;
}

const CROP_OPTIONS: OptionNames<RandomResizedCropOptions> = { scale: true, ratio: true };
const ERASING_OPTIONS: OptionNames<RandomErasingOptions> = { probability: true, scale: true, ratio: true, value: true };

/** How often a rectangle that does not fit is drawn again. */
const TRIES = 10;

/**
 * Cuts out a random rectangle and resizes it to the image's size, bilinearly with antialiasing. If none of ten fits, it is the
 * largest in the middle whose sides have a ratio allowed.
 *
 * @example
 * const image = new Float32Array(64).fill(0.5);
 * randomResizedCrop({ scale: [0.25, 1] })(image, [1, 8, 8], rng);
 * image.length; // 64: cut out and enlarged again
 */
export function randomResizedCrop(options: RandomResizedCropOptions = {}): Augmentation {
  checkOptions("randomResizedCrop", options, CROP_OPTIONS);
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options;
  checkRange("randomResizedCrop", "scale", scale, 1);
  checkRange("randomResizedCrop", "ratio", ratio);
  return (image, shape, rng) => {
    checkImage("randomResizedCrop", image, shape, rng);
    const [C, H, W] = shape;
    const { top, left, height, width } = cropOf(H, W, scale, ratio, rng);
    const all = (from: number, to: number): Window => ({ from, to, start: 0, length: to });
    const resized = new Float32Array(image.length);
    for (let c = 0; c < C; c++) {
      const data = new Float32Array(height * width);
      for (let y = 0; y < height; y++) {
        const row = (c * H + top + y) * W + left;
        data.set(image.subarray(row, row + width), y * width);
      }
      resized.set(resample({ width, height, data }, all(height, H), all(width, W), false), c * H * W);
    }
    return resized;
  };
}

/**
 * Fills a random rectangle of some of the images; one that does not fit is drawn again, ten times.
 *
 * @example
 * const image = new Float32Array(64).fill(1);
 * randomErasing({ probability: 1 })(image, [1, 8, 8], rng);
 * image.includes(0); // true
 */
export function randomErasing(options: RandomErasingOptions = {}): Augmentation {
  checkOptions("randomErasing", options, ERASING_OPTIONS);
  const { probability = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 } = options;
  checkBetween("randomErasing", "probability", probability, 0, 1);
  checkRange("randomErasing", "scale", scale, 1);
  checkRange("randomErasing", "ratio", ratio);
  const values: readonly number[] = typeof value === "number" ? [value] : value;
  checkList("randomErasing", "value", values);
  values.forEach((v, c) => {
    checkFinite("randomErasing", `value[${c}]`, v);
  });
  return (image, shape, rng) => {
    checkImage("randomErasing", image, shape, rng);
    const [C, H, W] = shape;
    if (values.length !== 1 && values.length !== C) {
      throw new ValueError(`randomErasing: value must be one number or ${C}, one per channel, got ${values.length}`);
    }
    if (rng.uniform() >= probability) return image;
    for (let i = 0; i < TRIES; i++) {
      const [height, width] = sides(H * W, scale, ratio, rng);
      if (height >= H || width >= W) continue;
      const top = rng.integer(H - height + 1);
      const left = rng.integer(W - width + 1);
      for (let c = 0; c < C; c++) {
        const filling = values.length === 1 ? values[0] : values[c];
        for (let y = top; y < top + height; y++) {
          const row = (c * H + y) * W;
          image.fill(filling, row + left, row + left + width);
        }
      }
      return image;
    }
    return image;
  };
}

/** Two sides √(share · area · ratio) and √(share · area / ratio), rounded. */
function sides(area: number, scale: Range, ratio: Range, rng: Rng): [number, number] {
  const part = area * rng.uniform(scale[0], scale[1]);
  const aspect = exp(rng.uniform(log(ratio[0]), log(ratio[1])));
  return [Math.round(Math.sqrt(part * aspect)), Math.round(Math.sqrt(part / aspect))];
}

interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function cropOf(H: number, W: number, scale: Range, ratio: Range, rng: Rng): Rectangle {
  for (let i = 0; i < TRIES; i++) {
    const [width, height] = sides(H * W, scale, ratio, rng);
    if (width < 1 || width > W || height < 1 || height > H) continue;
    return { top: rng.integer(H - height + 1), left: rng.integer(W - width + 1), height, width };
  }
  const height = W / H < ratio[0] ? Math.max(1, Math.round(W / ratio[0])) : H;
  const width = W / H > ratio[1] ? Math.max(1, Math.round(H * ratio[1])) : W;
  return { top: Math.floor((H - height) / 2), left: Math.floor((W - width) / 2), height, width };
}

function checkRange(op: string, name: string, range: unknown, most = Infinity): void {
  checkList(op, name, range);
  const [low, high] = range;
  const right = range.length === 2 && range.every(Number.isFinite) && (low as number) > 0 && (high as number) <= most;
  if (right && (low as number) <= (high as number)) return;
  const bound = most === Infinity ? "" : ` and not above ${most}`;
  throw new ValueError(
    `${op}: ${name} must be [least, most], above 0${bound}, got [${range.map(describe).join(", ")}]`,
  );
}
