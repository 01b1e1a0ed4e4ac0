/** Results as a table for the terminal and as JSON for programs. */
import Table from "cli-table3";
import type { Timing } from "./measure.ts";

/** One row on one tier. */
export interface Result extends Timing {
  readonly row: string;
  readonly tier: string;
  /** Giga floating-point operations per second at the median, if the work is arithmetic. */
  readonly gflops?: number;
  /** Relative to the peak of 128-bit registers, measured in the same process. */
  readonly share?: number;
  /** Median of the naive loops in the same run, ms. */
  readonly naive?: number;
  /** naive / median: how many times faster than the naive loops. */
  readonly ratio?: number;
}

export function formatTable(results: readonly Result[]): string {
  const table = new Table({
    head: ["work", "tier", "median ms", "spread", "GFLOP/s", "of peak", "× plain", "naive ms", "× naive"],
    colAligns: ["left", "left", "right", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const plain = new Map(results.filter(({ tier }) => tier === "plain").map(({ row, median }) => [row, median]));
  for (const { row, tier, median, spread, gflops, share, naive, ratio } of results) {
    const reference = tier === "plain" ? undefined : plain.get(row);
    table.push([
      row,
      tier,
      milliseconds(median),
      `±${(100 * spread).toFixed(0)} %`,
      gflops?.toFixed(2) ?? "",
      share === undefined ? "" : `${(100 * share).toFixed(0)} %`,
      reference === undefined ? "" : (reference / median).toFixed(1),
      naive === undefined ? "" : milliseconds(naive),
      ratio?.toFixed(1) ?? "",
    ]);
  }
  return table.toString();
}

/** A table in Markdown; the first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map((_, i) => (i === 0 ? ":--" : "--:"))), ...lines.map(row)].join("\n");
}

/** The same table for the terminal. */
export function terminalTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  table.push(...lines.map((line) => [...line]));
  return table.toString();
}

/** Three significant digits, or whole milliseconds. */
export function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
