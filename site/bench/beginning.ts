/** What both threads of the bench begin with: the default preset's run, and the page's own images. */
import { type LoadedImages, readImages } from "../lab/images.ts";
import { DEFAULT_RUN, type Run } from "../lab/state.ts";

/** From the bytes of the packed images, inflated. */
export function beginning(bytes: Uint8Array): { readonly run: Run; readonly images: LoadedImages } {
  return { run: DEFAULT_RUN, images: readImages(bytes) };
}
