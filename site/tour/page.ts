/**
 * docs/tour.md as a page of the site: where the Markdown has a marker, the page has a figure.
 *
 * A marker is a comment in a line of its own, `<!-- figure: branch -->`, which readers of the Markdown do not see. Directly above
 * a code block it puts the figure in the place of the block; elsewhere it puts a figure there. The block stays inside the
 * figure's element: it is what the page shows without scripts, and until `mountTour` (tour.ts) has run.
 */

/** Names of the figures, in the order of the computation. */
export const figureNames: readonly FigureName[] = [
  "input",
  "branch",
  "sum",
  "mean",
  "scores",
  "scores-back",
  "mean-back",
  "pixels-back",
  "sum-back",
  "pixel-back",
  "weights-back",
];

/** A figure of the tour: a part of the computation, forward or backward. */
export type FigureName =
  | "input"
  | "branch"
  | "sum"
  | "mean"
  | "scores"
  | "scores-back"
  | "mean-back"
  | "pixels-back"
  | "sum-back"
  | "pixel-back"
  | "weights-back";

const MARKER = /^<!-- figure: ([\w-]+) -->\n(```[^\n]*\n[\s\S]*?^```\n)?/gm;

/**
 * The Markdown of the site's page: each marker becomes `<div class="tour-figure" data-tour="NAME">`, with the block below it
 * inside. Everything else is as it was.
 *
 * @throws Error for a marker that names no figure.
 */
export function tourPage(markdown: string): string {
  return markdown.replace(MARKER, (_, name: string, block: string | undefined) => {
    if (!(figureNames as readonly string[]).includes(name)) {
      throw new Error(`the tour has a marker for "${name}"; figures are ${figureNames.join(", ")}`);
    }
    const inside = block === undefined ? "" : `\n${block.trim()}\n\n`;
    return `<div class="tour-figure" data-tour="${name}">\n${inside}</div>\n\n`;
  });
}
