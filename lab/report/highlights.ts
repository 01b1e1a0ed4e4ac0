/** What stands out on a page: large numbers at its head, and verdicts with a ✓ or ✗ for each part. */
import type { Table } from "./table.ts";

export interface Headline {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  /** Blue, vermilion, or neither. */
  readonly tone: "residual" | "plain" | "ink";
}

/** A verdict on a thing with many parts: one sentence, a mark for each part, and a foldable table with the details. */
export interface Verdict {
  readonly title: string;
  readonly tone: Headline["tone"];
  readonly text: string;
  readonly marks: readonly { readonly part: string; readonly holds: boolean; readonly why: string }[];
  readonly details: Table;
}

/** A section of verdicts on similar things. */
export interface Verdicts {
  /** Anchor on the page. */
  readonly id: string;
  readonly title: string;
  /** What is judged, and how. `code` goes between backticks. */
  readonly about: string;
  readonly verdicts: readonly Verdict[];
}
