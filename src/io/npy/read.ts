/** Reads NumPy's `.npy` and `.npz` files (format.ts describes them). */
import { FormatError, quote } from "../errors.ts";
import { type FileInfo, type Reading, readRange } from "../source.ts";
import type { Contents, Place } from "../weight-file.ts";
import { readZipEntry, unpackedSize, type ZipEntry, zipEntryStart } from "../zip/read.ts";
import { headerEnd, type NpyHeader, parseHeader } from "./format.ts";

/** What NumPy calls an array without a name. */
const unnamed = "arr_0";

export function* readNpyContents(file: FileInfo): Reading<Contents> {
  const header = yield* readHeader(file, 0, file.size, file.name);
  const place = placeOf(header, (offset, length) => readRange(file, offset, length, "the array"));
  return { format: "npy", metadata: new Map(), entries: new Map([[unnamed, place]]), ignored: [], leftOut: [] };
}

/** Whether an archive is one of arrays. */
export function isNpz(zip: ReadonlyMap<string, ZipEntry>): boolean {
  return zip.size > 0 && [...zip.keys()].every((name) => name.endsWith(".npy"));
}

export function* readNpzContents(file: FileInfo, zip: ReadonlyMap<string, ZipEntry>): Reading<Contents> {
  const unpacked = unpackedSize(file, zip);
  const entries = new Map<string, Place>();
  for (const entry of zip.values()) {
    entries.set(entry.name.slice(0, -".npy".length), yield* entryPlace(file, entry));
  }
  return { format: "npz", metadata: new Map(), entries, ignored: [], leftOut: [], unpacked };
}

function* entryPlace(file: FileInfo, entry: ZipEntry): Reading<Place> {
  const where = `${file.name}: ${quote(entry.name)}`;
  if (entry.method === 0) {
    const begin = yield* zipEntryStart(file, entry);
    const header = yield* readHeader(file, begin, begin + entry.size, where);
    // All of it, for the checksum.
    return placeOf(header, function* (offset, length) {
      return (yield* readZipEntry(file, entry)).subarray(offset - begin, offset - begin + length);
    });
  }
  const bytes = yield* readZipEntry(file, entry);
  const end = headerEnd(bytes, where);
  const header = checkLength(parseHeader(bytes.subarray(0, end), where), entry.size, where);
  const place = placeOf(header, function* (offset, length) {
    return (yield* readZipEntry(file, entry)).subarray(offset, offset + length);
  });
  return { ...place, cost: entry.size };
}

/** The header of the array in the bytes from `begin` to `end`. */
function* readHeader(file: FileInfo, begin: number, end: number, where: string): Reading<NpyHeader> {
  const start = yield* readRange(file, begin, Math.min(12, end - begin), "the header of .npy");
  const length = headerEnd(start, where);
  if (length > end - begin) throw new FormatError(`${where}: truncated: the header of .npy has ${length} bytes`);
  const header = parseHeader(yield* readRange(file, begin, length, "the header of .npy"), where);
  return { ...checkLength(header, end - begin, where), start: begin + length };
}

function checkLength(header: NpyHeader, size: number, where: string): NpyHeader {
  if (header.start + header.byteLength === size) return header;
  throw new FormatError(
    `${where}: the array should have ${header.byteLength} bytes after the header, but has ${size - header.start}`,
  );
}

function placeOf(header: NpyHeader, read: (offset: number, length: number) => Reading<Uint8Array>): Place {
  const { dtype, littleEndian, shape, strides, start, byteLength } = header;
  return { dtype, littleEndian, shape, strides, read: () => read(start, byteLength) };
}
