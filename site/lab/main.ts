/** The laboratory, mounted into an element of any page: two networks train side by side, and every layer's gradient is shown. */
import type { Images } from "./protocol.ts";
import type { Run } from "./state.ts";

/** What `loadImages` of images.ts gives. */
export interface Pictures {
  readonly train: Images;
  readonly test: Images;
}

export interface MountOptions {
  /** Where images come from; images.ts' own `loadImages` in the site, something small in tests. */
  readonly loadImages: (data: Run["data"], pixels: Run["pixels"]) => Promise<Pictures>;
}

/** Builds the laboratory in `element` (its content, the first picture, is replaced); the result ends workers and takes it away. */
export function mount(element: HTMLElement, options: MountOptions): () => void {
  throw new Error(`mount is not written yet: ${element.id} ${typeof options.loadImages}`);
}
