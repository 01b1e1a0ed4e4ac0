/** Where things are. All paths are absolute; the command may be started from any folder. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository: the first folder above this file with a site in it; the file runs as it is in tests, compiled in the command. */
export const root: string = [2, 3]
  .map((up) => fileURLToPath(new URL("../".repeat(up), import.meta.url)))
  .find((folder) => existsSync(`${folder}site/package.json`))!;
/** The site's own package. */
export const site: string = `${root}site/`;
/** What VitePress reads: every page, copied or generated. */
export const pages: string = `${site}.pages/`;
/** What is made. */
export const dist: string = `${site}dist/`;
/** The packed images, beside the module that unpacks them. */
export const images: string = `${site}lab/packed/`;
/** The package of Fashion-MNIST, installed on request. */
export const fashion: string = `${site}fashion/`;

/** Stands in the built files for the site's address, until relative.ts has replaced it. */
export const MARKER: string = "/@skipstone@/";
