/**
 * A self-contained page: style and pictures inside, no script, nothing fetched. Light and dark, wide and narrow, screen
 * and paper. It knows nothing about experiments; run-page.ts fills it.
 */
import type { Headline, Verdict, Verdicts } from "../report/highlights.ts";
import type { RenderedFigure } from "./plot.ts";
import { asCustomProperties, darkPalette, fontFamily, lightPalette } from "./theme.ts";

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Text with `code` between backticks, as HTML. */
export function richText(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

export function headlineNumbers(numbers: readonly Headline[]): string {
  const cards = numbers.map(
    ({ value, label, note, tone }) =>
      `<div class="card ${tone}"><dt>${escapeHtml(label)}</dt><dd><strong>${escapeHtml(value)}</strong><span>${escapeHtml(note)}</span></dd></div>`,
  );
  return `<dl class="cards">${cards.join("\n")}</dl>`;
}

/** A figure with its title above and its caption below. */
export function figureSection(id: string, title: string, { wide, narrow }: RenderedFigure, caption: string): string {
  return `<figure id="${id}">
<h2>${escapeHtml(title)}</h2>
<div class="wide">${wide}</div>
<div class="narrow">${narrow}</div>
<figcaption>${richText(caption)}</figcaption>
</figure>`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[], className = ""): string {
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${richText(cell)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
  return `<div class="scroll"><table class="${className}"><thead><tr>${cells("th", head)}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** Verdicts, each with a mark for every part and its details behind a summary. `tableOf` draws these. */
export function verdictsSection(
  { id, title, about, verdicts }: Verdicts,
  tableOf: (verdict: Verdict) => string,
): string {
  const boxes = verdicts.map((verdict) => {
    const { title, tone, text, marks, details } = verdict;
    const parts = marks.map(
      ({ part, holds, why }) =>
        `<li class="${holds ? "holds" : "fails"}" title="${escapeHtml(why)}">${holds ? "✓" : "✗"} ${escapeHtml(part)}</li>`,
    );
    return `<div class="verdict ${tone}"><p><b class="${tone}">${escapeHtml(title)}.</b> ${richText(text)}</p>
<ul class="blocks">${parts.join("")}</ul>
${fold(details.title, tableOf(verdict))}</div>`;
  });
  return `<section id="${id}">
<h2>${escapeHtml(title)}</h2>
<p>${richText(about)}</p>
${boxes.join("\n")}
</section>`;
}

/** A body that is shown when its summary is clicked. */
export function fold(summary: string, body: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>
${body}
</details>`;
}

export function definitions(pairs: readonly (readonly [string, string])[]): string {
  return `<dl class="facts">${pairs.map(([term, text]) => `<div><dt>${escapeHtml(term)}</dt><dd>${richText(text)}</dd></div>`).join("\n")}</dl>`;
}

export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
${styleSheet}
</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

const styleSheet = `:root { color-scheme: light dark; ${asCustomProperties(lightPalette)} }
@media (prefers-color-scheme: dark) { :root { ${asCustomProperties(darkPalette)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--background); color: var(--ink); font: 17px/1.6 ${fontFamily}; -webkit-text-size-adjust: 100%; }
main { max-width: 928px; margin: 0 auto; padding: 48px 24px 72px; }
h1 { font-size: clamp(30px, 6vw, 46px); line-height: 1.12; letter-spacing: -0.02em; margin: 0 0 16px; text-wrap: balance; }
h2 { font-size: 23px; line-height: 1.25; letter-spacing: -0.01em; margin: 0 0 16px; text-wrap: balance; }
p { max-width: 68ch; margin: 0 0 16px; }
.lede { font-size: 20px; line-height: 1.5; color: var(--faint); }
.eyebrow { font-size: 13px; letter-spacing: 0.08em; text-transform: uppercase; color: var(--faint); margin: 0 0 12px; }
a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: 3px; }
.finding { border-left: 4px solid var(--ink); padding: 2px 0 2px 20px; margin: 28px 0 0; max-width: 72ch; }
.finding p { margin: 0 0 8px; }
.caveat { color: var(--plain); font-weight: 600; font-size: 15px; }
.caption { color: var(--faint); font-size: 16px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 28px; align-items: start; }
.entry h2 { margin-bottom: 6px; } .entry .eyebrow { text-transform: none; letter-spacing: 0; }
b.residual { color: var(--residual); } b.plain { color: var(--plain); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px; margin: 36px 0 8px; }
.card { background: var(--panel); border-top: 4px solid var(--ink); border-radius: 4px 4px 10px 10px; padding: 16px 20px 18px; }
.card.residual { border-color: var(--residual); } .card.plain { border-color: var(--plain); }
.card dt { font-size: 15px; font-weight: 600; }
.card dd { margin: 0; }
.card strong { display: block; font-size: 40px; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; margin-bottom: 2px; }
.card.residual strong { color: var(--residual); } .card.plain strong { color: var(--plain); }
.card span { display: block; font-size: 14px; line-height: 1.45; color: var(--faint); }
figure, section { margin: 56px 0 0; }
figcaption { max-width: 68ch; color: var(--faint); font-size: 16px; margin-top: 12px; }
svg { display: block; width: 100%; height: auto; }
.narrow { display: none; }
.verdict { background: var(--panel); border-left: 4px solid var(--ink); border-radius: 0 10px 10px 0; padding: 14px 20px; margin: 0 0 14px; max-width: none; }
.verdict.residual { border-color: var(--residual); } .verdict.plain { border-color: var(--plain); }
.verdict p { margin: 0 0 10px; max-width: none; }
.blocks { list-style: none; display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 10px; padding: 0; font-size: 13.5px; font-variant-numeric: tabular-nums; }
.blocks li { border: 1.5px solid var(--grid); border-radius: 6px; padding: 1px 9px; color: var(--faint); }
.verdict.residual .holds { border-color: var(--residual); color: var(--ink); } .verdict.plain .holds { border-color: var(--plain); color: var(--ink); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14.5px; line-height: 1.45; width: 100%; margin: 8px 0 20px; }
th, td { text-align: left; vertical-align: top; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--grid); }
th { font-weight: 600; color: var(--faint); white-space: nowrap; }
td:first-child { white-space: nowrap; font-variant-numeric: tabular-nums; }
table.numbers td { font-variant-numeric: tabular-nums; white-space: nowrap; } table.numbers td:not(:first-child), table.numbers th:not(:first-child) { text-align: right; }
details { margin: 12px 0; } summary { cursor: pointer; font-weight: 600; }
code { font: 0.92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 2px 32px; font-size: 15px; margin: 0; }
.facts div { display: flex; justify-content: space-between; gap: 12px; border-bottom: 1px solid var(--grid); padding: 6px 0; }
.facts dt { color: var(--faint); } .facts dd { margin: 0; min-width: 9ch; text-align: right; overflow-wrap: anywhere; }
footer { margin-top: 56px; color: var(--faint); font-size: 14px; }
@media (max-width: 640px) {
  main { padding: 28px 16px 48px; }
  .wide { display: none; } .narrow { display: block; }
  .lede { font-size: 18px; }
  .pair { grid-template-columns: 1fr; }
  .cards { grid-template-columns: 1fr 1fr; gap: 10px; } .card { padding: 12px 14px; } .card strong { font-size: 30px; }
}
@media print {
  :root { color-scheme: light; ${asCustomProperties(lightPalette)} --panel: #ffffff; }
  body { font-size: 11pt; } main { padding: 0; max-width: none; }
  .wide { display: block; } .narrow { display: none; }
  figure, .card, .verdict, .entry, tr { break-inside: avoid; }
  .card { border: 1px solid var(--grid); border-top: 4px solid var(--ink); }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
}`;
