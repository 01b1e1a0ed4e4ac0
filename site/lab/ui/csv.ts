/** Numbers of a figure as a table, and as comma-separated values. */

/** What a figure draws, as rows. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A table as RFC 4180 has it, lines ended by \r\n. */
export function csv({ columns, rows }: Table): string {
  const cell = (value: string | number): string =>
    typeof value === "string" && /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value);
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
