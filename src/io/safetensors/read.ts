/** Reads safetensors (format.ts describes them): the header at once, each tensor when it is asked for. */
import { checkOptions } from "../../tensor/check.ts";
import { formatShape, stridesOf } from "../../tensor/shape.ts";
import { type DType, dtypes } from "../dtypes.ts";
import { FormatError, quote } from "../errors.ts";
import { type FileInfo, type Reading, readRange, type WeightSource } from "../source.ts";
import { decodeUtf8 } from "../utf8.ts";
import {
  type Contents,
  checkReadOptions,
  type LazyWeightFile,
  openWith,
  type Place,
  READ_OPTIONS,
  type ReadOptions,
  readWith,
  type WeightFile,
} from "../weight-file.ts";
import { dtypeNamed, dtypeNames, maxHeaderLength, metadataKey } from "./format.ts";
import { JsonCursor } from "./json.ts";

/**
 * Reads a safetensors file in memory. The numbers of a tensor are copied when it is asked for.
 *
 * @example
 * const file = readSafetensors(writeSafetensors({ w: tensor([[1, 2]]) }, { dtype: "float16" }));
 * file.entries.get("w")?.dtype; // "float16"
 * file.tensor("w"); // [[1, 2]]
 *
 * @throws FormatError with the place, if the file violates the format.
 */
export function readSafetensors(bytes: Uint8Array | ArrayBuffer, options: ReadOptions = {}): WeightFile {
  checkSafetensorsOptions("readSafetensors", options);
  return readWith("readSafetensors", readContents, bytes, options);
}

/**
 * Opens a safetensors file and reads only the header; each tensor is read when it is asked for.
 *
 * @example
 * const file = await openSafetensors(new Blob([writeSafetensors({ a: tensor([1, 2]), b: tensor([3]) }) as Uint8Array<ArrayBuffer>]));
 * await file.tensor("b"); // [3]
 *
 * @throws FormatError like `readSafetensors`.
 */
export async function openSafetensors(source: WeightSource, options: ReadOptions = {}): Promise<LazyWeightFile> {
  checkSafetensorsOptions("openSafetensors", options);
  return await openWith("openSafetensors", readContents, source, options);
}

function checkSafetensorsOptions(op: string, options: ReadOptions): void {
  checkOptions(op, options, READ_OPTIONS);
  checkReadOptions(op, options);
}

/** The header of a safetensors file. */
export function* readContents(file: FileInfo): Reading<Contents> {
  const prefix = yield* readRange(file, 0, 8, "the header's length");
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (length > maxHeaderLength) {
    throw new FormatError(
      `${file.name}: not a safetensors file: offset 0 gives the header ${length} bytes, the maximum is ${maxHeaderLength}`,
    );
  }
  const header = yield* readRange(file, 8, length, "the header");
  const text = decodeUtf8(header);
  if (text === undefined) throw new FormatError(`${file.name}: the header is not UTF-8`);
  return parseHeader(text, file, 8 + length);
}

/** A tensor as described by the header; offsets in the file. */
interface HeaderEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(text: string, file: FileInfo, dataStart: number): Contents {
  const json = new JsonCursor(text, (message) => {
    throw new FormatError(`${file.name}: header, ${message}`);
  });
  if (text[0] !== "{") json.fail("the header must begin with {");
  const metadata = new Map<string, string>();
  const entries = new Map<string, HeaderEntry>();
  let hasMetadata = false;
  json.object("the header", (name) => {
    if (name === metadataKey ? hasMetadata : entries.has(name)) json.fail(`${quote(name)} occurs twice`);
    if (name !== metadataKey) {
      entries.set(name, parseEntry(json, name, dataStart));
      return;
    }
    hasMetadata = true;
    json.object(metadataKey, (key) => {
      if (metadata.has(key)) json.fail(`${quote(key)} occurs twice in ${metadataKey}`);
      metadata.set(key, json.string(`${metadataKey} ${quote(key)}`));
    });
  });
  json.end("the header");
  checkCoverage([...entries.values()], file, dataStart);
  const places = new Map([...entries].map(([name, entry]) => [name, placeOf(entry, file)]));
  return { format: "safetensors", metadata, entries: places, ignored: [], leftOut: [] };
}

function parseEntry(json: JsonCursor, name: string, dataStart: number): HeaderEntry {
  const what = `tensor ${quote(name)}`;
  let dtype: DType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const numbers = (of: string): number[] => {
    const list: number[] = [];
    json.array(of, () => list.push(json.wholeNumber(of)));
    return list;
  };
  const field = (key: string): void => {
    if (key === "dtype" && !dtype) {
      const found = json.string(`${what} dtype`);
      dtype = dtypeNamed(found);
      if (!dtype)
        json.fail(`${what} has dtype ${quote(found)}, known dtypes are ${Object.values(dtypeNames).join(", ")}`);
    } else if (key === "shape" && !shape) shape = numbers(`${what} shape`);
    else if (key === "data_offsets" && !offsets) offsets = numbers(`${what} data_offsets`);
    else json.fail(`${what} has ${quote(key)} where only dtype, shape and data_offsets may be, once each`);
  };
  json.object(what, field);
  if (!dtype || !shape || !offsets)
    return json.fail(`${what} lacks ${!dtype ? "dtype" : !shape ? "shape" : "data_offsets"}`);
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin > end)
    json.fail(`${what} has data_offsets ${formatShape(offsets)}, not [begin, end]`);
  let bytes = dtypes[dtype].bytes as number;
  for (const axis of shape) bytes *= axis;
  if (bytes !== end - begin) {
    json.fail(
      `${what} ${formatShape(shape)} of ${dtypeNames[dtype]} is ${bytes} bytes, but data_offsets ${formatShape(offsets)} give ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Checks that every byte after the header belongs to exactly one tensor. */
function checkCoverage(entries: readonly HeaderEntry[], file: FileInfo, dataStart: number): void {
  let covered = dataStart;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw new FormatError(
        `${file.name}: tensor ${quote(name)} begins at offset ${begin}, ${begin < covered ? "inside the one before it, which ends" : "with a hole after the one before it, which ends"} at ${covered}`,
      );
    }
    covered = end;
  }
  if (covered !== file.size) {
    throw new FormatError(`${file.name}: the tensors end at offset ${covered}, but the file at ${file.size}`);
  }
}

function placeOf({ name, dtype, shape, begin, end }: HeaderEntry, file: FileInfo): Place {
  return {
    dtype,
    shape,
    strides: stridesOf(shape),
    littleEndian: true,
    read: () => readRange(file, begin, end - begin, `tensor ${quote(name)}`),
  };
}
