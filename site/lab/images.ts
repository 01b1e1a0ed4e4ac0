/**
 * The images that the page trains on: packed when the site is built (build/data.ts), unpacked here. They travel as numbers of
 * 4 bits, never as a picture: a browser that guards its reader's privacy may falsify what is read back from a canvas.
 */
import type { Images } from "./protocol.ts";

/** What a run trains on, what it is tested on, and which of the test images the page shows. */
export interface LoadedImages {
  readonly train: Images;
  readonly test: Images;
  /** Places in `test`: the first of each class, then two that are hard to read. */
  readonly shown: readonly number[];
}

/**
 * Fetches and unpacks a set of images; the second call gets the first one's result.
 *
 * @throws Error saying what could not be fetched, or that this site was built without the set.
 */
export function loadImages(_name: "digits" | "fashion", _pixels: 14 | 28): Promise<LoadedImages> {
  throw new Error("not there yet");
}
