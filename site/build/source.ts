/**
 * Pages that show a file of the repository, with a number and an anchor for each line. They are finished HTML, not VitePress's: it
 * takes a minute and 50 MB to colour some hundred files by grammar, and a bundle for each.
 */
import { asCustomProperties, darkPalette, fontFamily, lightPalette } from "../../lab/page/theme.ts";
import { wayUp } from "./relative.ts";

/** Where the page of a file of code lies, from the root of the site. */
export function pageOf(path: string): string {
  return `source/${path}.html`;
}

/** Where the list of a folder's files lies. */
export function listOf(folder: string): string {
  return `source/${folder}/index.html`;
}

/** The page of the file at `path` of the repository: line n has the anchor Ln. */
export function sourcePage(path: string, text: string): string {
  const lines = coloured(text.trimEnd(), /\.(ts|js|json)$/.test(path)).split("\n");
  const numbered = lines.map((line, i) => `<span class="line" id="L${i + 1}">${line}\n</span>`);
  return frame(
    path,
    pageOf(path),
    `<pre tabindex="0" aria-label="${escapeHtml(path)}"><code>${numbered.join("")}</code></pre>`,
  );
}

/** The page of a folder: links to the pages of its files, given as [text, address from the root of the site]. */
export function folderPage(folder: string, files: readonly (readonly [string, string])[]): string {
  const up = wayUp(listOf(folder));
  const items = files.map(([text, address]) => `<li><a href="${up}${address}">${escapeHtml(text)}</a></li>`);
  return frame(folder, listOf(folder), `<ul>${items.join("\n")}</ul>`);
}

/** The style of all of them, source/source.css. */
export function sourceStyle(): string {
  return `:root { ${asCustomProperties(lightPalette)} --type: ${fontFamily}; color-scheme: light; }
.dark { ${asCustomProperties(darkPalette)} color-scheme: dark; }
${STYLE}`;
}

const STYLE = `body { margin: 0; background: var(--background); color: var(--ink); font: 16px/1.6 var(--type); }
header { display: flex; gap: 24px; padding: 16px 24px; border-bottom: 1px solid var(--grid); }
header a { font-weight: 600; }
a { color: inherit; text-underline-offset: 3px; }
main { max-width: 1100px; margin: 0 auto; padding: 0 24px 48px; }
h1 { font-size: 24px; overflow-wrap: anywhere; }
pre { overflow-x: auto; margin: 0 -24px; padding: 8px 0; font: 13px/1.6 ui-monospace, Menlo, Consolas, monospace; tab-size: 2; counter-reset: line; }
.line { display: block; padding-right: 24px; counter-increment: line; white-space: pre; }
.line::before { content: counter(line); display: inline-block; width: 4ch; margin: 0 2ch 0 1ch; text-align: right; color: var(--faint); user-select: none; }
.line:target { background: color-mix(in srgb, var(--ink) 12%, transparent); }
code i { color: var(--faint); font-style: normal; }
code b { font-weight: 600; }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
`;

/** A whole page: the way back, the title, the body. Light or dark as the reader chose in the site. */
function frame(title: string, at: string, body: string): string {
  const up = wayUp(at);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)} | Skipstone</title>
<link rel="icon" type="image/svg+xml" href="${up}favicon.svg">
<link rel="stylesheet" href="${up}source/source.css">
<script>${THEME}</script>
</head>
<body>
<header><a href="${up}index.html">Skipstone</a><a href="${up}README.html">Guide</a><a href="${up}api/index.html">API</a></header>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** VitePress keeps the reader's choice under this name. */
const THEME = `try{var t=localStorage.getItem("vitepress-theme-appearance")}catch{}
if(t==="dark"||(t!=="light"&&matchMedia("(prefers-color-scheme: dark)").matches))document.documentElement.classList.add("dark")`;

/**
 * The page for what is not there. It is answered at any address, so it names no file: it looks for the site's root in the folders above
 * its own address, and leads there.
 */
export function missingPage(): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Not found | Skipstone</title>
<script>${THEME}</script>
<style>${sourceStyle()}</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>The address may have changed. <a id="home" href="/">To the first page of the site</a></p>
</main>
<script>${HOME}</script>
</body>
</html>
`;
}

/** The nearest folder above in which the site's service worker lies. */
const HOME = `(async()=>{let at=new URL(".",location);for(;;){
if((await fetch(new URL("offline.js",at),{method:"HEAD"}).catch(()=>({}))).ok)return void(document.getElementById("home").href=at.pathname);
if(at.pathname==="/")return;at=new URL("..",at)}})()`;

/** What may not stand in HTML as it is. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const WORDS =
  "as|async|await|break|case|catch|class|const|continue|default|do|else|export|extends|finally|for|from|function|if|implements|" +
  "import|in|instanceof|interface|let|new|of|private|readonly|return|static|switch|this|throw|try|type|typeof|void|while|yield";

/** Comments, strings (which may hold what looks like a comment), and words of the language. */
const PARTS = new RegExp(
  String.raw`(\/\*[\s\S]*?\*\/|\/\/[^\n]*)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|${"`"}(?:[^${"`"}\\]|\\.)*${"`"})|\b(${WORDS})\b`,
  "g",
);

/** HTML of a text; of TypeScript with quiet comments and bold words of the language. A mark never goes over a line's end. */
function coloured(text: string, typescript: boolean): string {
  if (!typescript) return escapeHtml(text);
  let at = 0;
  let html = "";
  for (const { index, 0: whole, 1: comment, 3: word } of text.matchAll(PARTS)) {
    html += escapeHtml(text.slice(at, index));
    const tag = comment === undefined ? (word === undefined ? undefined : "b") : "i";
    const lines = whole.split("\n").map(escapeHtml);
    html += tag === undefined ? lines.join("\n") : lines.map((line) => `<${tag}>${line}</${tag}>`).join("\n");
    at = index + whole.length;
  }
  return html + escapeHtml(text.slice(at));
}
