/** What a run of the laboratory is. All of it is in the page's address, so a link repeats the run. */
import type { Order, ShortcutKind, Start } from "skipstone";

/** In what a network may differ from its rival. */
export interface Side {
  readonly shortcut: ShortcutKind;
  /** λ of shortcut "scale". */
  readonly lambda: number;
  /** The gate's bias at the start, of shortcut "gate". */
  readonly gateBias: number;
  readonly order: Order;
  readonly batchNorm: boolean;
  readonly start: Start;
  readonly learningRate: number;
}

/** Which of the two networks: "a" is the upper one, blue; "b" the lower one, orange. */
export type Name = "a" | "b";

/** A change at a step, of both networks or of one of them. Steps count from 0; it is made before that step. */
export interface Event {
  readonly step: number;
  readonly side: Name | "both";
  /** To which blocks, first to last, counted from 0; for `rate` none. */
  readonly blocks: readonly [first: number, last: number] | null;
  readonly change:
    | { readonly kind: "cut"; readonly part: "shortcut" | "branch" | "none" }
    | { readonly kind: "rate"; readonly value: number };
}

/** How fast steps are made: `opening` is 4 a second to step 8, 20 a second to step 40, then as fast as it goes. */
export type Pace = "opening" | "1" | "5" | "20" | "free";

/** What is seen of a run. Nothing of it has an influence on the run's bits. */
export interface View {
  readonly pace: Pace;
  /** The walk's card, from 1; null: no walk. */
  readonly walk: number | null;
  /** What the chart over the layers shows: gradients or update ratios. */
  readonly view: "gradient" | "ratio";
  /** The chosen block, from 0. */
  readonly block: number | null;
  /** The run goes to this step, as fast as it can, and pauses. */
  readonly target: number | null;
  /** The bits of both networks at `target`, as the sender of the link saw them (`Duo.fingerprint`). */
  readonly fingerprint: string | null;
  /** Whether the sender had added drawings to the training, which a link cannot carry. */
  readonly drawings: boolean;
}

/** A run: everything on which its bits depend. */
export interface Run {
  readonly depth: number;
  readonly width: number;
  readonly batch: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly seed: number;
  readonly data: "digits" | "fashion";
  /** Pixels of an image's side. */
  readonly pixels: 14 | 28;
  readonly a: Side;
  readonly b: Side;
  readonly events: readonly Event[];
}

/** An address, read. */
export interface Address {
  readonly run: Run;
  readonly view: View;
  /** What was not as it should be, and what was taken instead: one sentence each, for the reader. */
  readonly notes: readonly string[];
  /** Parts that this version does not know, as they were: they are kept when the address is written again. */
  readonly unknown: readonly string[];
}

/** Reads what follows # in the page's address. Never throws: what is wrong is left at its default, with a note. */
export function readAddress(_hash: string): Address {
  throw new Error("not yet");
}

/** The address of a run, `#v1&…`: only what differs from the defaults of version 1, which stay as they are for ever. */
export function writeAddress(_run: Run, _view: View, _unknown: readonly string[] = []): string {
  throw new Error("not yet");
}
