/** Where things are. All paths are absolute; the command may be started from any folder. */
import { fileURLToPath } from "node:url";

/** The repository: from build/site/build, where this runs, three folders up. */
export const root: string = fileURLToPath(new URL("../../../", import.meta.url));
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
