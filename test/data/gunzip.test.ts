import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { gunzip } from "../../src/data/index.ts";

const plain = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i) >>> 3);
const packed = new Uint8Array(gzipSync(plain));

test("what gzip packed comes out again", async () => {
  expect(await gunzip(packed)).toEqual(plain);
  expect(await gunzip(new Uint8Array(gzipSync(new Uint8Array(0))))).toEqual(new Uint8Array(0));
});

test.each([
  ["not gzip", Uint8Array.of(0, 0, 8, 3), "a.gz: not a gzip file"],
  ["truncated", packed.subarray(0, packed.length >> 1), "a.gz: corrupt or truncated gzip data"],
  ["only the magic", packed.subarray(0, 2), "a.gz: corrupt or truncated gzip data"],
  ["a flipped byte", packed.map((byte, i) => (i === packed.length >> 1 ? byte ^ 0x55 : byte)), "a.gz: corrupt"],
  ["a wrong checksum", packed.map((byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte)), "a.gz: corrupt"],
  ["bytes after the end", Uint8Array.from([...packed, 1, 2, 3, 4, 5]), "a.gz: corrupt"],
])("error: %s", async (_, bytes, message) => {
  await expect(gunzip({ name: "a.gz", bytes })).rejects.toThrow(message);
});
