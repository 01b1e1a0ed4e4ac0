/** inflate against zlib, which wrote what it reads. */
import { deflateRawSync, constants as zlib } from "node:zlib";
import { describe, expect, test } from "vitest";
import { inflate } from "../../../src/io/zip/inflate.ts";
import { Rng } from "../../../src/tensor/index.ts";

const fail = (message: string): never => {
  throw new Error(message);
};
const bytes = (length: number, of: (i: number) => number): Uint8Array => Uint8Array.from({ length }, (_, i) => of(i));

const rng = new Rng(0);
const contents: [string, Uint8Array][] = [
  ["nothing", bytes(0, () => 0)],
  ["one byte", bytes(1, () => 65)],
  ["noise: stored blocks", bytes(70_000, () => Math.floor(rng.uniform() * 256))],
  ["zeros: repetitions of what is being written", bytes(100_000, () => 0)],
  ["periods of 300", bytes(50_000, (i) => (i % 300) * 7)],
  ["float32 weights", new Uint8Array(Float32Array.from({ length: 20_000 }, () => rng.normal() * 0.05).buffer)],
  ["symbols of very different frequency: long codes", bytes(60_000, () => Math.floor(256 * rng.uniform() ** 12))],
];

describe.each(contents)("%s", (_, whole) => {
  test.each([
    ["level 1", { level: 1 }],
    ["level 9", { level: 9 }],
    ["fixed codes", { strategy: zlib.Z_FIXED }],
    ["codes alone", { strategy: zlib.Z_HUFFMAN_ONLY }],
    ["run lengths", { strategy: zlib.Z_RLE }],
    ["stored", { level: 0 }],
  ])("%s", (_, options) => {
    const back = inflate(new Uint8Array(deflateRawSync(whole, options)), whole.length, fail);
    expect(Buffer.from(back).equals(whole)).toBe(true);
  });
});

describe("errors", () => {
  const text = bytes(1000, (i) => (i * i) % 61);
  const data = new Uint8Array(deflateRawSync(text));

  test("another size", () => {
    expect(() => inflate(data, 999, fail)).toThrow("expands to more than 999 bytes");
    expect(() => inflate(data, 1001, fail)).toThrow("expands to 1000 bytes, not 1001");
  });

  test.each([
    ["cut off", data.subarray(0, -1), "the compressed data end in a block"],
    ["nothing at all", data.subarray(0, 0), "the compressed data end in a block"],
    ["a fourth kind of block", Uint8Array.of(7), "a block of an unknown kind"],
    ["two lengths", Uint8Array.of(1, 1, 0, 0, 0), "a stored block has two lengths"],
    ["a stored block cut off", Uint8Array.of(1, 1, 0, 254, 255), "the compressed data end in a block"],
    ["a repetition of nothing", Uint8Array.of(0x03, 0x02), "a repetition from before the beginning"],
    ["too many codes", Uint8Array.of(5, 224, 147, 36, 73, 146, 36, 73, 146, 0), "more codes than their lengths allow"],
  ])("%s", (_, bad, message) => {
    expect(() => inflate(bad, 1000, fail)).toThrow(message);
  });

  test("any change of a byte: an error or 1000 bytes, never anything else", () => {
    let errors = 0;
    for (let i = 0; i < data.length; i++) {
      const bad = data.slice();
      bad[i] ^= 1 << (i % 8);
      try {
        expect(inflate(bad, 1000, fail).length).toBe(1000);
      } catch (error) {
        expect((error as Error).message).toMatch(/expands|compressed data|repetition|code|block/);
        errors++;
      }
    }
    expect(errors).toBeGreaterThan(data.length / 4);
  });
});
