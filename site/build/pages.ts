/**
 * Gathers the site's pages: its own, the repository's documents as they are, and a page for each file of code that one of them
 * links to. They lie in .pages as the repository's files do.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, posix } from "node:path";
import { tourPage } from "../tour/page.ts";
import { pageExamples } from "./examples.ts";
import { type Kind, rewriteLinks } from "./links.ts";
import { pages, root, site } from "./places.ts";
import { folderPage, listOf, pageOf, sourcePage, sourceStyle } from "./source.ts";

/** Documents outside docs/. */
const OTHERS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "bench/README.md", "lab/experiments/README.md"];

/** Writes `text` to the page at `path` of .pages. */
export function writePage(path: string, text: string): void {
  mkdirSync(dirname(pages + path), { recursive: true });
  writeFileSync(pages + path, text);
}

/** Fills .pages anew with everything but what is computed. @throws Error naming a dead link. */
export function gatherPages(): void {
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages, { recursive: true });
  for (const name of readdirSync(site).filter((name) => name.endsWith(".md"))) cpSync(site + name, pages + name);
  if (existsSync(`${site}public`)) cpSync(`${site}public`, `${pages}public`, { recursive: true });
  cpSync(`${root}docs/images`, `${pages}docs/images`, { recursive: true });

  const documents = [...OTHERS, ...filesUnder("docs").filter((path) => path.endsWith(".md")), ...exampleDocuments()];
  const linked = new Set<string>(pageExamples.map(({ name }) => `examples/${name}`));
  for (const path of documents) {
    const { text, linked: more } = rewriteLinks(readFileSync(root + path, "utf8"), path, kindAmong(documents));
    for (const target of more) linked.add(target);
    writePage(path, path === "docs/tour.md" ? interactive(text) : withTitle(text, path));
  }
  linked.delete("docs/decisions");
  writePage("docs/decisions/index.md", decisions());
  writeCode(linked);
}

function exampleDocuments(): string[] {
  return filesUnder("examples").filter((path) => path.endsWith("README.md"));
}

/** What a path is for the links of documents: pictures count as pages, since they are beside the pages as well. */
function kindAmong(documents: readonly string[]): Kind {
  return (path) => {
    if (documents.includes(path) || path.startsWith("docs/images/")) return "page";
    if (!existsSync(root + path)) return "none";
    return statSync(root + path).isDirectory() ? "folder" : "code";
  };
}

/** The table of the decisions, made from their titles. */
function decisions(): string {
  const lines = decisionTitles().map(({ file, title }) => `- [${title}](./${file})`);
  return `# Decisions\n\nWhat someone might later want to undo, and what was measured then.\n\n${lines.join("\n")}\n`;
}

/** Each decision's file and title, oldest first. */
export function decisionTitles(): { readonly file: string; readonly title: string }[] {
  const folder = `${root}docs/decisions/`;
  return readdirSync(folder)
    .filter((name) => /^\d+.*\.md$/.test(name))
    .sort()
    .map((file) => ({ file, title: titleOf(readFileSync(folder + file, "utf8")) ?? file }));
}

/** The first heading of a document. */
export function titleOf(text: string): string | undefined {
  return /^# (.+)$/m.exec(text)?.[1].replaceAll("`", "");
}

/** The tour with its figures: the component <Tour> mounts them, and takes them away with the page. */
function interactive(text: string): string {
  return `${tourPage(text)}\n<Tour />\n`;
}

/** A document without a heading of its own gets one. */
function withTitle(text: string, path: string): string {
  return titleOf(text) === undefined ? `# ${posix.basename(path, ".md")}\n\n${text}` : text;
}

/** Pages of all of src, and of the linked code; of a linked folder the list of its files, each with its page. */
function writeCode(linked: ReadonlySet<string>): void {
  const folders = [...linked].filter((path) => statSync(root + path).isDirectory());
  const files = new Set([...linked].filter((path) => !folders.includes(path)));
  for (const path of [...filesUnder("src"), ...folders.flatMap(filesUnder)]) if (!isDocument(path)) files.add(path);
  for (const folder of folders) {
    const inside = filesUnder(folder).map((path) => {
      const page = isDocument(path) ? path.replace(/md$/, "html") : pageOf(path);
      return [path.slice(folder.length + 1), page] as const;
    });
    writePage(`public/${listOf(folder)}`, folderPage(folder, inside));
  }
  for (const path of files) writePage(`public/${pageOf(path)}`, sourcePage(path, readFileSync(root + path, "utf8")));
  writePage("public/source/source.css", sourceStyle());
}

/** Documents are pages of their own. */
function isDocument(path: string): boolean {
  return path.endsWith("README.md");
}

/** Paths of the files in a folder of the repository, and in the folders inside. */
function filesUnder(folder: string): string[] {
  return readdirSync(root + folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && name !== "node_modules" && name !== "build")
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]))
    .sort();
}
