/** The end of a run in the terminal: the tables and the finding. */
import CliTable from "cli-table3";
import type { RunRecord } from "../record.ts";
import { duration } from "../report/format.ts";
import { cellText, type Table } from "../report/table.ts";
import { caveats } from "./run-page.ts";

export function summarizeRun(record: RunRecord): string {
  const { report, seconds } = record;
  return [
    ...report.tables.map((table) => `${table.title}\n${tableText(table)}`),
    ...(report.marks?.verdicts ?? []).map(({ title, text }) => `${title}: ${text}`.replaceAll("`", "")),
    `${report.found} ${report.paper}`.replaceAll("`", ""),
    ...caveats(record),
    `Took ${duration(seconds)}.`,
  ].join("\n\n");
}

/** Rows of a folded table that the terminal shows. */
const SOME_ROWS = 12;

function tableText({ columns, rows: all, folded = false }: Table): string {
  const rows = folded ? spaced(all, SOME_ROWS) : all;
  const text = new CliTable({
    head: columns.map(({ label }) => label),
    colAligns: columns.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) text.push(row.map((cell, i) => cellText(cell, columns[i])));
  return text.toString();
}

/** At most `most` of the items, evenly spaced, including the first and the last. */
function spaced<T>(items: readonly T[], most: number): T[] {
  const count = Math.min(most, items.length);
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / Math.max(1, count - 1))]);
}
