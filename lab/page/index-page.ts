/** The list of all runs in the output directory: question, answer, first picture. */
import type { RunRecord } from "../record.ts";
import { duration } from "../report/format.ts";
import { escapeHtml, page, richText } from "./html.ts";
import { caveats } from "./run-page.ts";

export interface IndexEntry {
  readonly folder: string;
  readonly record: RunRecord;
  /** The run's first chart as SVG; empty where it has none. */
  readonly picture: string;
}

export const INDEX = "index.html";

/** @param sections one for each run, from `entrySection`. */
export function indexPage(sections: readonly string[]): string {
  const body = [
    "<header>",
    `<p class="eyebrow">Skipstone</p>`,
    "<h1>The gradient-flow laboratory</h1>",
    `<p class="lede">The runs in this directory and their results. Each title links to the page with figures, tables and all numbers.</p>`,
    "</header>",
    ...sections,
    "<footer><p><code>npm run lab -- --list</code> lists all experiments.</p></footer>",
  ];
  return page("The gradient-flow laboratory", body.join("\n"));
}

export function entrySection({ folder, record, picture }: IndexEntry): string {
  const { experiment, title, papers, report, startedAt, taskSeconds, data, seeds } = record;
  const facts = [
    folder,
    papers,
    data.kind,
    `${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`,
    `${startedAt.slice(0, 10)}, ${duration(taskSeconds)} of computing`,
  ];
  const link = `${encodeURIComponent(folder)}/${encodeURIComponent(experiment)}.html`;
  return `<section class="entry" id="${escapeHtml(folder)}">
<h2><a href="${link}">${escapeHtml(title)}</a></h2>
<p class="eyebrow">${escapeHtml(facts.join(" · "))}</p>
${caveats(record)
  .map((line) => `<p class="caveat">${escapeHtml(line)}</p>`)
  .join("")}
<div class="pair"><p>${richText(report.found)}</p><a class="thumbnail" href="${link}">${picture}</a></div>
</section>`;
}
