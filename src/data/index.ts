/** Data: readers for the usual files, and batches for training. Bytes in, tensors out; paths are unknown here. */
export { type Augmentation, compose, randomCrop, randomFlip } from "./augment.ts";
export { type BatchesFromOptions, batchesFrom, type WorkerBatches } from "./batches-from.ts";
export * from "./cifar.ts";
export { type ColorJitterOptions, colorJitter } from "./color-jitter.ts";
export { channelStatistics, type Dataset, makeDataset, type Normalization, shareDataset } from "./dataset.ts";
export { type DecodeImagesOptions, decodeImages } from "./decode-images.ts";
export { DataError, type DataFile, WorkerError } from "./errors.ts";
export { gunzip } from "./gunzip.ts";
export * from "./idx.ts";
export {
  type ImageFile,
  type ImageFolder,
  type ImageFolderOptions,
  type ImageSample,
  imageFolder,
} from "./image-folder.ts";
export * from "./loader.ts";
export { cutmix, type MixedBatch, type MixOptions, mixup } from "./mix.ts";
export { IMAGENET1K_V1, IMAGENET1K_V2, imageToTensor, type Preprocessing } from "./picture.ts";
export {
  type RandomErasingOptions,
  type RandomResizedCropOptions,
  randomErasing,
  randomResizedCrop,
} from "./rectangles.ts";
export type { Pixels } from "./resample.ts";
export { type BatchPass, type BatchServer, serveBatches } from "./serve-batches.ts";
export { randomSplit, sample, subset } from "./subset.ts";
export type { MessagePlace } from "./worker-messages.ts";
