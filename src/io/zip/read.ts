/**
 * Reads zip archives, as far as `torch.load` does: stored entries of any size (zip64), and deflated ones, which other
 * programs make of them.
 * PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end).
 *
 *     [local header, bytes] … [central directory: one record per entry] [zip64 end, its locator] [end, comment]
 *
 * The directory is found from the end of the file. An entry's bytes begin after its local header, and only the header
 * gives its own length.
 */
import { FormatError, quote } from "../errors.ts";
import { type FileInfo, type Reading, readRange } from "../source.ts";
import { decodeUtf8 } from "../utf8.ts";
import { crc32 } from "./crc32.ts";
import { inflate } from "./inflate.ts";

export interface ZipEntry {
  readonly name: string;
  /** Offset of the local header. */
  readonly header: number;
  /** Of the contents. */
  readonly size: number;
  /** Of the bytes in the archive. */
  readonly packed: number;
  /** 0 if none was computed (`torch.serialization.set_crc32_options(False)`). */
  readonly crc: number;
  /** 0: stored. 8: deflated. */
  readonly method: number;
}

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_RECORD = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const DIRECTORY_END_64 = 0x06064b50;
const DIRECTORY_LOCATOR_64 = 0x07064b50;
/** Stands in a 16-bit or 32-bit field whose value is in the zip64 record. */
const ELSEWHERE_16 = 0xffff;
const ELSEWHERE_32 = 0xffffffff;

/** Every entry of the archive by name. */
export function* readZipDirectory(file: FileInfo): Reading<Map<string, ZipEntry>> {
  const { count, offset, length } = yield* findDirectory(file);
  if (count * 46 > length) corrupt(file, `${count} entries in a directory of ${length} bytes`);
  const bytes = yield* readRange(file, offset, length, "the zip directory");
  const view = viewOf(bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > length || view.getUint32(at, true) !== DIRECTORY_RECORD) {
      corrupt(file, `no directory record at offset ${offset + at}`);
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const end = extraEnd + view.getUint16(at + 32, true);
    if (end > length) corrupt(file, `the directory record at offset ${offset + at} ends after the directory`);
    const name = decodeUtf8(bytes.subarray(at + 46, nameEnd));
    if (name === undefined) corrupt(file, `the name in the directory record at offset ${offset + at} is not UTF-8`);
    if (entries.has(name)) corrupt(file, `two entries are called ${quote(name)}`);
    const wide = zip64Fields(new DataView(bytes.buffer, bytes.byteOffset + nameEnd, extraEnd - nameEnd));
    // The zip64 field has only the values that do not fit, in this order.
    const [size, stored, header] = [24, 20, 42].map((field) => {
      const value = view.getUint32(at + field, true);
      return value === ELSEWHERE_32 ? (wide.shift() ?? value) : value;
    });
    const method = view.getUint16(at + 10, true);
    if (view.getUint16(at + 8, true) & 1) corrupt(file, `${quote(name)} is encrypted`);
    if (method === 0 && size !== stored)
      corrupt(file, `${quote(name)} is stored, but has two sizes: ${size} and ${stored}`);
    if (header + 30 + stored > offset)
      corrupt(file, `${quote(name)}: ${stored} bytes from offset ${header} reach into the directory`);
    entries.set(name, { name, header, size, packed: stored, crc: view.getUint32(at + 16, true), method });
    at = end;
  }
  return entries;
}

/** A file that was deflated may expand to this many times its size, and a little more. */
const mostExpansion = 100;

/**
 * A bound on what all entries hold, in bytes: the file's size, and those of the deflated entries.
 *
 * @throws FormatError for more than any weights that someone has compressed: a small file could fill the memory.
 */
export function unpackedSize(file: FileInfo, entries: ReadonlyMap<string, ZipEntry>): number {
  const size = [...entries.values()].reduce((sum, { method, size }) => sum + (method === 0 ? 0 : size), 0);
  if (size <= mostExpansion * file.size + 2 ** 16) return file.size + size;
  throw new FormatError(
    `${file.name}: the zip archive expands to ${size} bytes, more than ${mostExpansion} times the ${file.size} of the file`,
  );
}

