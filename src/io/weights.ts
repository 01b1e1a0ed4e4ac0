/**
 * Weights from a file of any known format. A program that knows its format imports less: `openSafetensors`, `readPth`.
 */
import type { StateDict } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import { FormatError } from "./errors.ts";
import { isNpy } from "./npy/format.ts";
import { isNpz, readNpyContents, readNpzContents } from "./npy/read.ts";
import { adviceOn, BEGINNING, isJson } from "./other-files.ts";
import { checkPthOptions, type PthOptions } from "./pth/options.ts";
import { isZip, pthReader } from "./pth/read.ts";
import { readArchiveContents } from "./pth/zip-file.ts";
import { readContents as readSafetensorsContents } from "./safetensors/read.ts";
import { joinFiles, joinLazily } from "./shards.ts";
import { checkBytes, checkSource, type FileInfo, type Reading, readRange, type WeightSource } from "./source.ts";
import { type Contents, type LazyWeightFile, openWith, readWith, type WeightFile } from "./weight-file.ts";
import { readZipDirectory } from "./zip/read.ts";

/** The options of `openWeights` and its kin. `key` and `unknownObjects` only matter for `.pth` files. */
export type WeightOptions = PthOptions;

/**
 * The weights in a file (or a list of files that belong together) as a state dict: bytes, a `Blob` or `File`, a `fetch` response, or any `ByteSource`. The
 * format, safetensors, PyTorch's `.pth` or NumPy's `.npz` and `.npy`, is recognised by the first bytes.
 *
 * @example
 * const bytes = writeSafetensors(model.stateDict()); // or: await fetch("resnet8.safetensors")
 * model.loadStateDict(await loadWeights(bytes));
 *
 * @throws FormatError with the place, if the file is none of them or damaged.
 */
export async function loadWeights(
  source: WeightSource | readonly WeightSource[],
  options: WeightOptions = {},
): Promise<StateDict> {
  const file = await openFor("loadWeights", source, options);
  try {
    return await file.stateDict();
  } finally {
    await file.close();
  }
}

/**
 * Opens a file of any of the formats, or several as one; each tensor is read when it is asked for. Throws FormatError like
 * `loadWeights`.
 *
 * @example
 * const file = await openWeights(new Blob([writePth({ a: tensor([1, 2]), b: tensor([3]) }) as Uint8Array<ArrayBuffer>]));
 * [...file.entries.keys()]; // ["a", "b"]
 * await file.tensor("b"); // [3]
 */
export async function openWeights(
  source: WeightSource | readonly WeightSource[],
  options: WeightOptions = {},
): Promise<LazyWeightFile> {
  return await openFor("openWeights", source, options);
}

async function openFor(
  op: string,
  source: WeightSource | readonly WeightSource[],
  options: WeightOptions,
): Promise<LazyWeightFile> {
  checkPthOptions(op, options);
  if (!isList(source)) return await openWith(op, readContents, source, options);
  checkShards(op, source, checkSource);
  const files: LazyWeightFile[] = [];
  try {
    for (const shard of source) files.push(await openWith(op, readContents, shard, asStored(options)));
    return joinLazily(files, options);
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

/**
 * Reads a file of any of the formats in memory, or several as one. Throws FormatError like `loadWeights`.
 *
 * @example
 * const file = readWeights(writeSafetensors({ w: tensor([[1, 2]]) }));
 * file.entries.get("w")?.shape; // [1, 2]
 * file.tensor("w"); // [[1, 2]]
 */
export function readWeights(
  bytes: Uint8Array | ArrayBuffer | readonly (Uint8Array | ArrayBuffer)[],
  options: WeightOptions = {},
): WeightFile {
  const op = "readWeights";
  checkPthOptions(op, options);
  if (!isList(bytes)) return readWith(op, readContents, bytes, options);
  checkShards(op, bytes, checkBytes);
  const numbered = (i: number): WeightOptions => ({
    ...asStored(options),
    name: `${options.name ?? "weights"} ${i + 1}`,
  });
  return joinFiles(
    bytes.map((shard, i) => readWith(op, readContents, shard, numbered(i))),
    options,
  );
}

function isList<T>(given: T | readonly T[]): given is readonly T[] {
  return Array.isArray(given);
}

/** Before any is read: `check` refuses what is no file at all. */
function checkShards(op: string, files: readonly unknown[], check: (op: string, file: unknown) => void): void {
  if (files.length === 0) throw new UsageError(`${op}: a list of files must have at least one, got none`);
  for (const file of files) check(op, file);
}

/** The options for one of several files: the names stay, until all are known. */
function asStored({ name: _name, rename: _rename, ...options }: WeightOptions): WeightOptions {
  return { ...options, stripPrefix: false };
}

/** JSON that belongs to weights, by a word in it. */
const jsonFiles: readonly (readonly [word: string, advice: string])[] = [
  [
    '"weight_map"',
    "it is JSON, the index of weights in several files: loadWeightsFile of skipstone/node reads them, or pass loadWeights a list of the files themselves",
  ],
  [
    '"weightsManifest"',
    "it is JSON, a model of TensorFlow.js, whose weights are in the .bin files beside it: loadWeightsFile of skipstone/node reads them, or readTfjs",
  ],
];

function* readContents(file: FileInfo, options: WeightOptions): Reading<Contents> {
  const start = yield* readRange(file, 0, Math.min(BEGINNING, file.size), "the beginning");
  if (isNpy(start)) return yield* readNpyContents(file);
  if (isZip(start)) {
    const zip = yield* readZipDirectory(file);
    return isNpz(zip) ? yield* readNpzContents(file, zip) : yield* readArchiveContents(file, zip, options);
  }
  const readPth = pthReader(start);
  if (readPth) return yield* readPth(file, options);
  // In safetensors the length of the header comes first.
  if (start[8] === 0x7b) return yield* readSafetensorsContents(file);
  const advice = (isJson(start) ? yield* adviceOnJson(file) : undefined) ?? adviceOn(start);
  throw new FormatError(
    `${file.name}: neither safetensors nor .pth, .npz or .npy${advice ? `: ${advice}` : ` (${file.size} bytes, the first are ${hex(start.subarray(0, 9))})`}`,
  );
}

function* adviceOnJson(file: FileInfo): Reading<string | undefined> {
  const bytes = yield* readRange(file, 0, Math.min(2 ** 16, file.size), "the JSON");
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return jsonFiles.find(([word]) => text.includes(word))?.[1];
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
