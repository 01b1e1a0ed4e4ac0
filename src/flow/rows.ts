/** Plain rows as text: the result of every instrument can be written as CSV. */
import { checkList, checkObject } from "../tensor/arguments.ts";

/**
 * Comma-separated values (RFC 4180) with a header line: the keys of the first row.
 *
 * @example
 * toCsv([{ layer: "conv1", norm: 0.5 }]); // "layer,norm\r\nconv1,0.5\r\n"
 *
 * @throws UsageError for anything but an array of objects.
 */
export function toCsv<T extends object>(rows: readonly T[]): string {
  checkList("toCsv", "rows", rows);
  for (let i = 0; i < rows.length; i++) checkObject("toCsv", `rows[${i}]`, rows[i]);
  if (rows.length === 0) return "";
  const keys = Object.keys(rows[0]) as (keyof T & string)[];
  const cell = (value: unknown): string => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [keys.map(cell), ...rows.map((row) => keys.map((key) => cell(row[key])))];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}
