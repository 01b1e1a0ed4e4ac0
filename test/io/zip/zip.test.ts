import { crc32 as nodeCrc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../src/io/index.ts";
import { readNow } from "../../../src/io/source.ts";
import { joinChunks } from "../../../src/io/writing.ts";
import { crc32 } from "../../../src/io/zip/crc32.ts";
import { readZipDirectory, readZipEntry } from "../../../src/io/zip/read.ts";
import { zipChunks } from "../../../src/io/zip/write.ts";
import { Rng } from "../../../src/tensor/index.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const archive = joinChunks(
  zipChunks([
    { name: "a/b", bytes: text("hello") },
    { name: "é", bytes: text("") },
  ]),
);

function entriesOf(bytes: Uint8Array) {
  return readNow(bytes, readZipDirectory({ name: "z", size: bytes.length }));
}

function contents(bytes: Uint8Array, name: string): string {
  const file = { name: "z", size: bytes.length };
  return new TextDecoder().decode(readNow(bytes, readZipEntry(file, entriesOf(bytes).get(name)!)));
}

/** A copy with some bytes overwritten. A negative offset counts from the end. */
function patched(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at < 0 ? bytes.length + at : at);
  return copy;
}

/** Where the directory begins, and its records. */
const directory = new DataView(archive.buffer).getUint32(archive.length - 6, true);

describe("crc32", () => {
  test("the check value of the standard: 123456789 → cbf43926", () => {
    expect(crc32(text("123456789")).toString(16)).toBe("cbf43926");
    expect(crc32(text(""))).toBe(0);
  });

  test("against zlib, at every length up to 70 and a large one", () => {
    const rng = new Rng(5);
    const bytes = Uint8Array.from({ length: 100_001 }, () => rng.integer(256));
    for (let n = 0; n < 70; n++) expect(crc32(bytes.subarray(1, 1 + n))).toBe(nodeCrc32(bytes.subarray(1, 1 + n)));
    expect(crc32(bytes)).toBe(nodeCrc32(bytes));
  });
});

describe("zip archives", () => {
  test("written and read; every entry's bytes at a multiple of 64", () => {
    expect([...entriesOf(archive).keys()]).toEqual(["a/b", "é"]);
    expect(contents(archive, "a/b")).toBe("hello");
    expect(contents(archive, "é")).toBe("");
    expect(Buffer.from(archive.subarray(64, 69)).toString()).toBe("hello");
  });

  test("with a comment at its end", () => {
    const withComment = joinChunks([patched(archive, -2, 3, 0), text("abc")]);
    expect(contents(withComment, "a/b")).toBe("hello");
  });

  test("zip64: sizes, offset, count and directory in 64-bit fields", () => {
    const name = text("a");
    const local = archive.slice(0, 30);
    const view = new DataView(local.buffer);
    view.setUint16(26, 1, true);
    view.setUint16(28, 0, true);
    const bytes = text("hello");
    const record = new DataView(new ArrayBuffer(46 + 1 + 4 + 24));
    record.setUint32(0, 0x02014b50, true);
    record.setUint32(16, crc32(bytes), true);
    for (const field of [20, 24, 42]) record.setUint32(field, 0xffffffff, true);
    record.setUint16(28, 1, true);
    record.setUint16(30, 28, true);
    record.setUint8(46, name[0]);
    record.setUint16(47, 1, true);
    record.setUint16(49, 24, true);
    record.setBigUint64(51, 5n, true);
    record.setBigUint64(59, 5n, true);
    record.setBigUint64(67, 0n, true);
    const start = local.length + 1 + bytes.length;
    const end64 = new DataView(new ArrayBuffer(56));
    end64.setUint32(0, 0x06064b50, true);
    end64.setBigUint64(32, 1n, true);
    end64.setBigUint64(40, BigInt(record.byteLength), true);
    end64.setBigUint64(48, BigInt(start), true);
    const locator = new DataView(new ArrayBuffer(20));
    locator.setUint32(0, 0x07064b50, true);
    locator.setBigUint64(8, BigInt(start + record.byteLength), true);
    const end = new DataView(new ArrayBuffer(22));
    end.setUint32(0, 0x06054b50, true);
    end.setUint16(10, 0xffff, true);
    end.setUint32(12, 0xffffffff, true);
    end.setUint32(16, 0xffffffff, true);
    const rest = [record, end64, locator, end].map(({ buffer }) => new Uint8Array(buffer));
    const file = joinChunks([local, name, bytes, ...rest]);
    expect(contents(file, "a")).toBe("hello");
    const headless = joinChunks([local, name, bytes, rest[0], rest[1], rest[3]]);
    expect(() => entriesOf(headless)).toThrow("z: corrupt zip archive: the zip64 locator is missing");
    expect(() => entriesOf(patched(file, file.length - 98, 0))).toThrow("no zip64 end record at offset");
  });
});

describe("errors", () => {
  test.each([
    ["cut off", archive.subarray(0, archive.length - 1), "no directory at the end of the file: truncated?"],
    ["nothing", new Uint8Array(0), "no directory at the end of the file"],
    ["more entries than records", patched(archive, -12, 9), "9 entries in a directory of"],
    ["a directory past its end", patched(archive, -6, 255, 255), "reaches past its end at"],
    ["a record that is none", patched(archive, directory, 0), `no directory record at offset ${directory}`],
    [
      "a record that ends later",
      patched(archive, directory + 32, 255),
      `the directory record at offset ${directory} ends after`,
    ],
    ["a name that is not UTF-8", patched(archive, directory + 46, 255), "is not UTF-8"],
    ["encrypted", patched(archive, directory + 8, 1), '"a/b" is encrypted'],
    ["two sizes", patched(archive, directory + 20, 4), '"a/b" is stored, but has two sizes: 5 and 4'],
    ["an offset in the directory", patched(archive, directory + 44, 1), '"a/b": 5 bytes from offset'],
  ])("of the directory: %s", (_, bytes, message) => {
    expect(() => entriesOf(bytes)).toThrow(FormatError);
    expect(() => entriesOf(bytes)).toThrow(`z: corrupt zip archive: `);
    expect(() => entriesOf(bytes)).toThrow(message);
  });

  test("a name twice", () => {
    const twice = joinChunks(
      zipChunks([
        { name: "a", bytes: text("1") },
        { name: "a", bytes: text("2") },
      ]),
    );
    expect(() => entriesOf(twice)).toThrow('two entries are called "a"');
  });

  test.each([
    ["another method", patched(archive, directory + 10, 12), 'z: "a/b" is compressed with zip method 12, known are 0'],
    ["stored, but called deflated", patched(archive, directory + 10, 8), 'z: corrupt zip archive: "a/b": '],
    ["no local header", patched(archive, 0, 0), 'no local header of "a/b" at offset 0'],
    ["a local header that reaches too far", patched(archive, 29, 255), '"a/b" ends at offset'],
    ["changed bytes", patched(archive, 64, 0), 'z: corrupt zip archive: the checksum of "a/b" is wrong'],
  ])("of an entry: %s", (_, bytes, message) => {
    expect(() => contents(bytes, "a/b")).toThrow(FormatError);
    expect(() => contents(bytes, "a/b")).toThrow(message);
  });

  test("a checksum of 0 was never computed, and is not held against the bytes", () => {
    const without = patched(patched(archive, directory + 16, 0, 0, 0, 0), 64, 0x48);
    expect(contents(without, "a/b")).toBe("Hello");
  });
});
