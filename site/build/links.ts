/**
 * Links of the repository's documents, as they have to be in the site. The site's pages lie as the repository's files do, so a
 * link from document to document stays as it is. A link to a file of code leads to a page that shows the file.
 */
import { posix } from "node:path";

/** Finds what a path of the repository is. */
export type Kind = (path: string) => "page" | "code" | "folder" | "none";

/** A page's text with its links as the site needs them, and the paths of the code and folders that it links to. */
export interface Rewritten {
  readonly text: string;
  readonly linked: readonly string[];
}

/** Where the page of a file of code lies, from the root of the site, without its extension. */
export function pageOf(path: string): string {
  return `source/${path}`;
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
    const page = posix.relative(posix.dirname(from), `${pageOf(path)}${kind === "folder" ? "/index" : ""}.md`);
    return `](${page.startsWith(".") ? page : `./${page}`}${anchor === undefined ? "" : `#${anchor}`})`;
  };
  const parts = text.split(/^(```[\s\S]*?^```)/m);
  const changed = parts.map((part) => (part.startsWith("```") ? part : part.replace(/\]\(([^)\s]+)\)/g, rewrite)));
  return { text: changed.join(""), linked };
}
