/**
 * A table's rows as lines of text, with columns as wide as their contents.
 *
 * @param alignsRight whether a column, given its number, aligns right: digits stand under digits.
 */
export function tableLines(rows: readonly (readonly string[])[], alignsRight: (column: number) => boolean): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map((cells) =>
    cells
      .map((cell, i) => (alignsRight(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}
