/** The digits of the page, as its build packs them: 14×14 pixels of 4 bits. */
import { readImages } from "../../lab/data/images.ts";
import type { RunImages } from "../../site/lab/duo.ts";
import type { Images } from "../../site/lab/protocol.ts";
import type { Dataset } from "../../src/index.ts";

let kept: Promise<RunImages> | undefined;

/** 10,000 digits to train on, 1,000 to test; the first of each class and two more are shown. */
export function digits(): Promise<RunImages> {
  kept ??= read();
  return kept;
}

async function read(): Promise<RunImages> {
  const { images } = await readImages({ directory: undefined, size: "half" });
  const [train, test] = [packed(images.train, 10_000), packed(images.test, 1_000)];
  const firsts = Array.from({ length: 10 }, (_, digit) => test.labels.indexOf(digit));
  return { train, test, shown: [...firsts, 8, 18] };
}

function packed({ images, labels, shape }: Dataset, count: number): Images {
  const pixels = shape[2];
  const values = Uint8Array.from(images.subarray(0, count * pixels ** 2), (_, i) => 17 * Math.round(15 * images[i]));
  return { images: values, labels: Uint8Array.from(labels.subarray(0, count)), pixels };
}
