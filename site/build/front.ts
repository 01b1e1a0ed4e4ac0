/**
 * Puts the first picture into the front page: what the library computes at step 0, drawn before any script runs. It is a file of its
 * own: in the page it would stand in its HTML and in its script.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { writePage } from "./pages.ts";
import { pages, root, site } from "./places.ts";

const PLACE = "<!-- the first picture -->";

/** Fills the place in .pages/index.md. @throws Error if the page has no place for it. */
export async function fillFront(): Promise<void> {
  const page = `${pages}index.md`;
  const text = readFileSync(page, "utf8");
  if (!text.includes(PLACE)) throw new Error("site/index.md has no place for the first picture");
  const pictures = await firstPicture();
  const figure = Object.entries(pictures).map(([theme, svg]) => {
    writePage(`public/first-${theme}.svg`, svg);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!;
    const words = /aria-label="([^"]*)"/.exec(svg)![1];
    // Only the one that is shown is fetched.
    return `<img class="first-${theme}" src="/first-${theme}.svg" alt="${words}" width="${width}" height="${height}" loading="lazy">`;
  });
  writeFileSync(
    page,
    text.replace(PLACE, () => `<div class="first-picture">${figure.join("")}</div>`),
  );
}

/** Bundles first.ts, whose modules import the package by its name, and runs it. */
async function firstPicture(): Promise<Readonly<Record<string, string>>> {
  const source = `${site}build/first.ts`;
  if (!existsSync(source)) return {};
  const file = `${root}build/site/first.mjs`;
  await build({
    entryPoints: [source],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    alias: { skipstone: `${root}src/index.ts` },
    logLevel: "error",
  });
  const { firstPicture: draw } = (await import(pathToFileURL(file).href)) as {
    firstPicture: () => Promise<Readonly<Record<string, string>>>;
  };
  return await draw();
}
