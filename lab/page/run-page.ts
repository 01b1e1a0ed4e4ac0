/** The page of one run: the finding, the figures, the tables, how it was made. */
import { type RunRecord, wasInterrupted } from "../record.ts";
import type { Chart } from "../report/chart.ts";
import { duration, grouped } from "../report/format.ts";
import { cellText, type Table } from "../report/table.ts";
import {
  definitions,
  escapeHtml,
  figureSection,
  fold,
  headlineNumbers,
  page,
  richText,
  table,
  verdictsSection,
} from "./html.ts";
import type { RenderedFigure } from "./plot.ts";

export function runPage(
  record: RunRecord,
  figures: readonly { readonly chart: Chart; readonly rendered: RenderedFigure }[],
): string {
  const { title, about, papers, version, experiment, data, report } = record;
  const body = [
    "<header>",
    `<p class="eyebrow"><a href="../index.html">Skipstone ${escapeHtml(version)}</a> · ${escapeHtml(experiment)} · ${escapeHtml(data.kind)}</p>`,
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="lede">${richText(about)}</p>`,
    warning(record),
    report.headlines ? headlineNumbers(report.headlines) : "",
    `<div class="finding"><p>${richText(report.found)}</p><p class="caption"><b>The paper.</b> ${richText(report.paper)}</p></div>`,
    "</header>",
    ...figures.map(({ chart, rendered }) => figureSection(chart.id, chart.title, rendered, chart.caption)),
    report.marks ? verdictsSection(report.marks, ({ details }) => tableOf(details, "")) : "",
    ...report.tables.map(tableSection),
    factsSection(record),
    `<footer><p>${escapeHtml(papers)}. Beside this file: each figure as .svg, each figure's and table's numbers as .csv, everything as run.json. To check every number: <code>npm run lab -- reproduce</code> with the path of run.json.</p></footer>`,
  ];
  return page(`${title} · ${experiment}`, body.filter(Boolean).join("\n"));
}

/** Reasons to read the numbers with care; empty where there are none. */
export function caveats(record: RunRecord): string[] {
  const { results, planned, otherCode, preset, unfinished = [] } = record;
  return [
    ...(preset === "quick" ? ["A quick run: it shows that everything works, but the results mean nothing."] : []),
    ...(wasInterrupted(record)
      ? [
          `Interrupted: ${grouped(results.length)} of ${grouped(planned)} tasks are finished; the same command resumes from there.`,
        ]
      : []),
    ...(unfinished.length > 0 ? [`Unfinished, shown as far as they got: ${unfinished.join("; ")}.`] : []),
    ...(otherCode > 0 ? [`${grouped(otherCode)} results come from another version of the code (--redraw).`] : []),
  ];
}

function warning(record: RunRecord): string {
  const lines = caveats(record);
  return lines.length === 0 ? "" : `<p class="caveat">${escapeHtml(lines.join(" "))}</p>`;
}

function tableSection(content: Table): string {
  const { id, title, caption, folded } = content;
  const body = `${tableOf(content, "numbers")}
<p class="caption">${richText(caption)}</p>`;
  if (folded) return `<section class="folded" id="${id}">${fold(title, body)}</section>`;
  return `<section id="${id}">
<h2>${escapeHtml(title)}</h2>
${body}
</section>`;
}

function tableOf({ columns, rows }: Table, className: string): string {
  const head = columns.map(({ label }) => label);
  return table(
    head,
    rows.map((row) => row.map((cell, i) => cellText(cell, columns[i]))),
    className,
  );
}

function factsSection(record: RunRecord): string {
  const { command, options, seeds, data, engine, version, code, startedAt, results, planned } = record;
  const own = Object.entries(options).map(([key, value]): [string, string] => [words(key), String(value)]);
  return `<section id="run">
<h2>How it was made</h2>
${definitions([
  ["Command", `\`${command}\``],
  ...own,
  ["Seeds", seeds.join(", ")],
  ["Tasks", results.length === planned ? grouped(planned) : `${grouped(results.length)} of ${grouped(planned)}`],
  ["Images", `${data.kind}, ${grouped(data.trainImages)} for training, ${grouped(data.testImages)} for tests`],
  ["Image", `${data.imageShape.join(" × ")}${data.size === "half" ? ", means of 2 × 2 pixels" : ""}`],
  ["SHA-256 of the images", data.checksum.slice(0, 16)],
  ["Engine", engine],
  ["Version", `skipstone ${version}, code ${code}`],
  ["Started", `${startedAt.slice(0, 19).replace("T", " ")} UTC`],
  ["Time", `${duration(record.seconds)}; the sum of the tasks ${duration(record.taskSeconds)}`],
])}
</section>`;
}

/** `batchSize` as `batch size`. */
function words(key: string): string {
  const spaced = key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
