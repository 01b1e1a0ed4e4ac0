/** Photographs: every format as Pillow decodes it, upright; and files that cannot be read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode as encodePng } from "fast-png";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { readImage } from "../../../lab/models/image.ts";

interface Decoded {
  /** All in base64; the pixels are Pillow's, upright. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
}

const { decoded } = JSON.parse(readFileSync("test/golden/pictures/pictures.json", "utf8")) as {
  decoded: Readonly<Record<string, Decoded>>;
};
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

const folder = mkdtempSync(join(tmpdir(), "skipstone-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe("readImage", () => {
  it.each(Object.entries(decoded))("%s: Pillow's pixels", async (_, { file: base64, width, height, rgb }) => {
    const { pixels } = await readImage(file("picture", bytesOf(base64)));
    expect([pixels.width, pixels.height]).toEqual([width, height]);
    const step = pixels.data.length / (width * height);
    const colours = Array.from({ length: 3 * width * height }, (_, i) =>
      step === 1 ? pixels.data[Math.floor(i / 3)] : pixels.data[i],
    );
    expect(colours).toEqual(Array.from(bytesOf(rgb)));
  });

  it("PNG: red and half-transparent green", async () => {
    const data = Uint8Array.from([255, 0, 0, 255, 0, 51, 0, 127]);
    const { pixels } = await readImage(file("a.png", encodePng({ width: 2, height: 1, data, channels: 4, depth: 8 })));
    expect({ ...pixels, data: Array.from(pixels.data) }).toEqual({ width: 2, height: 1, data: [255, 0, 0, 0, 51, 0] });
  });

  it.each([1, 2, 3, 4] as const)("PNG of 16 bits, %i channels: all of them", async (channels) => {
    const data = Uint16Array.from({ length: 3 * channels }, (_, i) => (i * 12347) % 65536);
    const png = encodePng({ width: 3, height: 1, data, channels, depth: 16 });
    const { pixels } = await readImage(file("b.png", png));
    const kept = channels < 3 ? 1 : 3;
    expect(pixels.data).toEqual(data.filter((_, i) => i % channels < kept));
  });

  it("AVIF, within its loss", async () => {
    const { rgb, width, height } = decoded["jpeg 444"];
    const raw = { width, height, channels: 3 } as const;
    const avif = await sharp(bytesOf(rgb), { raw }).avif({ quality: 90, chromaSubsampling: "4:4:4" }).toBuffer();
    const { pixels } = await readImage(file("a.avif", avif));
    expect([pixels.width, pixels.height]).toEqual([width, height]);
    const expected = bytesOf(rgb);
    const off = Array.from(pixels.data, (v, i) => Math.abs(v - expected[i]));
    expect(off.reduce((sum, v) => sum + v, 0) / off.length).toBeLessThan(4);
  });

  // Where the pixel of row y and column x of the upright picture lies in a file of 2 rows and 3 columns.
  it.each([
    [1, (y: number, x: number) => [y, x]],
    [2, (y: number, x: number) => [y, 2 - x]],
    [3, (y: number, x: number) => [1 - y, 2 - x]],
    [4, (y: number, x: number) => [1 - y, x]],
    [5, (y: number, x: number) => [x, y]],
    [6, (y: number, x: number) => [1 - x, y]],
    [7, (y: number, x: number) => [1 - x, 2 - y]],
    [8, (y: number, x: number) => [x, 2 - y]],
  ] as const)("EXIF orientation %i", async (orientation, origin) => {
    const data = Uint8Array.from([10, 20, 30, 40, 50, 60]);
    const stored = sharp(data, { raw: { width: 3, height: 2, channels: 1 } });
    const png = await stored.withMetadata({ orientation }).png().toBuffer();
    const image = await readImage(file("turned.png", png));
    const [width, height] = orientation < 5 ? [3, 2] : [2, 3];
    expect(image.orientation).toBe(orientation);
    expect([image.pixels.width, image.pixels.height]).toEqual([width, height]);
    const upright = Array.from({ length: 6 }, (_, i) => {
      const [y, x] = origin(Math.floor(i / width), i % width);
      return data[3 * y + x];
    });
    // The file is one of three equal channels.
    expect(Array.from(image.pixels.data)).toEqual(upright.flatMap((v) => [v, v, v]));
  });

  it.each([
    ["missing.png", null, /cannot read the image .*missing\.png: no such file/],
    ["words.png", new TextEncoder().encode("not a picture"), /words\.png is no PNG, JPEG, WebP, AVIF or GIF file$/],
    ["short.png", Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), /cannot decode the image .*short\.png: /],
    ["short.jpg", Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4]), /cannot decode the image .*short\.jpg: /],
    ["cut.jpg", bytesOf(decoded["jpeg 420"].file).subarray(0, 700), /cannot decode the image .*cut\.jpg: /],
    [
      "phone.heic",
      new TextEncoder().encode("\0\0\0\x18ftypheic\0\0"),
      /phone\.heic is a HEIC file, .* convert it to JPEG/,
    ],
  ])("%s: an error that names it", async (name, bytes, message) => {
    const path = bytes ? file(name, bytes) : join(folder, name);
    await expect(readImage(path)).rejects.toThrow(message);
  });
});
