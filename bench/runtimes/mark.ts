/** What a line of output starts with if the report follows: shells print warnings of their own, too. */
export const MARK = "skipstone's report: ";
