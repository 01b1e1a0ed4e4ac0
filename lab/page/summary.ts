/** What the terminal shows at the end of a run: the tables and the paragraph. */
import CliTable from "cli-table3";
import type { RunRecord } from "../record.ts";
import { duration } from "../report/format.ts";
import { cellText, type Table } from "../report/table.ts";
import { caveats } from "./run-page.ts";

export function summarizeRun(record: RunRecord): string {
  const { report, seconds } = record;
  return [
    ...report.tables.map((table) => `${table.title}\n${tableText(table)}`),
    `${report.found} ${report.paper}`.replaceAll("`", ""),
    ...caveats(record),
    `Took ${duration(seconds)}.`,
  ].join("\n\n");
}

function tableText({ columns, rows }: Table): string {
  const text = new CliTable({
    head: columns.map(({ label }) => label),
    colAligns: columns.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) text.push(row.map((cell, i) => cellText(cell, columns[i])));
  return text.toString();
}
