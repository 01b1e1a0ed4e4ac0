/** The figures of the tour. */

/** Puts figure `name` into `element`; the returned function takes it out again. */
export function mountTour(_element: HTMLElement, name: string): () => void {
  throw new Error(`mountTour: ${name} is not written yet`);
}

/** `mountTour` for every element with `data-tour` inside `root`. */
export function mountTours(_root: ParentNode): () => void {
  throw new Error("mountTours: not written yet");
}
