/** A run as files: its page, its pictures and numbers, its record; and the index of all runs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toCsv } from "../../src/flow/index.ts";
import { writeTogether } from "../files.ts";
import { fromJson, toJson } from "../runner/json.ts";
import { RECORD_FILE, type RunRecord } from "../runner/record.ts";
import { chartRows, figureOf } from "./charts/index.ts";
import { type IndexEntry, indexPage, MAIN_JOB } from "./index-page.ts";
import { renderFigure, renderPreview } from "./plot.ts";
import { runPage } from "./run-page.ts";
import { csvRows } from "./table.ts";

/**
 * Writes a run's files into `directory`, all or none, and then the index into `out`. Returns the paths of both pages.
 *
 * @throws RunError if a file cannot be written.
 */
export function writeRun(record: RunRecord, directory: string, out: string): { page: string; index: string } {
  const [page] = writeTogether(directory, runFiles(record));
  const [index] = writeTogether(
    out,
    new Map([["index.html", indexPage(readEntries(out), existsSync(join(out, MAIN_JOB)))]]),
  );
  return { page, index };
}

/** A run's files by name; the page is the first. */
export function runFiles(record: RunRecord): Map<string, string> {
  const { charts, tables } = record.report;
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

/** What the runs in `out` left there, by name. A folder whose record cannot be read is none. */
export function readEntries(out: string): IndexEntry[] {
  const folders = readdirSync(out, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .sort()
    .flatMap((folder) => {
      try {
        const record = fromJson(readFileSync(join(out, folder, RECORD_FILE), "utf8")) as RunRecord;
        const [chart] = record.report.charts;
        return [{ folder, record, picture: chart ? renderPreview(figureOf(chart)) : "" }];
      } catch {
        return [];
      }
    });
}
