/** The start of the line with the report: shells also print their own warnings. */
export const MARK = "skipstone's report: ";
