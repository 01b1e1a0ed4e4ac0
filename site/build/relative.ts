/**
 * Makes a built site independent of its address. VitePress wants to know its base when it builds, and builds here with a marker;
 * afterwards the marker becomes, by kind of file:
 *
 *   HTML      the way from that page up to the site's root: "./", "../", "../../", …
 *   scripts   `__VP_BASE__`, which each page finds out from its own address before any script runs
 *   CSS       the way from the file up to the root
 *
 * So a folder of the site works at any address of any host. A test serves it from /a/b/ and follows every link.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { posix } from "node:path";

/** A parser of JavaScript, such as Rollup's `parseAst`: gives the program's tree with places in the text. */
export type Parse = (text: string) => object;

/** Every file of a folder and of the folders inside, as paths with slashes, sorted. */
export function filesOf(folder: string, inside = ""): string[] {
  return readdirSync(folder + inside)
    .sort()
    .flatMap((name) =>
      statSync(folder + inside + name).isDirectory() ? filesOf(folder, `${inside}${name}/`) : [inside + name],
    );
}

/** The way from a file to the root of the site. */
export function wayUp(path: string): string {
  return "../".repeat(path.split("/").length - 1) || "./";
}

/** Replaces `marker` in every file of `folder`. @throws Error if it stays anywhere. */
export function makeRelative(folder: string, marker: string, parse: Parse): void {
  for (const path of filesOf(folder)) {
    if (!/\.(html|js|css|json)$/.test(path)) continue;
    const before = readFileSync(folder + path, "utf8");
    if (!before.includes(marker)) continue;
    const after = relativeText(path, before, marker, parse);
    if (after.includes(marker)) throw new Error(`${path} has the site's address where relative.ts does not replace it`);
    writeFileSync(folder + path, after);
  }
}

/** One file's text without the marker. */
export function relativeText(path: string, text: string, marker: string, parse: Parse): string {
  const kind = posix.extname(path);
  if (kind === ".html") return relativeHtml(path, text, marker);
  if (kind === ".js") return relativeScript(text, marker, parse);
  return text.replaceAll(marker, wayUp(path));
}

/**
 * The page learns where the site's root is: up from its own address. And the links that stay when the reader goes on to a page of
 * another folder, such as those of the head, become absolute before scripts take over.
 */
function relativeHtml(path: string, text: string, marker: string): string {
  const up = wayUp(path);
  const base = `__VP_BASE__=new URL(${JSON.stringify(up)},location.href).pathname`;
  const links =
    'for(const a of document.querySelectorAll("a[href],link[rel=icon]")){const u=new URL(a.getAttribute("href"),location);' +
    'if(u.origin===location.origin)a.setAttribute("href",u.pathname+u.search+u.hash)}';
  return text
    .replace(
      /<meta charset="[^"]*">/i,
      (charset) => `${charset}\n    <script>${base}${path === "404.html" ? `;${FIND_ROOT}` : ""}</script>`,
    )
    .replace("</body>", () => `<script>${links}</script></body>`)
    .replaceAll(marker, up);
}

/**
 * A host answers every address with 404.html, in whatever folder, and relative addresses then lead nowhere. The page looks for the
 * site's root among the folders above, known by a file that only the root has, and shows itself there.
 */
const FIND_ROOT =
  '(async()=>{const here=new URL(".",location);for(let up=here;;up=new URL("..",up)){' +
  'const answer=await fetch(new URL("hashmap.json",up),{method:"HEAD"}).catch(()=>null);' +
  'if(answer?.ok){if(up.href!==here.href)location.replace(new URL("404.html",up));return}' +
  'if(up.pathname==="/")return}})()';

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A string with the marker in it becomes one that is put together when the script runs. */
export function relativeScript(text: string, marker: string, parse: Parse): string {
  const base = "globalThis.__VP_BASE__";
  const pieces: Piece[] = [];
  visit(parse(text), (node) => {
    const { type, start, end, value } = node;
    if (type === "Literal" && typeof value === "string" && value.includes(marker)) {
      const parts = value.split(marker).map((part) => JSON.stringify(part));
      pieces.push({ start, end, text: value === marker ? `(${base})` : `[${parts}].join(${base})` });
    }
    if (type === "TemplateElement" && text.slice(start, end).includes(marker)) {
      pieces.push({ start, end, text: text.slice(start, end).replaceAll(marker, `\${${base}}`) });
    }
  });
  pieces.sort((a, b) => a.start - b.start);
  let at = 0;
  let result = "";
  for (const piece of pieces) {
    result += text.slice(at, piece.start) + piece.text;
    at = piece.end;
  }
  return result + text.slice(at);
}

interface TreeNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly value?: unknown;
}

/** Calls `meet` for every node of a tree. A loop, not recursion: generated scripts nest deeper than the stack. */
function visit(tree: object, meet: (node: TreeNode) => void): void {
  const waiting: object[] = [tree];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ("type" in next && "start" in next) meet(next as TreeNode);
    for (const value of Object.values(next)) if (typeof value === "object" && value !== null) waiting.push(value);
  }
}
