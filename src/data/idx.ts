/**
 * IDX: the format of MNIST and its relatives (Fashion-MNIST, KMNIST, EMNIST), http://yann.lecun.com/exdb/mnist.
 *
 *     offset 0   0x00 0x00
 *     offset 2   type of the values: 0x08 uint8, 0x09 int8, 0x0B int16, 0x0C int32, 0x0D float32, 0x0E float64
 *     offset 3   rank
 *     offset 4   one uint32 per axis: its length
 *     then       the values, row-major
 *
 * Everything is big-endian. Next: dataset.ts, which combines images and labels.
 */
import { checkTexts } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkParts, type Dataset } from "./dataset.ts";
import { DataError, type DataFile, openDataFile } from "./errors.ts";

/** The numbers of an IDX file, in the file's own type. */
export type IdxValues = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** The contents of an IDX file. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: IdxValues;
}

interface IdxType {
  readonly bytes: number;
  /** Reads `count` big-endian values from the start of `view`. */
  readonly read: (view: DataView, count: number) => IdxValues;
}

const idxTypes: ReadonlyMap<number, IdxType> = new Map([
  [0x08, { bytes: 1, read: (view, count) => new Uint8Array(view.buffer, view.byteOffset, count) }],
  [0x09, { bytes: 1, read: (view, count) => new Int8Array(view.buffer, view.byteOffset, count) }],
  [0x0b, { bytes: 2, read: (view, count) => Int16Array.from({ length: count }, (_, i) => view.getInt16(2 * i)) }],
  [0x0c, { bytes: 4, read: (view, count) => Int32Array.from({ length: count }, (_, i) => view.getInt32(4 * i)) }],
  [0x0d, { bytes: 4, read: (view, count) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i)) }],
  [0x0e, { bytes: 8, read: (view, count) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i)) }],
]);

/**
 * Reads an IDX file. One-byte values are a view of the file's bytes, wider ones a copy in this machine's byte order.
 *
 * @example
 * const { shape, values } = readIdx(Uint8Array.of(0, 0, 0x08, 1, 0, 0, 0, 3, 7, 8, 9)); // [3], 7 8 9
 *
 * @throws DataError with the file and offset, for a wrong magic number, an unknown type, or too few or too many bytes.
 */
export function readIdx(file: DataFile): IdxArray {
  return parseIdx(openDataFile("readIdx", "the file", file));
}

function parseIdx({ name, bytes }: { name: string; bytes: Uint8Array }): IdxArray {
  const need = (end: number, what: string): void => {
    if (bytes.length < end) {
      throw new DataError(`${name}: truncated: ${what} ends at offset ${end}, the file has ${bytes.length} bytes`);
    }
  };
  need(4, "the IDX magic number");
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw new DataError(`${name}: is compressed (gzip magic at offset 0): pass it through gunzip first`);
  }
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw new DataError(`${name}: not an IDX file: offset 0 has ${hex(bytes[0])} ${hex(bytes[1])}, expected 0x00 0x00`);
  }
  const type = idxTypes.get(bytes[2]);
  if (!type) throw new DataError(`${name}: unknown IDX type ${hex(bytes[2])} at offset 2`);
  const rank = bytes[3];
  const header = 4 + 4 * rank;
  need(header, `the header of an IDX file of rank ${rank}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, length) => product * length, 1);
  const end = header + count * type.bytes;
  need(end, `the data of shape [${shape.join(",")}], from offset ${header},`);
  if (bytes.length > end) {
    throw new DataError(
      `${name}: ${bytes.length - end} bytes too many: the data of shape [${shape.join(",")}] ends at offset ${end}`,
    );
  }
  return { shape, values: type.read(new DataView(bytes.buffer, bytes.byteOffset + header), count) };
}

/** Fashion-MNIST's ten classes, by label (Xiao, Rasul, Vollgraf 2017). */
export const fashionMnistClasses: readonly string[] = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

const digits: readonly string[] = Array.from({ length: 10 }, (_, i) => String(i));

/** Options of `readMnist`. */
export interface MnistOptions {
  /** The meanings of the labels; their number bounds the labels. Default "0" … "9". */
  classes?: readonly string[];
}

const OPTIONS: OptionNames<MnistOptions> = { classes: true };

/**
 * A dataset from a pair of IDX files: images `[N, H, W]` and labels `[N]`, both uint8. One grey channel: `[N, 1, H, W]`.
 *
 * @example
 * const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 255, 255, 0); // 1 image of 2 × 2
 * const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7);
 * const dataset = readMnist(images, labels);
 * dataset.shape; // [1, 1, 2, 2]
 * dataset.labels; // [7]
 *
 * @throws DataError if a file is wrong, the two disagree about N, or a label is out of range.
 */
export function readMnist(images: DataFile, labels: DataFile, options: MnistOptions = {}): Dataset {
  checkOptions("readMnist", options, OPTIONS);
  const { classes = digits } = options;
  checkTexts("readMnist", "classes", classes);
  const [pixels, pixelsName] = readBytes(openDataFile("readMnist", "images", images), 3, "images [N,H,W]");
  const [answers, answersName] = readBytes(openDataFile("readMnist", "labels", labels), 1, "labels [N]");
  const [N, H, W] = pixels.shape;
  if (answers.shape[0] !== N) {
    throw new DataError(`${answersName}: ${answers.shape[0]} labels for the ${N} images of ${pixelsName}`);
  }
  const dataset: Dataset = {
    name: answersName,
    images: pixels.bytes,
    labels: answers.bytes,
    shape: [N, 1, H, W],
    classes,
  };
  checkParts(answersName, dataset);
  return dataset;
}

/** An IDX file of bytes with the given rank, and its name. */
function readBytes(
  file: { name: string; bytes: Uint8Array },
  rank: number,
  what: string,
): [{ shape: readonly number[]; bytes: Uint8Array }, string] {
  const { name } = file;
  const { shape, values } = parseIdx(file);
  if (shape.length !== rank || !(values instanceof Uint8Array)) {
    throw new DataError(
      `${name}: expected ${what} of uint8, found ${values.constructor.name} of shape [${shape.join(",")}]`,
    );
  }
  return [{ shape, bytes: values }, name];
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
