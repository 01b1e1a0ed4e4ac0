/** Runs that show something, each tried with three seeds. */
import type { Run } from "./state.ts";

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

/** The presets in the order in which they are offered; the first is the default. */
export const PRESETS: readonly Preset[] = [];

/** The preset that this run is (whatever its seed and its events); null if it is none. */
export function matchPreset(_run: Run): Preset | null {
  throw new Error("not yet");
}
