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
