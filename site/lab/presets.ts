/**
 * Runs that show something, each tried with three seeds. Two bases: W is deep and thin (74 layers, width 4), V shallower and
 * wider (56 layers, width 8), and learns more in each step.
 */
import { DEFAULT_RUN, plainTwin, type Run, type Side } from "./state.ts";

/** The presets by name. */
export type PresetName = "shortcuts" | "twenty" | "deep" | "half" | "order" | "norm" | "textbook" | "identity";

/** A run with a name and one sentence. */
export interface Preset {
  readonly name: PresetName;
  /** Two or three words, for a button. */
  readonly title: string;
  /** What it shows. */
  readonly sentence: string;
  readonly run: Run;
  /** What the cards of the two networks are called. */
  readonly cards: { readonly a: string; readonly b: string };
}

const SIDE = DEFAULT_RUN.a;

/** A run of base V. `b`: in what B differs from A. */
function wide(a: Partial<Side>, b: Partial<Side> | "plain", depth = 56): Run {
  const side = { ...SIDE, ...a };
  const other = b === "plain" ? plainTwin(side) : { ...side, ...b };
  return { ...DEFAULT_RUN, depth, width: 8, batch: 16, seed: 1, a: side, b: other };
}

const WITH_AND_WITHOUT = { a: "with skip connections", b: "without" } as const;

/** The presets in the order in which they are offered; the first is the default. */
export const PRESETS: readonly Preset[] = [
  {
    name: "shortcuts",
    title: "With and without",
    sentence: "74 layers: one learns, one cannot.",
    run: DEFAULT_RUN,
    cards: WITH_AND_WITHOUT,
  },
  {
    name: "twenty",
    title: "20 layers",
    sentence: "20 layers: both learn. Depth is the matter.",
    run: wide({}, "plain", 20),
    cards: WITH_AND_WITHOUT,
  },
  {
    name: "deep",
    title: "110 layers",
    sentence: "110 layers: the same, half as deep again.",
    run: { ...DEFAULT_RUN, depth: 110 },
    cards: WITH_AND_WITHOUT,
  },
  {
    name: "half",
    title: "Halved shortcuts",
    sentence: "Shortcuts that halve: 0.5³⁶ is left.",
    run: { ...DEFAULT_RUN, b: { ...SIDE, shortcut: "scale" } },
    cards: { a: "shortcuts of 1", b: "shortcuts of 0.5" },
  },
  {
    name: "order",
    title: "Before or after",
    sentence: "Nothing after the addition: pre-activation.",
    run: wide({}, { order: "post" }),
    cards: { a: "pre-activation", b: "post-activation" },
  },
  {
    name: "norm",
    title: "Without batch norm",
    sentence: "Without batch norm it bursts; one scalar per block saves it.",
    run: wide({ batchNorm: false, start: "skipInit", learningRate: 0.05 }, { start: "default" }),
    cards: { a: "with one scalar per block", b: "with nothing" },
  },
  {
    name: "textbook",
    title: "The textbook's",
    sentence: "Without batch norm, without shortcuts: it vanishes from the first step.",
    run: wide({ batchNorm: false, start: "fixup", learningRate: 0.03 }, "plain"),
    cards: { a: "skips, Fixup's start", b: "neither" },
  },
  {
    name: "identity",
    title: "Starts as nothing",
    sentence: "Every block starts as nothing: the gradient is the same everywhere.",
    run: wide({ start: "zeroInitLast" }, { start: "default" }),
    cards: { a: "branches start at zero", b: "usual start" },
  },
];

/** The preset that this run is, whatever its seed and its events; null if it is none. */
export function matchPreset(run: Run): Preset | null {
  const text = (r: Run): string =>
    JSON.stringify([
      r.depth,
      r.width,
      r.batch,
      r.momentum,
      r.weightDecay,
      r.data,
      r.pixels,
      sideText(r.a),
      sideText(r.b),
    ]);
  return PRESETS.find((preset) => text(preset.run) === text(run)) ?? null;
}

/** What a side does: numbers that its shortcut does not have do not matter. */
function sideText({ shortcut, lambda, gateBias, order, batchNorm, start, learningRate }: Side): string {
  const number = shortcut === "scale" ? lambda : shortcut === "gate" || shortcut === "shortcutGate" ? gateBias : null;
  return JSON.stringify([shortcut, number, order, batchNorm, start, learningRate]);
}
