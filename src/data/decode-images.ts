/**
 * The pictures of class folders as a dataset. Decoding files is not the library's: a page has `createImageBitmap`, Node has sharp
 * and others.
 */
import { checkFunction, checkList, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Dataset, makeDataset } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { type ImageFolder, type ImageSample, pathOf } from "./image-folder.ts";
import { imageToTensor } from "./picture.ts";
import type { Pixels } from "./resample.ts";

/** Options of `decodeImages`. */
export interface DecodeImagesOptions<F> {
  /** The pixels in a picture's file. */
  decode: (file: F) => Pixels | Promise<Pixels>;
  /**
   * Makes all pictures equally large: `[C, H, W]` or `[1, C, H, W]`, values 0 … 1, not yet normalised. Default: the middle 224×224
   * pixels, after the shorter side was resized to 256.
   */
  transform?: (pixels: Pixels) => Tensor;
  /** How many files are decoded at the same time. Default 4. */
  concurrency?: number;
}

const OPTIONS: OptionNames<DecodeImagesOptions<never>> = { decode: true, transform: true, concurrency: true };

/** What torchvision's weights want, but not normalised: that comes after augmentation. */
const middle = (pixels: Pixels): Tensor =>
  imageToTensor(pixels, { resize: 256, crop: 224, mean: [0, 0, 0], std: [1, 1, 1] });

/**
 * Decodes all pictures that `imageFolder` found, and keeps them as a dataset for `batches`, `randomSplit` and the others. Four
 * bytes for each value: 0.6 MB for a picture of 224×224.
 *
 * @example
 * const folder = imageFolder(["cats/1.png", "dogs/1.png"]); // in a page: of input.files; in Node: readImageFolder(path)
 * const decode = () => ({ width: 300, height: 200, data: new Uint8Array(300 * 200 * 3) });
 * const pictures = await decodeImages(folder, { decode });
 * pictures.shape; // [2, 3, 224, 224]
 * const [seen, unseen] = randomSplit(pictures, [0.5, 0.5], new Rng(1));
 *
 * @throws DataError with the file's name for one that cannot be decoded or transformed, or whose shape differs from that of the
 * others; UsageError or ValueError for arguments of a wrong kind.
 */
export async function decodeImages<F>(folder: ImageFolder<F>, options: DecodeImagesOptions<F>): Promise<Dataset> {
  checkFolder(folder);
  checkOptions("decodeImages", options, OPTIONS);
  const { decode, transform = middle, concurrency = 4 } = options ?? {};
  checkFunction("decodeImages", "decode", decode, "a function that gives a file's pixels, (file) => pixels");
  checkFunction("decodeImages", "transform", transform);
  checkWhole("decodeImages", "concurrency", concurrency, 1);
  const { classes, samples } = folder;
  const store = new ImageStore(samples.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < samples.length) {
      const index = next++;
      const { file } = samples[index];
      try {
        store.put(index, transform(await decode(file)));
      } catch (error) {
        next = samples.length;
        const reason = error instanceof Error ? error.message : describe(error);
        throw new DataError(`decodeImages: ${pathOf(file) || `picture ${index}`}: ${reason}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, samples.length) }, work));
  const labels = Int32Array.from(samples, ({ label }) => label);
  return makeDataset({ name: "pictures", images: store.images, labels, shape: store.shape, classes });
}

/** Images of one shape, each at its place in one array. */
class ImageStore {
  readonly #count: number;
  images: Float32Array = new Float32Array(0);
  /** `[N, C, H, W]`, once there is an image. */
  shape: Dataset["shape"] = [0, 0, 0, 0];

  constructor(count: number) {
    this.#count = count;
  }

  put(index: number, image: unknown): void {
    const shape = image instanceof Tensor ? image.shape.slice(image.rank === 4 && image.shape[0] === 1 ? 1 : 0) : [];
    if (!(image instanceof Tensor) || shape.length !== 3) {
      const got = image instanceof Tensor ? `[${image.shape.join(", ")}]` : describe(image);
      throw new UsageError(`transform must return an image, a tensor [C, H, W] or [1, C, H, W], got ${got}`);
    }
    const [C, H, W] = shape;
    if (this.images.length === 0) {
      this.shape = [this.#count, C, H, W];
      this.images = new Float32Array(this.#count * image.size);
    }
    const [, ...known] = this.shape;
    if (`${shape}` !== `${known}`) {
      throw new UsageError(`transform must give all pictures one shape, got [${shape}] here and [${known}] before`);
    }
    this.images.set(image.data, index * image.size);
  }
}

function checkFolder(folder: unknown): asserts folder is ImageFolder<unknown> {
  const { classes, samples } = (folder ?? {}) as Partial<ImageFolder<unknown>>;
  if (!Array.isArray(classes) || !Array.isArray(samples)) {
    const what = "what imageFolder returns, { classes, samples }";
    throw new UsageError(`decodeImages: folder must be ${what}, got ${describe(folder)}`);
  }
  checkList("decodeImages", "folder.samples", samples);
  if (samples.length === 0) throw new DataError("decodeImages: no pictures: folder.samples is empty");
  samples.forEach((sample: Partial<ImageSample<unknown>> | null, i) => {
    checkWhole("decodeImages", `folder.samples[${i}].label`, sample?.label, 0, classes.length - 1);
  });
}
