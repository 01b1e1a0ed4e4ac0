/** Photographs: decoding, and the geometry that torchvision's preprocessing has. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode as encodePng } from "fast-png";
import jpeg from "jpeg-js";
import { afterAll, describe, expect, it } from "vitest";
import { centerCrop, type Image, preprocess, readImage, resample, withChannels } from "../../../lab/models/image.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** One channel, from its rows. */
const gray = (...rows: readonly number[][]): Image => ({
  channels: 1,
  height: rows.length,
  width: rows[0].length,
  data: Float32Array.from(rows.flat()),
});

describe("readImage", () => {
  it("PNG: red and half-transparent green", () => {
    const data = Uint8Array.from([255, 0, 0, 255, 0, 51, 0, 127]);
    const png = encodePng({ width: 2, height: 1, data, channels: 4, depth: 8 });
    expect(readImage(file("a.png", png))).toEqual({
      channels: 3,
      height: 1,
      width: 2,
      data: Float32Array.from([1, 0, 0, 0.2, 0, 0]),
    });
  });

  it("PNG: 16-bit gray", () => {
    const png = encodePng({ width: 2, height: 1, data: Uint16Array.from([0, 65535]), channels: 1, depth: 16 });
    expect(readImage(file("b.png", png))).toEqual(gray([0, 1]));
  });

  it("JPEG: an even colour survives within its quantisation", () => {
    const data = new Uint8Array(16 * 16 * 4).fill(200);
    const {
      channels,
      width,
      height,
      data: values,
    } = readImage(file("c.jpg", jpeg.encode({ width: 16, height: 16, data }, 95).data));
    expect([channels, width, height]).toEqual([3, 16, 16]);
    for (const v of values) expect(Math.abs(v - 200 / 255)).toBeLessThanOrEqual(2 / 255);
  });

  it.each([
    ["missing.png", null, /cannot read the image .*missing\.png: no such file/],
    ["words.png", new TextEncoder().encode("not a picture"), /words\.png is neither a PNG nor a JPEG file$/],
    ["short.png", Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), /cannot decode the image .*short\.png: /],
    ["short.jpg", Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4]), /cannot decode the image .*short\.jpg: /],
  ])("%s: an error that names it", (name, bytes, message) => {
    const path = bytes ? file(name, bytes) : join(folder, name);
    expect(() => readImage(path)).toThrow(message);
  });
});

describe("resample", () => {
  it("halves by a triangle over four pixels", () => {
    // Around pixel 1 of 2: inputs at distance 0.25 and 0.75 output pixels weigh 3/8 and 1/8; at the edge the rest is scaled.
    expect(Array.from(resample(gray([0, 0, 8, 0]), 1, 2).data)).toEqual([8 / 7, (8 * 3) / 7].map(Math.fround));
  });

  it("the size it has: the same numbers", () => {
    const image = gray([1, 2, 3], [4, 5, 6]);
    expect(resample(image, 2, 3)).toEqual(image);
  });

  // torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True), PyTorch 2.13, with
  // x = ((arange(210) · 37 mod 101) / 101).reshape(1, 3, 7, 10): the first values of channel 1, and the sum of all.
  it.each([
    [4, 5, [0.388765, 0.394979, 0.437176, 0.538897, 0.591029, 0.519321], 29.3726],
    [9, 13, [0.643564, 0.229246, 0.16489, 0.446687, 0.728484, 0.279513], 172.5146],
    [3, 10, [0.569307, 0.364215, 0.30198, 0.454031, 0.463225, 0.40099], 44.333],
  ])("7×10 to %i×%i, as PyTorch", (height, width, first, sum) => {
    const data = Float32Array.from({ length: 210 }, (_, i) => ((i * 37) % 101) / 101);
    const { data: y } = resample({ channels: 3, height: 7, width: 10, data }, height, width);
    first.forEach((v, i) => {
      expect(y[height * width + i]).toBeCloseTo(v, 5);
    });
    expect(y.reduce((total, v) => total + v, 0)).toBeCloseTo(sum, 3);
  });
});

describe("centerCrop", () => {
  it("takes the middle; halves go to the even neighbour", () => {
    expect(Array.from(centerCrop(gray([0, 1, 2, 3, 4, 5, 6]), 2).data)).toEqual([2, 3, 0, 0]);
    expect(Array.from(centerCrop(gray([1, 2, 3], [4, 5, 6], [7, 8, 9]), 1).data)).toEqual([5]);
    expect(Array.from(centerCrop(gray([1, 2], [3, 4]), 1).data)).toEqual([1]);
    expect(Array.from(centerCrop(gray([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]), 1).data)).toEqual([3]);
  });

  it("a smaller image is surrounded by zeros", () => {
    expect(Array.from(centerCrop(gray([5]), 3).data)).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 0]);
    expect(centerCrop(gray([5]), 4).data.indexOf(5)).toBe(5);
  });
});

describe("withChannels", () => {
  it("gray is repeated, colours are weighed", () => {
    expect(Array.from(withChannels(gray([0.5]), 3).data)).toEqual([0.5, 0.5, 0.5]);
    const colours: Image = { channels: 3, height: 1, width: 1, data: Float32Array.from([1, 0.5, 0]) };
    expect(withChannels(colours, 1).data[0]).toBeCloseTo(0.299 + 0.587 / 2, 6);
    expect(() => withChannels(colours, 4)).toThrow("the network needs 4 channels; an image has 1 or 3");
  });
});

it("preprocess: resized, cropped, normalised, [1, C, crop, crop]", () => {
  const image = gray([1, 1, 1, 1], [1, 1, 1, 1]);
  const x = preprocess(image, { resize: 4, crop: 3, mean: [0.5], std: [0.25] });
  expect(x.shape).toEqual([1, 1, 3, 3]);
  expect(Array.from(x.data)).toEqual(new Array(9).fill(2));
});
