/** Augmentation of colours, as torchvision's `ColorJitter`: brightness, contrast, saturation and hue, in random order. */
import { checkBetween } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { type Augmentation, checkImage } from "./augment.ts";

/** Options of `colorJitter`: how far each may change. Default 0: it stays. */
export interface ColorJitterOptions {
  /** b: the image is multiplied by a factor from [max(0, 1 − b), 1 + b]. */
  readonly brightness?: number | undefined;
  /** c: so is its distance from the mean of its gray. */
  readonly contrast?: number | undefined;
  /** s: so is each pixel's distance from its gray. */
  readonly saturation?: number | undefined;
  /** h, up to 0.5: the hue is turned by a share of the circle from [−h, h]. */
  readonly hue?: number | undefined;
}

const OPTIONS: OptionNames<ColorJitterOptions> = { brightness: true, contrast: true, saturation: true, hue: true };

/** Changes an image of C planes, in place. */
type Change = (image: Float32Array, amount: number, C: number) => void;

/**
 * Changes the colours of images of 3 channels, the brightness and contrast of those of 1. The results are within 0 … 1.
 *
 * @example
 * const augment = colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 });
 * const image = uniform([3, 8, 8], rng).data;
 * augment(image, [3, 8, 8], rng);
 * image.every((value) => value >= 0 && value <= 1); // true
 */
export function colorJitter(options: ColorJitterOptions = {}): Augmentation {
  checkOptions("colorJitter", options, OPTIONS);
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options;
  checkBetween("colorJitter", "brightness", brightness, 0);
  checkBetween("colorJitter", "contrast", contrast, 0);
  checkBetween("colorJitter", "saturation", saturation, 0);
  checkBetween("colorJitter", "hue", hue, 0, 0.5);
  const changes: readonly (readonly [change: Change, least: number, most: number])[] = [
    [adjustBrightness, Math.max(0, 1 - brightness), 1 + brightness],
    [adjustContrast, Math.max(0, 1 - contrast), 1 + contrast],
    [adjustSaturation, Math.max(0, 1 - saturation), 1 + saturation],
    [adjustHue, -hue, hue],
  ];
  return (image, shape, rng) => {
    checkImage("colorJitter", image, shape, rng);
    const [C] = shape;
    if (C !== 1 && C !== 3) throw new ValueError(`colorJitter: the image must have 1 or 3 channels, got ${C}`);
    const amounts = changes.map(([, least, most]) => rng.uniform(least, most));
    for (const i of rng.permutation(changes.length)) {
      const [change, least, most] = changes[i];
      const needsColours = change === adjustSaturation || change === adjustHue;
      if (least < most && (C === 3 || !needsColours)) change(image, amounts[i], C);
    }
    return image;
  };
}

/** f · image + (1 − f) · other, within 0 … 1. */
const blend = (value: number, other: number, f: number): number => clamp(f * value + (1 - f) * other);
const clamp = (v: number): number => Math.min(1, Math.max(0, v));

export function adjustBrightness(image: Float32Array, f: number): void {
  for (let i = 0; i < image.length; i++) image[i] = blend(image[i], 0, f);
}

export function adjustContrast(image: Float32Array, f: number, C: number): void {
  let sum = 0;
  const plane = image.length / C;
  for (let i = 0; i < plane; i++) sum += grayAt(image, i, C);
  for (let i = 0; i < image.length; i++) image[i] = blend(image[i], sum / plane, f);
}

export function adjustSaturation(image: Float32Array, f: number): void {
  const plane = image.length / 3;
  for (let i = 0; i < plane; i++) {
    const gray = grayAt(image, i, 3);
    for (let at = i; at < image.length; at += plane) image[at] = blend(image[at], gray, f);
  }
}

/** Turns the hue by a share `turn` of the circle, by way of hue, saturation and value (Smith 1978). */
export function adjustHue(image: Float32Array, turn: number): void {
  const plane = image.length / 3;
  for (let i = 0; i < plane; i++) {
    const [r, g, b] = [image[i], image[plane + i], image[2 * plane + i]];
    const most = Math.max(r, g, b);
    const range = most - Math.min(r, g, b);
    if (range === 0) continue;
    // In sixths of the circle: 0 is red, 2 green, 4 blue.
    const sixths = most === r ? (g - b) / range : most === g ? 2 + (b - r) / range : 4 + (r - g) / range;
    const turned = sixths + 6 * turn;
    // How near the hue is to each primary: all of `most` within a sixth of the circle, none of `range` beyond two.
    for (let c = 0; c < 3; c++) {
      const distance = Math.abs(turned - 2 * c - 6 * Math.round((turned - 2 * c) / 6));
      image[c * plane + i] = clamp(most - range * clamp(distance - 1));
    }
  }
}

/** The luma of ITU-R BT.601, with the digits of torchvision's `rgb_to_grayscale`. */
function grayAt(image: Float32Array, i: number, C: number): number {
  const plane = image.length / C;
  return C === 1 ? image[i] : 0.2989 * image[i] + 0.587 * image[plane + i] + 0.114 * image[2 * plane + i];
}
