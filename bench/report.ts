/** Results as a table for the terminal and as JSON for programs. */
import Table from "cli-table3";
import type { Timing } from "./measure.ts";

/** One row on one tier. */
export interface Result extends Timing {
  readonly row: string;
  readonly tier: string;
  /** Giga floating-point operations per second at the median, where the work is arithmetic. */
  readonly gflops?: number;
  /** Median of the naive loops in the same run, ms. */
  readonly naive?: number;
  /** naive / median: how many times faster than the naive loops. */
  readonly ratio?: number;
}

export function formatTable(results: readonly Result[]): string {
  const table = new Table({
    head: ["work", "tier", "median ms", "spread", "GFLOP/s", "naive ms", "× naive"],
    colAligns: ["left", "left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const { row, tier, median, spread, gflops, naive, ratio } of results) {
    table.push([
      row,
      tier,
      milliseconds(median),
      `±${(100 * spread).toFixed(0)} %`,
      gflops?.toFixed(2) ?? "",
      naive === undefined ? "" : milliseconds(naive),
      ratio?.toFixed(1) ?? "",
    ]);
  }
  return table.toString();
}

/** Three significant digits, or whole milliseconds. */
export function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
