/**
 * Links of the repository's documents, as they have to be in the site. The site's pages lie as the repository's files do, so a
 * link from document to document stays as it is. A link to a file of code leads to a page that shows the file, which source.ts writes.
 */
import { posix } from "node:path";
import { listOf, pageOf } from "./source.ts";

/** Finds what a path of the repository is. */
export type Kind = (path: string) => "page" | "code" | "folder" | "none";

/** A page's text with its links as the site needs them, and the paths of the code and folders that it links to. */
export interface Rewritten {
  readonly text: string;
  readonly linked: readonly string[];
}

/** Behind a link of Markdown: the address is opened by the browser, since it is no page of VitePress's. */
export const WHOLE: string = '{target="_self"}';

/** The address of a page of the site, from the page at `from`. */
export function linkTo(page: string, from: string): string {
  return posix.relative(posix.dirname(from), page).replace(/^(?!\.)/, "./");
}

/**
 * Rewrites the links of `text`, a document that lies at `from` in the repository. What is between fences of code is left alone.
 *
 * @throws Error naming a link to nothing.
 */
export function rewriteLinks(text: string, from: string, kindOf: Kind): Rewritten {
  const linked: string[] = [];
  const rewrite = (whole: string, target: string): string => {
    if (/^[a-z]+:|^#/.test(target)) return whole;
    const [file, anchor] = target.split("#");
    const path = posix.normalize(posix.join(posix.dirname(from), file)).replace(/\/$/, "");
    const kind = kindOf(path);
    if (kind === "page") return whole;
    if (kind === "none") throw new Error(`${from} links to ${target}, which does not exist`);
    linked.push(path);
    // The decisions have a list of their own.
    if (path === "docs/decisions") return `](./${posix.relative(posix.dirname(from), path)}/index.md)`;
    const page = kind === "folder" ? listOf(path) : pageOf(path);
    return `](${linkTo(page, from)}${anchor === undefined ? "" : `#${anchor}`})${WHOLE}`;
  };
  const parts = text.split(/^(```[\s\S]*?^```)/m);
  const changed = parts.map((part) => (part.startsWith("```") ? part : part.replace(/\]\(([^)\s]+)\)/g, rewrite)));
  return { text: changed.join(""), linked };
}