/** The offset of an entry's bytes. */
export function* zipEntryStart(file: FileInfo, { name, header, packed }: ZipEntry): Reading<number> {
  const view = viewOf(yield* readRange(file, header, 30, `the local header of ${quote(name)}`));
  if (view.getUint32(0, true) !== LOCAL_HEADER) corrupt(file, `no local header of ${quote(name)} at offset ${header}`);
  const start = header + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + packed > file.size)
    corrupt(file, `${quote(name)} ends at offset ${start + packed}, but the file has ${file.size} bytes`);
  return start;
}

/** The contents of an entry, checked against its checksum. */
export function* readZipEntry(file: FileInfo, entry: ZipEntry): Reading<Uint8Array> {
  const { name, size, packed, method } = entry;
  if (method !== 0 && method !== 8) {
    throw new FormatError(
      `${file.name}: ${quote(name)} is compressed with zip method ${method}, known are 0 (stored) and 8 (deflated): load and save the file with PyTorch`,
    );
  }
  const start = yield* zipEntryStart(file, entry);
  const inArchive = yield* readRange(file, start, packed, quote(name));
  const bytes = method === 0 ? inArchive : inflate(inArchive, size, (what) => corrupt(file, `${quote(name)}: ${what}`));
  if (entry.crc !== 0 && crc32(bytes) !== entry.crc) corrupt(file, `the checksum of ${quote(entry.name)} is wrong`);
  return bytes;
}

interface Directory {
  readonly count: number;
  readonly offset: number;
  readonly length: number;
}

function* findDirectory(file: FileInfo): Reading<Directory> {
  // The end record has 22 bytes, and a comment of up to 65,535.
  const tailLength = Math.min(file.size, 22 + 0xffff);
  const tailStart = file.size - tailLength;
  const tail = viewOf(yield* readRange(file, tailStart, tailLength, "the zip end record"));
  let at = tailLength - 22;
  while (
    at >= 0 &&
    !(tail.getUint32(at, true) === DIRECTORY_END && at + 22 + tail.getUint16(at + 20, true) === tailLength)
  ) {
    at--;
  }
  if (at < 0) corrupt(file, "no directory at the end of the file: truncated?");
  let directory: Directory = {
    count: tail.getUint16(at + 10, true),
    length: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  let end = tailStart + at;
  if (directory.count === ELSEWHERE_16 || directory.length === ELSEWHERE_32 || directory.offset === ELSEWHERE_32) {
    if (at < 20 || tail.getUint32(at - 20, true) !== DIRECTORY_LOCATOR_64)
      corrupt(file, "the zip64 locator is missing");
    end = uint64(tail, at - 12);
    const record = viewOf(yield* readRange(file, end, 56, "the zip64 end record"));
    if (record.getUint32(0, true) !== DIRECTORY_END_64) corrupt(file, `no zip64 end record at offset ${end}`);
    directory = { count: uint64(record, 32), length: uint64(record, 40), offset: uint64(record, 48) };
  }
  if (directory.offset + directory.length > end) {
    corrupt(
      file,
      `the directory, ${directory.length} bytes from offset ${directory.offset}, reaches past its end at ${end}`,
    );
  }
  return directory;
}

/** The numbers in a directory record's zip64 field; none if there is no such field. */
function zip64Fields(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const length = Math.min(extra.getUint16(at + 2, true), extra.byteLength - at - 4);
    if (extra.getUint16(at, true) === 1) {
      return Array.from({ length: Math.min(3, length >> 3) }, (_, i) => uint64(extra, at + 4 + 8 * i));
    }
    at += 4 + length;
  }
  return [];
}

/** Exact below 2⁵³, and no file is larger. */
function uint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function corrupt(file: FileInfo, what: string): never {
  throw new FormatError(`${file.name}: corrupt zip archive: ${what}`);
}
