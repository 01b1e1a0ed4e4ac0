/**
 * `WeightFile`: a file of named tensors, whatever its format. The formats' readers (safetensors/read.ts, pth/read.ts) find
 * out what a file holds and where (`Contents`). This file turns the numbers into tensors, the same way for all formats.
 */
import type { StateDict } from "../nn/module.ts";
import { describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import { type DType, decodeValues, dtypes, type StoredValues, toFloat32 } from "./dtypes.ts";
import { FormatError, quote } from "./errors.ts";
import { checkRules, type RenameRule, renameEntries } from "./names/rules.ts";
import { stripPrefix } from "./prefix.ts";
import {
  type ByteSource,
  checkBytes,
  checkSource,
  type FileInfo,
  openSource,
  plainBytes,
  type Reading,
  readFrom,
  readNow,
  type WeightSource,
} from "./source.ts";
import { gather, isContiguous, spanOf } from "./strided.ts";

/** What a file says about a tensor, besides its numbers. */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A tensor with exactly its numbers in the file: a change of format preserves them. */
export interface StoredTensor extends TensorEntry {
  readonly values: StoredValues;
}

/** What is known about a file once it is open. */
export interface WeightIndex {
  /** The file's name in error messages. */
  readonly name: string;
  readonly format: "safetensors" | "pth" | "npz" | "npy" | "tfjs";
  /**
   * safetensors: its `__metadata__`. pth: the numbers and strings beside the state dict (`epoch`, `arch`), as strings. tfjs: its
   * `format`, "layers-model" or "graph-model".
   */
  readonly metadata: ReadonlyMap<string, string>;
  /** Every tensor's type and shape, in the file's order. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Names within the state dict that hold anything but a tensor (pth only). */
  readonly ignored: readonly string[];
  /**
   * The classes and functions whose objects were left out, by their Python names: `argparse.Namespace` (pth with
   * `unknownObjects: "skip"` only).
   */
  readonly leftOut: readonly string[];
}

/** A file in memory. */
export interface WeightFile extends WeightIndex {
  /** One tensor as float32, rounded to the nearest where its type has more digits (float64, int64, int32). */
  tensor(name: string): Tensor;
  /** One tensor with its type and values in the file. */
  stored(name: string): StoredTensor;
  /** Every tensor as float32, for `model.loadStateDict`. One with several names in the file is one here too. */
  stateDict(): StateDict;
}

/** A file whose tensors are read when they are asked for. */
export interface LazyWeightFile extends WeightIndex {
  tensor(name: string): Promise<Tensor>;
  stored(name: string): Promise<StoredTensor>;
  stateDict(): Promise<StateDict>;
  /** Closes the source it was opened from. */
  close(): Promise<void>;
}

/** Options of reading weight files. */
export interface ReadOptions {
  /** The file's name in error messages. Default: the source's own name, else "weights". */
  name?: string;
  /**
   * A prefix to remove from the names that have it: `"model."`. Default: `module.` (from `DataParallel`) and
   * `_orig_mod.` (from `torch.compile`), if every name has it. False: names stay unchanged.
   */
  stripPrefix?: string | false;
  /**
   * Rules that give names of another form: `[["head.fc.*", "fc.*"], ["stage{s}.*", "layer{s+1}.*"]]`. For each name the
   * first that is about it counts; names without one stay. After `stripPrefix`. `matchNames` finds rules by itself.
   */
  rename?: readonly RenameRule[];
}

export const READ_OPTIONS: OptionNames<ReadOptions> = { name: true, stripPrefix: true, rename: true };

/** Throws unless the options common to all formats are strings, or false. */
export function checkReadOptions(op: string, { name, stripPrefix, rename }: ReadOptions): void {
  const text = (option: string, value: unknown, or: string): void => {
    if (value === undefined || typeof value === "string") return;
    throw new UsageError(`${op}: ${option} must be a string${or}, got ${describe(value)}`);
  };
  text("name", name, "");
  if (stripPrefix !== false) text("stripPrefix", stripPrefix, " or false");
  if (rename !== undefined) checkRules(op, rename);
}

/** A tensor in a file: its description, and how to read it. */
export interface Place extends TensorEntry {
  /** The distance between neighbours along each axis, in elements. */
  readonly strides: readonly number[];
  readonly littleEndian: boolean;
  /** Tensors with the same window are one tensor under several names. */
  readonly window?: string;
  /** How many bytes have to be read for it, if more than it spans. */
  readonly cost?: number;
  /** The bytes from the first element to the end of the last. */
  read(): Reading<Uint8Array>;
}

/** What a format's reader finds in a file. */
export interface Contents extends Omit<WeightIndex, "name"> {
  readonly entries: ReadonlyMap<string, Place>;
  /** The size of what the file holds, if it is compressed. */
  readonly unpacked?: number;
}

/** A format's reader: finds out what a file holds. */
export type ContentsReader<Options extends ReadOptions = ReadOptions> = (
  file: FileInfo,
  options: Options,
) => Reading<Contents>;

/** Reads a file in memory with its format's reader, for the function `op`. */
export function readWith<Options extends ReadOptions>(
  op: string,
  reader: ContentsReader<Options>,
  source: Uint8Array | ArrayBuffer,
  options: Options,
): WeightFile {
  checkBytes(op, source);
  const bytes = plainBytes(source);
  const file: FileInfo = { name: options.name ?? "weights", size: bytes.length };
  const contents = withShortNames(readNow(bytes, reader(file, options)), file, options);
  return {
    ...indexOf(file, contents),
    tensor: (name) => readNow(bytes, readTensor(file, contents, name)),
    stored: (name) => readNow(bytes, readStored(file, contents, name)),
    stateDict: () => readNow(bytes, readState(file, contents)),
  };
}

/**
 * Opens a file that is read in pieces with its format's reader, for the function `op`. If that fails the source is
 * closed.
 */
export async function openWith<Options extends ReadOptions>(
  op: string,
  reader: ContentsReader<Options>,
  from: WeightSource,
  options: Options,
): Promise<LazyWeightFile> {
  checkSource(op, from);
  const source: ByteSource = await openSource(from);
  const file: FileInfo = { name: options.name ?? source.name ?? "weights", size: source.size };
  try {
    const contents = withShortNames(await readFrom(source, file, reader(file, options)), file, options);
    return {
      ...indexOf(file, contents),
      tensor: (name) => readFrom(source, file, readTensor(file, contents, name)),
      stored: (name) => readFrom(source, file, readStored(file, contents, name)),
      stateDict: () => readFrom(source, file, readState(file, contents)),
      close: async () => await source.close?.(),
    };
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

function indexOf({ name }: FileInfo, { format, metadata, entries, ignored, leftOut }: Contents): WeightIndex {
  return { name, format, metadata, entries, ignored, leftOut };
}

function withShortNames(contents: Contents, file: FileInfo, options: ReadOptions): Contents {
  const entries = stripPrefix(contents.entries, options.stripPrefix, file);
  return { ...contents, entries: options.rename ? renameEntries(entries, options.rename, file) : entries };
}

function* readStored(file: FileInfo, contents: Contents, name: string): Reading<StoredTensor> {
  const place = contents.entries.get(name);
  if (!place) {
    const what = typeof name === "string" ? quote(name) : describe(name);
    throw new ValueError(`${file.name}: there is no tensor ${what}`);
  }
  checkMemory(file, contents, [[name, place]]);
  const { dtype, shape, strides, littleEndian } = place;
  const bytes = yield* place.read();
  const elements = isContiguous(shape, strides) ? bytes : gather(bytes, dtypes[dtype].bytes, shape, strides);
  return { dtype, shape, values: decodeValues(dtype, elements, littleEndian) };
}

function* readTensor(file: FileInfo, contents: Contents, name: string): Reading<Tensor> {
  const { shape, values } = yield* readStored(file, contents, name);
  return owned(toFloat32(values), shape);
}

function* readState(file: FileInfo, contents: Contents): Reading<StateDict> {
  checkMemory(file, contents, contents.entries);
  // Without a prototype, so that "__proto__" is an ordinary name.
  const state = Object.create(null) as StateDict;
  const windows = new Map<string, Tensor>();
  for (const [name, { window }] of contents.entries) {
    const known = window === undefined ? undefined : windows.get(window);
    const t = known ?? (yield* readTensor(file, contents, name));
    if (window !== undefined) windows.set(window, t);
    state[name] = t;
  }
  return state;
}

/**
 * A view with stride 0 (`expand`) makes any number of elements from one, and many views can share one storage: a small
 * file could fill the memory, or take for ever to read. A file that really stores its tensors stays below 4 times its
 * size, even if all of it is bytes, and is read once. A tensor with several names counts once.
 */
function checkMemory(
  file: FileInfo,
  { unpacked: size = file.size }: Contents,
  places: Iterable<readonly [string, Place]>,
): void {
  let bytes = 0;
  let read = 0;
  const windows = new Set<string>();
  for (const [name, { dtype, shape, strides, window, cost }] of places) {
    if (window !== undefined && windows.has(window)) continue;
    if (window !== undefined) windows.add(window);
    const width = dtypes[dtype].bytes;
    bytes += sizeOf(shape) * Math.max(4, width);
    read += cost ?? spanOf(shape, strides) * width;
    if (bytes > 4 * size || read > 32 * size) {
      const what = bytes > 4 * size ? `take ${bytes} bytes, more than 4` : `are read from ${read} bytes, more than 32`;
      throw new FormatError(
        `${file.name}: tensor ${quote(name)} ${formatShape(shape)}: the tensors up to here ${what} times the ${size} of the file: views that repeat their storage`,
      );
    }
  }
}
