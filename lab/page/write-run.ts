/** A run as files: its page, its pictures and numbers, its record; and the index of all runs. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { toCsv } from "../../src/flow/index.ts";
import { messageOf, RunError } from "../errors.ts";
import { reasonOf, shownPath, writeTogether } from "../files.ts";
import { toJson } from "../json.ts";
import { parseRecord, RECORD_FILE, type RunRecord } from "../record.ts";
import { csvRows } from "../report/table.ts";
import { chartRows, figureOf } from "./charts/index.ts";
import { entrySection, INDEX, indexPage } from "./index-page.ts";
import { renderFigure, renderPreview } from "./plot.ts";
import { runPage } from "./run-page.ts";

export interface Written {
  readonly page: string;
  readonly index: string;
  /** What the index leaves out, and why: one sentence each. */
  readonly remarks: readonly string[];
  /** Why the index is missing or old. */
  readonly problem?: RunError;
}

/**
 * Writes a run's files into its folder in `out`, all or none, and then the index of all runs there. If the index cannot
 * be written, the run is still kept.
 *
 * @throws RunError if the run's files cannot be written.
 */
export function writeRun(record: RunRecord, directory: string, out: string): Written {
  const [page] = writeTogether(directory, runFiles(record));
  const { sections, remarks } = readEntries(out);
  const written = { page, index: join(out, INDEX), remarks };
  try {
    writeTogether(out, new Map([[INDEX, indexPage(sections)]]));
    return written;
  } catch (error) {
    return { ...written, problem: new RunError(`the list of all runs: ${messageOf(error)}`) };
  }
}

/** A run's files by name; the page is the first. */
export function runFiles(record: RunRecord): Map<string, string> {
  const { charts, marks } = record.report;
  const tables = [...record.report.tables, ...(marks?.verdicts ?? []).map(({ details }) => details)];
  const figures = charts.map((chart) => ({ chart, rendered: renderFigure(figureOf(chart)) }));
  const about = `# skipstone ${record.version}, ${record.experiment}, ${record.startedAt}, ${toJson(record.options)}\r\n`;
  return new Map([
    [`${record.experiment}.html`, runPage(record, figures)],
    [RECORD_FILE, `${toJson(record, 1)}\n`],
    ...figures.flatMap(({ chart, rendered }): [string, string][] => [
      [`${chart.id}.svg`, rendered.file],
      [`${chart.id}.csv`, about + toCsv(chartRows(chart))],
    ]),
    ...tables.map((table): [string, string] => [`${table.id}.csv`, about + toCsv(csvRows(table))]),
  ]);
}

/**
 * The index's sections on the runs in `out`, by name. A folder without a record is skipped; a record that cannot be
 * shown is named.
 */
export function readEntries(out: string): { sections: string[]; remarks: string[] } {
  const sections: string[] = [];
  const remarks: string[] = [];
  for (const folder of foldersIn(out)) {
    const file = join(out, folder, RECORD_FILE);
    try {
      // Reading a pipe of this name would block.
      if (statSync(file, { throwIfNoEntry: false })?.isFile())
        sections.push(sectionOf(folder, readFileSync(file, "utf8")));
    } catch (error) {
      remarks.push(`The list of all runs leaves out ${shownPath(file)}: ${reasonOf(error)}.`);
    }
  }
  return { sections, remarks };
}

function sectionOf(folder: string, text: string): string {
  const record = parseRecord(text);
  if (!record) throw new RunError("it is not the record of a run");
  try {
    const [chart] = record.report.charts;
    return entrySection({ folder, record, picture: chart ? renderPreview(figureOf(chart)) : "" });
  } catch {
    throw new RunError("this version cannot show it");
  }
}

function foldersIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  } catch {
    return [];
  }
}
