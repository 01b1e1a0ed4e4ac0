/** What stands out on a page: large numbers at its head, and verdicts with a ✓ or ✗ for each part. */
import type { Table } from "./table.ts";

export interface Headline {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  /** Blue, vermilion, or neither. */
  readonly tone: "residual" | "plain" | "ink";
}

/** A verdict on a thing of many parts: in a sentence, part by part at a glance, and part by part in full, which unfolds. */
export interface Verdict {
  readonly title: string;
  readonly tone: Headline["tone"];
  readonly text: string;
  readonly marks: readonly { readonly part: string; readonly holds: boolean; readonly why: string }[];
  readonly details: Table;
}

/** A section of verdicts on things of one kind. */
export interface Verdicts {
  /** Anchor on the page. */
  readonly id: string;
  readonly title: string;
  /** What is judged, and how. `code` stands between backticks. */
  readonly about: string;
  readonly verdicts: readonly Verdict[];
}
