/**
 * What the page knows, in one place. laboratory.ts changes it, panels read it: a panel has an element, `update` for words (at
 * most four times a second), and `draw` for its canvas (once a frame, only where it is on the screen and something has changed).
 */
import type { Names } from "../draw/look.ts";
import type { Status } from "../duo.ts";
import type { LoadedImages } from "../images.ts";
import { matchPreset } from "../presets.ts";
import type { BlockDetail, CertificateRow, NetworkRow, ToPage } from "../protocol.ts";
import type { Name, Pace, Run, Side } from "../state.ts";
import type { Store } from "../store.ts";
import type { Screen } from "./figure.ts";
import type { Paint } from "./paint.ts";

/** One of the two networks. */
export interface SideModel {
  readonly name: Name;
  network: NetworkRow | null;
  certificate: CertificateRow | null;
  tested: Omit<Extract<ToPage, { type: "tested" }>, "type"> | null;
  shares: Float32Array | null;
  detail: BlockDetail | null;
  /** Why it stopped, in the library's words. */
  failed: { readonly step: number; readonly message: string } | null;
}

export interface Model {
  run: Run;
  readonly sides: Readonly<Record<Name, SideModel>>;
  /** The rows of both, kept by the duo. */
  readonly stores: Readonly<Record<Name, Store | null>>;
  images: LoadedImages | null;
  paint: Paint;
  /** The step of both, the smaller one. */
  step: number;
  status: Status;
  /** Whether it trains, or will as soon as it can. */
  playing: boolean;
  pace: Pace;
  view: "gradient" | "ratio";
  /** Chosen blocks, first to last, counted from 0, and of which network. */
  /** Whether the reader has chosen it; else it is the middle block, which the address need not say. */
  picked: boolean;
  chosen: { readonly side: Name; readonly first: number; readonly last: number } | null;
  /** Which of the twelve digits is looked at from inside. */
  digit: number;
  /** Card of the walk, 1 … 7, or null. */
  walk: number | null;
  /** Steps per second, measured over the last two seconds. */
  speed: number;
  reducedMotion: boolean;
}

/** What panels may ask for. */
export interface Actions {
  toggle(): void;
  oneStep(): void;
  again(): void;
  pace(pace: Pace): void;
  /** Starts another run, and makes an entry in the browser's history. */
  start(run: Run): void;
  rate(side: Name, value: number): void;
  /** Cuts or rejoins blocks of a network, at the next step that has not begun. */
  cut(side: Name, first: number, last: number, part: "shortcut" | "branch" | "none"): void;
  choose(side: Name, first: number, last: number): void;
  view(view: Model["view"]): void;
  digit(index: number): void;
  /** Runs to this step (from the start, if it is behind) and pauses. */
  goTo(step: number): void;
  walk(card: number | null): void;
  announce(sentence: string): void;
}

export interface Panel {
  readonly element: HTMLElement;
  update?(model: Model): void;
  /** The canvas that `draw` draws; it is left alone where it cannot be seen. */
  readonly screen?: Screen;
  draw?(model: Model, time: number): void;
  /** Whether `draw` moves something in every frame while it trains. */
  readonly moves?: boolean;
}

/** The two names in their order. */
export const both = ["a", "b"] as const;

/** The first and the last block of a stage; null if there is none. Blocks of a stage stand together. */
export function stageRange(
  blocks: readonly { readonly stage: number }[],
  stage: number,
): { readonly first: number; readonly last: number } | null {
  const first = blocks.findIndex((block) => block.stage === stage);
  return first < 0 ? null : { first, last: first + blocks.filter((block) => block.stage === stage).length - 1 };
}

/** Names of the ten classes. */
export function classNames(data: Run["data"]): readonly string[] {
  return data === "digits"
    ? ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    : ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
}

/** What the images of a run are called. */
export function imageWord(data: Run["data"]): string {
  return data === "digits" ? "digits" : "clothes";
}

/** Whether two sides differ in nothing but their shortcut, B's being none. */
export function isPlainTwin(run: Run): boolean {
  const same: readonly (keyof Side)[] = ["order", "batchNorm", "start", "learningRate"];
  return run.b.shortcut === "none" && same.every((key) => run.a[key] === run.b[key]);
}

const shortcutWords: Record<string, string> = {
  identity: "With skip connections",
  none: "Without",
  scale: "Skip connections times λ",
  gate: "With gates",
  shortcutGate: "With gated shortcuts",
  conv1x1: "With 1×1 convolutions as shortcuts",
  dropout: "With dropout on the shortcuts",
  pad: "With shortcuts that pad",
  project: "With shortcuts that project",
};
/** Orders in words. */
export const orderWords: Record<string, string> = {
  pre: "pre-activation",
  post: "post-activation",
  bnAfterAddition: "norm after the addition",
  reluBeforeAddition: "ReLU before the addition",
  reluOnlyPre: "ReLU-only pre-activation",
};
/** Starts in words. */
export const startWords: Record<string, string> = {
  default: "default start",
  zeroInitLast: "blocks start as identity",
  skipInit: "SkipInit",
  fixup: "Fixup",
};

/** Short names for legends and tables. */
export function namesOf(run: Run): Names {
  const cards = matchPreset(run)?.cards;
  if (run.b.shortcut === "none" && isPlainTwin(run) && run.a.shortcut === "identity")
    return { a: "with skip connections", b: "without" };
  return cards ?? { a: sideTitle(run, "a"), b: sideTitle(run, "b") };
}

/** What a network is called on its card: its shortcut, and in what else it differs from its rival. */
export function sideTitle(run: Run, name: Name): string {
  const preset = matchPreset(run);
  if (preset !== null) return preset.cards[name];
  const [mine, other] = name === "a" ? [run.a, run.b] : [run.b, run.a];
  const base = (shortcutWords[mine.shortcut] ?? mine.shortcut).replace("λ", String(mine.lambda));
  const rest = [
    mine.order === other.order ? "" : (orderWords[mine.order] ?? mine.order),
    mine.batchNorm === other.batchNorm ? "" : mine.batchNorm ? "batch norm" : "no batch norm",
    mine.start === other.start ? "" : (startWords[mine.start] ?? mine.start),
    mine.learningRate === other.learningRate ? "" : `rate ${mine.learningRate}`,
  ].filter((words) => words !== "");
  return [base, ...rest].join(", ");
}
