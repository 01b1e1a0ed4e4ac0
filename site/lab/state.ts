/**
 * What a run of the laboratory is. All of it is in the page's address, so a link repeats the run.
 * Next: address.ts, how it is written there; presets.ts.
 */
import type { Order, ShortcutKind, Start } from "skipstone";

export { type Address, readAddress, writeAddress } from "./address.ts";

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

/** The run of an empty address. Frozen for ever: old links mean what they meant. */
export const DEFAULT_RUN: Run = freeze({
  depth: 74,
  width: 4,
  batch: 8,
  momentum: 0.9,
  weightDecay: 1e-4,
  seed: 6,
  data: "digits",
  pixels: 14,
  a: {
    shortcut: "identity",
    lambda: 0.5,
    gateBias: -6,
    order: "pre",
    batchNorm: true,
    start: "default",
    learningRate: 0.1,
  },
  b: {
    shortcut: "none",
    lambda: 0.5,
    gateBias: -6,
    order: "pre",
    batchNorm: true,
    start: "default",
    learningRate: 0.1,
  },
  events: [],
});

/** What is seen at an empty address. */
export const DEFAULT_VIEW: View = freeze({
  pace: "opening",
  walk: null,
  view: "gradient",
  block: null,
  target: null,
  fingerprint: null,
  drawings: false,
});

/** The least and the largest value of each number of a run; `step`: which values between them there are. */
export interface Limits {
  readonly min: number;
  readonly max: number;
  /** Values are min, min + step, …; null: any number between. */
  readonly step: number | null;
}

/** What the controls offer and an address may say. */
export const LIMITS: Readonly<
  Record<
    | "depth"
    | "width"
    | "batch"
    | "momentum"
    | "weightDecay"
    | "seed"
    | "learningRate"
    | "lambda"
    | "gateBias"
    | "walk"
    | "target",
    Limits
  >
> = {
  /** 6n + 2. */
  depth: { min: 8, max: 110, step: 6 },
  width: { min: 2, max: 16, step: 1 },
  batch: { min: 4, max: 64, step: 1 },
  momentum: { min: 0, max: 0.99, step: null },
  weightDecay: { min: 0, max: 0.1, step: null },
  seed: { min: 0, max: 999_999, step: 1 },
  learningRate: { min: 0.001, max: 1, step: null },
  lambda: { min: 0, max: 2, step: null },
  gateBias: { min: -10, max: 10, step: null },
  walk: { min: 1, max: 7, step: 1 },
  target: { min: 0, max: 100_000, step: 1 },
};

/** The names that a choice has, in the order in which they are offered. */
export const SHORTCUT_KINDS: readonly ShortcutKind[] = [
  "identity",
  "pad",
  "project",
  "none",
  "scale",
  "gate",
  "shortcutGate",
  "conv1x1",
  "dropout",
];
export const ORDER_NAMES: readonly Order[] = ["pre", "post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre"];
export const STARTS: readonly Start[] = ["default", "zeroInitLast", "skipInit", "fixup"];
export const PACES: readonly Pace[] = ["opening", "1", "5", "20", "free"];

/** Blocks of a network of so many layers: two convolutions each, beside the first convolution and the classifier. */
export function blocksOf(depth: number): number {
  return (depth - 2) / 2;
}

/** The nearest value that there is. NaN becomes the least. */
export function clamp(value: number, { min, max, step }: Limits): number {
  if (Number.isNaN(value)) return min;
  const near = step === null ? value : min + Math.round((value - min) / step) * step;
  return Math.min(max, Math.max(min, near));
}

/** A network in which B is the plain twin of this one, and starts as a plain network can. */
export function plainTwin(side: Side): Side {
  return { ...side, shortcut: "none", start: "default" };
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) freeze(part);
  return Object.freeze(value);
}
