/** Tables as data: for the page, the terminal and a CSV file. */
import { fixed, grouped, significant } from "./format.ts";
import { type Scale, type Spread, spread } from "./statistics.ts";

/** A number with its spread over the seeds; `factor` says that both come from logarithms: `1.2e6 ×÷ 2.4`. */
export interface SpreadCell extends Spread {
  readonly factor?: boolean;
}

export type Cell = string | number | SpreadCell | null;

export interface Column {
  readonly label: string;
  /** Digits after the point; default: three significant ones. */
  readonly digits?: number;
}

export interface Table {
  /** Name of its CSV file: `errors`. */
  readonly id: string;
  readonly title: string;
  /** What the numbers are, their unit, and over how many seeds. */
  readonly caption: string;
  /**
   * A long table for looking things up: the page shows the rows only after a click on its title, the terminal shows
   * some rows.
   */
  readonly folded?: boolean;
  readonly columns: readonly Column[];
  /** One cell per column; null for an empty one. */
  readonly rows: readonly (readonly Cell[])[];
}

/** The values of the seeds as a cell: `8.75 ± 0.16`, or with `log` as `1.2e6 ×÷ 2.4`. */
export function cellOf(values: readonly number[], { log = false }: Scale = {}): SpreadCell | null {
  if (values.length === 0) return null;
  if (!log) return spread(values);
  const { mean, deviation, count } = spread(values.map(Math.log));
  return { mean: Math.exp(mean), deviation: Math.exp(deviation), count, factor: true };
}

/** A cell as a reader sees it. */
export function cellText(cell: Cell, { digits }: Column): string {
  const number = (value: number): string => {
    // Numbers of a diverged training would fill the page with digits. Counts may be large.
    const most = digits === 0 ? 1e9 : 1e5;
    if (digits === undefined || !Number.isFinite(value) || Math.abs(value) >= most) return significant(value);
    return digits === 0 ? grouped(Math.round(value)) : fixed(value, digits);
  };
  if (cell === null) return "–";
  if (typeof cell === "string") return cell;
  if (typeof cell === "number") return number(cell);
  if (cell.count < 2 || !Number.isFinite(cell.deviation)) return number(cell.mean);
  return `${number(cell.mean)} ${cell.factor ? "×÷" : "±"} ${number(cell.deviation)}`;
}

/** Rows for a CSV file, with all digits; a spread becomes two columns. */
export function csvRows({ columns, rows }: Table): Record<string, string | number | null>[] {
  const spreads = columns.map((_, i) => rows.some((row) => isSpread(row[i]) && row[i].count > 1));
  return rows.map((row) => {
    const cells = columns.flatMap(({ label }, i): [string, string | number | null][] => {
      const cell = row[i];
      if (!spreads[i]) return [[label, isSpread(cell) ? cell.mean : cell]];
      return isSpread(cell)
        ? [
            [label, cell.mean],
            [`${label} (deviation)`, cell.deviation],
          ]
        : [
            [label, cell],
            [`${label} (deviation)`, null],
          ];
    });
    return Object.fromEntries(cells);
  });
}

function isSpread(cell: Cell): cell is SpreadCell {
  return typeof cell === "object" && cell !== null;
}
