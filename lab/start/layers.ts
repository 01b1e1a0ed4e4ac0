/** The layers of a snapshot that make up a net's depth. */
import type { LayerStatistics } from "../../src/flow/index.ts";
import type { Snapshot } from "./experiment.ts";

/** A layer with its number, counted from the image: 1 … depth. */
export interface NumberedLayer extends LayerStatistics {
  readonly number: number;
}

/** Convolutions and the last linear layer, in order. A projection on a shortcut is beside the way and not counted. */
export function weightLayers({ layers }: Snapshot): NumberedLayer[] {
  return layers
    .filter(({ kind, layer }) => (kind === "Conv2d" || kind === "Linear") && !/shortcut|downsample/.test(layer))
    .map((row, i) => ({ ...row, number: i + 1 }));
}

/** The layers of a snapshot that work on images: all that count but the last. */
export function convolutions(snapshot: Snapshot): NumberedLayer[] {
  return weightLayers(snapshot).filter(({ kind }) => kind === "Conv2d");
}
