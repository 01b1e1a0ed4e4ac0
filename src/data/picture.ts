/**
 * A picture as input for a network: resized, cropped and normalised as torchvision does for its weights (`Resize`,
 * `CenterCrop`, `Normalize`). From raw pixels: decoding files is the platform's, by `createImageBitmap` and a canvas, or a
 * library's.
 */
import { checkList, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import { type Pixels, resample, type Window } from "./resample.ts";

/** How a network's pictures were prepared when it was trained. */
export interface Preprocessing {
  /** First the shorter side is resized to this length. Undefined: not resized. */
  readonly resize?: number | undefined;
  /** Then the middle square of this side is cut out; a smaller picture is surrounded by black. Undefined: all of it. */
  readonly crop?: number | undefined;
  /** Per channel, of values 0 … 1: `(value − mean) / std`. One number each makes a gray image, three one of colours. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The channels' statistics of ImageNet's training images. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** What torchvision's weights of this name were trained for: all of its ResNets and VGGs have such. */
export const IMAGENET1K_V1: Preprocessing = { resize: 256, crop: 224, ...IMAGENET };

/** What torchvision's weights of this name were trained for: ResNet-50 and larger have such, the ResNeXts too. */
export const IMAGENET1K_V2: Preprocessing = { resize: 232, crop: 224, ...IMAGENET };

const OPTIONS: OptionNames<Preprocessing> = { resize: true, crop: true, mean: true, std: true };

/**
 * The tensor `[1, C, H, W]` of a picture, as torchvision's preprocessing makes it: the shorter side becomes `resize` by a
 * bilinear filter with antialiasing, the middle square of `crop` pixels is cut out, and each channel is normalised. C is
 * how many means there are: 3, or 1 for gray. H and W are `crop`; without it, the picture's own.
 *
 * `pixels` is an `ImageData`, or anything with its three properties: `width`, `height` and `data`, of 1, 3 or 4 channels.
 * Of a large picture, only what the middle needs is read.
 *
 * @example
 * const pixels = { width: 640, height: 480, data: new Uint8ClampedArray(640 * 480 * 4) }; // context.getImageData(…)
 * const x = imageToTensor(pixels, IMAGENET1K_V1);
 * x.shape; // [1, 3, 224, 224]
 *
 * @throws UsageError or ValueError for pixels that do not fill their size, and for options of a wrong kind or out of range.
 */
export function imageToTensor(pixels: Pixels, preprocessing: Preprocessing = IMAGENET1K_V1): Tensor {
  checkPixels(pixels);
  checkPreprocessing(preprocessing);
  const { resize, crop, mean, std } = preprocessing;
  const { width, height } = pixels;
  const shorter = Math.min(width, height);
  const window = (side: number): Window => {
    const to = resize === undefined ? side : Math.floor((resize * side) / shorter);
    const length = crop ?? to;
    return { from: side, to, start: halfOf(to - length), length };
  };
  const [rows, columns] = [window(height), window(width)];
  const planes = resample(pixels, rows, columns, mean.length === 3);
  const plane = rows.length * columns.length;
  mean.forEach((m, c) => {
    for (let i = c * plane; i < (c + 1) * plane; i++) planes[i] = (planes[i] - m) / std[c];
  });
  return owned(planes, [1, mean.length, rows.length, columns.length]);
}

/** n / 2 as torchvision rounds it: halves go to the even neighbour where it crops, towards zero where it pads. */
function halfOf(n: number): number {
  if (n < 0) return Math.ceil(n / 2);
  const down = Math.floor(n / 2);
  return n % 2 === 0 || down % 2 === 0 ? down : down + 1;
}

function checkPixels(pixels: unknown): asserts pixels is Pixels {
  const { width, height, data } = (pixels ?? {}) as Partial<Pixels>;
  if (typeof pixels !== "object" || pixels === null || (width === undefined && data === undefined)) {
    const advice = pixels instanceof Promise ? ": await it first" : "";
    throw new UsageError(`imageToTensor: pixels must be { width, height, data }, got ${describe(pixels)}${advice}`);
  }
  checkWhole("imageToTensor", "pixels.width", width);
  checkWhole("imageToTensor", "pixels.height", height);
  const kinds = [Uint8Array, Uint8ClampedArray, Uint16Array, Float32Array];
  if (!kinds.some((kind) => data instanceof kind)) {
    throw new UsageError(
      `imageToTensor: pixels.data must be a Uint8Array, Uint8ClampedArray, Uint16Array or Float32Array, got ${describe(data)}`,
    );
  }
  const { length } = data as Pixels["data"];
  if ([1, 3, 4].includes(length / (width * height))) return;
  throw new ValueError(
    `imageToTensor: pixels.data must hold 1, 3 or 4 values for each of ${width}×${height} pixels, got ${length}`,
  );
}

function checkPreprocessing(preprocessing: Preprocessing): void {
  checkOptions("imageToTensor", preprocessing, OPTIONS);
  const { resize, crop, mean, std } = (preprocessing ?? {}) as Partial<Preprocessing>;
  if (resize !== undefined) checkWhole("imageToTensor", "resize", resize);
  if (crop !== undefined) checkWhole("imageToTensor", "crop", crop);
  for (const [name, values, what, fits] of [
    ["mean", mean, "finite numbers", Number.isFinite],
    ["std", std, "finite numbers above 0", (v: unknown) => Number.isFinite(v) && (v as number) > 0],
  ] as const) {
    checkList("imageToTensor", name, values);
    if ((values.length === 1 || values.length === 3) && values.every(fits)) continue;
    throw new ValueError(`imageToTensor: ${name} must be 1 or 3 ${what}, got [${values.map(describe).join(", ")}]`);
  }
  if (mean?.length !== std?.length) {
    throw new ValueError(`imageToTensor: mean and std must be as many, got ${mean?.length} and ${std?.length}`);
  }
}
