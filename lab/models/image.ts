/** Photographs as raw pixels, decoded by a library; `imageToTensor` makes a network's input of them. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import type { Pixels } from "../../src/data/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";

export interface Photograph {
  /** Upright, without transparency: 1 or 3 channels, of 8 or 16 bits. */
  readonly pixels: Pixels;
  /** How the file's pixels were turned (EXIF's 1 … 8); 1: they were upright. */
  readonly orientation: number;
}

/**
 * Reads a PNG, JPEG, WebP, AVIF or GIF file; its first bytes say which. Of an animation the first picture. The numbers are
 * Pillow's: colour profiles are ignored, transparency is dropped.
 *
 * @throws UsageError for a file that cannot be read or is none of them.
 */
export async function readImage(path: string): Promise<Photograph> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read the image ${path}: ${reasonOf(error)}`);
  }
  const format = formatOf(bytes);
  if (format === "HEIC") {
    throw new UsageError(
      `${path} is a HEIC file, which cannot be decoded here: convert it to JPEG first (macOS: sips -s format jpeg; elsewhere: heif-convert)`,
    );
  }
  if (!format) throw new UsageError(`${path} is no PNG, JPEG, WebP, AVIF or GIF file`);
  try {
    return await decode(bytes);
  } catch (error) {
    throw new UsageError(`cannot decode the image ${path}: ${messageOf(error)}`);
  }
}

function formatOf(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith("\x89PNG")) return "PNG";
  if (text.startsWith("\xff\xd8")) return "JPEG";
  if (text.startsWith("GIF8")) return "GIF";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "WebP";
  if (text.endsWith("ftypavif") || text.endsWith("ftypavis")) return "AVIF";
  return /ftyp(hei[cxms]|hev[cx]|mif1|msf1)$/.test(text) ? "HEIC" : undefined;
}

async function decode(bytes: Uint8Array): Promise<Photograph> {
  const image = sharp(bytes, { autoOrient: true, ignoreIcc: true, failOn: "error" });
  const { space, depth, orientation = 1 } = await image.metadata();
  const deep = depth === "ushort";
  const cmyk = space === "cmyk";
  if (cmyk) image.pipelineColourspace("cmyk");
  if (deep) image.pipelineColourspace("rgb16");
  const { data, info } = await image
    .toColourspace(space)
    .removeAlpha()
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  // A copy begins at a multiple of two bytes, as 16-bit numbers must.
  const values = deep ? new Uint16Array(new Uint8Array(data).buffer) : data;
  return { pixels: { width, height, data: cmyk ? fromInks(values) : values }, orientation };
}

/** Cyan, magenta, yellow, black to red, green, blue as Pillow does: each ink takes its share of the light. */
function fromInks(inks: Uint8Array | Uint16Array): Uint8Array {
  const data = new Uint8Array((inks.length / 4) * 3);
  for (let i = 0; i < inks.length / 4; i++) {
    const light = 255 - inks[4 * i + 3];
    for (let c = 0; c < 3; c++) data[3 * i + c] = light - Math.round((light * inks[4 * i + c]) / 255);
  }
  return data;
}
