/**
 * The images that the page trains on: packed when the site is built (build/data.ts), unpacked here. They travel as numbers of
 * 4 bits, never as a picture: a browser that guards its reader's privacy may falsify what is read back from a canvas.
 *
 * A packed file is deflated (RFC 1950). Inside: 5 numbers of 32 bits, little-endian (MAGIC, pixels, training images, test images,
 * shown images), the shown images' places as numbers of 32 bits, one byte per label, then the images, two pixels per byte, the
 * first in the lower four bits; training images come before test images.
 */
import type { Images } from "./protocol.ts";

/** What a run trains on, what it is tested on, and which of the test images the page shows. */
export interface LoadedImages {
  readonly train: Images;
  readonly test: Images;
  /** Places in `test`: the first of each class, then two that are hard to read. */
  readonly shown: readonly number[];
}

/** "SKI4": begins every packed set of images. */
const MAGIC = 0x34494b53;
/** A pixel's 4 bits, 0 … 15, times this are 0 … 255. */
const STEP = 17;

const loading = new Map<string, Promise<LoadedImages>>();

/**
 * Fetches and unpacks a set of images; the second call gets the first one's result.
 *
 * @throws Error saying what could not be fetched, or that this site was built without the set.
 */
export function loadImages(name: "digits" | "fashion", pixels: 14 | 28): Promise<LoadedImages> {
  const key = `${name}-${pixels}`;
  const before = loading.get(key);
  if (before) return before;
  const result = fetchImages(name, pixels);
  loading.set(key, result);
  // What failed may be tried again.
  result.catch(() => loading.delete(key));
  return result;
}

/** Whether this site was built with a set of images: fashion is there only if someone asked for it. */
export function hasImages(name: "digits" | "fashion"): boolean {
  return addressOf(name, 14).pathname.endsWith(".bin");
}

/** The bundler knows which files there are: an address of one that is not there ends in "undefined". */
function addressOf(name: string, pixels: number): URL {
  return new URL(`./packed/${name}-${pixels}.bin`, import.meta.url);
}

async function fetchImages(name: "digits" | "fashion", pixels: 14 | 28): Promise<LoadedImages> {
  if (!hasImages(name)) {
    throw new Error(`this site was built without the images "${name}": npm run site -- --fashion builds it with them`);
  }
  const response = await fetch(addressOf(name, pixels));
  if (!response.ok) throw new Error(`the images "${name}" could not be fetched: ${response.status}`);
  return readImages(await inflate(new Uint8Array(await response.arrayBuffer())));
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The bytes of a file before it is deflated. Pixels keep their upper 4 bits, rounded. */
export function writeImages({ train, test, shown }: LoadedImages): Uint8Array {
  const pixels = train.pixels;
  const head = Uint32Array.of(MAGIC, pixels, train.labels.length, test.labels.length, shown.length, ...shown);
  const bytes = new Uint8Array(4 * head.length + (train.labels.length + test.labels.length) * (1 + pixels ** 2 / 2));
  const view = new DataView(bytes.buffer);
  for (const [i, value] of head.entries()) view.setUint32(4 * i, value, true);
  let at = 4 * head.length;
  for (const { labels } of [train, test]) {
    bytes.set(labels, at);
    at += labels.length;
  }
  for (const { images } of [train, test]) {
    for (let i = 0; i < images.length; i += 2) {
      bytes[at++] = Math.round(images[i] / STEP) | (Math.round(images[i + 1] / STEP) << 4);
    }
  }
  return bytes;
}

/** Reads what `writeImages` wrote. @throws Error if it is something else, or not all of it. */
export function readImages(bytes: Uint8Array): LoadedImages {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 20 || view.getUint32(0, true) !== MAGIC) throw new Error("these are no packed images");
  const [pixels, trains, tests, shows] = [4, 8, 12, 16].map((at) => view.getUint32(at, true));
  let at = 20 + 4 * shows;
  if (bytes.length !== at + (trains + tests) * (1 + pixels ** 2 / 2)) {
    throw new Error(
      `packed images of ${bytes.length} bytes do not hold ${trains + tests} images of ${pixels}×${pixels} pixels`,
    );
  }
  const shown = Array.from({ length: shows }, (_, i) => view.getUint32(20 + 4 * i, true));
  const labels = [bytes.slice(at, at + trains), bytes.slice(at + trains, at + trains + tests)];
  at += trains + tests;
  const [train, test] = [trains, tests].map((count, i) => {
    const images = new Uint8Array(count * pixels ** 2);
    for (let to = 0; to < images.length; at++) {
      images[to++] = (bytes[at] & 15) * STEP;
      images[to++] = (bytes[at] >> 4) * STEP;
    }
    return { images, labels: labels[i], pixels };
  });
  return { train, test, shown };
}
