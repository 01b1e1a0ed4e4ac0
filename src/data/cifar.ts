/**
 * CIFAR's binary files (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html): records without a header. Each
 * has one byte of label (CIFAR-100: coarse label, then fine label) and 3·32·32 bytes of pixels, the red plane first,
 * each plane row-major. That is already `[C, H, W]`.
 */
import { checkList, checkOneOf, checkTexts } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkParts, type Dataset } from "./dataset.ts";
import { DataError, type DataFile, openDataFile } from "./errors.ts";

const pixels = 3 * 32 * 32;

/** CIFAR-10's classes, by label. */
export const cifar10Classes: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/**
 * CIFAR-10 from one or more of its batches (`data_batch_1.bin` … `data_batch_5.bin`, or `test_batch.bin`).
 *
 * @example
 * const file = new Uint8Array(2 * 3073); // two records: a label and 3·32·32 pixels
 * file[3073] = 8;
 * const dataset = readCifar10([file]);
 * dataset.shape; // [2, 3, 32, 32]
 * dataset.classes[dataset.labels[1]]; // "ship"
 *
 * @throws DataError with the file and record, if a file ends inside a record or a label is above 9.
 */
export function readCifar10(batches: readonly DataFile[]): Dataset {
  checkList("readCifar10", "batches", batches);
  return readRecords("readCifar10", batches, 1, 0, cifar10Classes);
}

/** Options of `readCifar100`. */
export interface Cifar100Options {
  /** The 100 fine classes or the 20 coarse ones. Default "fine". */
  labels?: "fine" | "coarse";
  /** Names of the classes (the lines of `fine_label_names.txt`). Default "0", "1", … */
  classes?: readonly string[];
}

const OPTIONS: OptionNames<Cifar100Options> = { labels: true, classes: true };

/**
 * CIFAR-100 from `train.bin` or `test.bin`.
 *
 * @example
 * const file = new Uint8Array(2 * 3074); // two records: coarse label, fine label, pixels
 * file[1] = 42;
 * readCifar100(file).labels; // [42, 0]
 * readCifar100(file, { labels: "coarse" }).classes.length; // 20
 *
 * @throws DataError with the file and record, like `readCifar10`.
 */
export function readCifar100(file: DataFile, options: Cifar100Options = {}): Dataset {
  checkOptions("readCifar100", options, OPTIONS);
  const { labels = "fine", classes } = options;
  checkOneOf("readCifar100", "labels", labels, ["fine", "coarse"]);
  if (classes !== undefined) checkTexts("readCifar100", "classes", classes);
  const count = labels === "fine" ? 100 : 20;
  const names = classes ?? Array.from({ length: count }, (_, i) => String(i));
  if (names.length !== count) {
    throw new DataError(`readCifar100: ${names.length} class names for the ${count} ${labels} labels`);
  }
  return readRecords("readCifar100", [file], 2, labels === "fine" ? 1 : 0, names);
}

/** What people pass by mistake: none of them begins with a label. */
function mistaken([first, second]: Uint8Array): string | undefined {
  if (first === 0x1f && second === 0x8b) {
    return "it is compressed with gzip: gunzip it first, and unpack what is a tar archive (tar xzf)";
  }
  if (first === 0x80 && second >= 2 && second <= 5) {
    return "it is a Python pickle, of the Python version of CIFAR: this reads the binary version, cifar-10-binary.tar.gz or cifar-100-binary.tar.gz";
  }
  // The archive's first name begins with "cifar".
  return first === 0x63 && second === 0x69 ? "it is a tar archive: unpack it first" : undefined;
}

/** Records of `labelBytes` label bytes, of which only the one at `labelAt` counts, followed by the pixels. */
function readRecords(
  who: string,
  files: readonly DataFile[],
  labelBytes: number,
  labelAt: number,
  classes: readonly string[],
): Dataset {
  const record = labelBytes + pixels;
  const opened = files.map((file, i) => openDataFile(who, files.length > 1 ? `file ${i}` : "the file", file));
  if (opened.length === 0) throw new DataError(`${who}: no images: there are no files`);
  for (const { name, bytes } of opened) {
    const advice = mistaken(bytes);
    if (advice) throw new DataError(`${name}: not a CIFAR file: ${advice}`);
    const complete = Math.floor(bytes.length / record);
    if (bytes.length === 0) throw new DataError(`${name}: is empty: a CIFAR file has records of ${record} bytes`);
    if (bytes.length % record !== 0) {
      throw new DataError(
        `${name}: truncated in record ${complete}: it starts at offset ${complete * record} and has ${bytes.length % record} of ${record} bytes`,
      );
    }
  }
  const N = opened.reduce((count, { bytes }) => count + bytes.length / record, 0);
  const images = new Uint8Array(N * pixels);
  const labels = new Uint8Array(N);
  let n = 0;
  for (const { name, bytes } of opened) {
    for (let start = 0; start < bytes.length; start += record, n++) {
      const label = bytes[start + labelAt];
      if (label >= classes.length) {
        throw new DataError(
          `${name}: record ${start / record} has label ${label}, the labels go from 0 to ${classes.length - 1} (offset ${start + labelAt})`,
        );
      }
      labels[n] = label;
      images.set(bytes.subarray(start + labelBytes, start + record), n * pixels);
    }
  }
  const name = opened.map((file) => file.name).join(", ");
  const dataset: Dataset = { name, images, labels, shape: [N, 3, 32, 32], classes };
  checkParts(name, dataset);
  return dataset;
}
