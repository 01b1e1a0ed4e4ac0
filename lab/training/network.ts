/** What all networks of an experiment share: they fit the images, and their weights come from the task's seed. */
import { Rng } from "../../src/tensor/index.ts";
import type { ImageData } from "../experiment.ts";

/**
 * The options that all networks of a task share. Networks of one seed start with the same numbers wherever they have the
 * same parameters.
 *
 * @example
 * const model = cifarResNet(task.depth, { ...networkOptions(task, context), shortcut: "none" });
 */
export function networkOptions(
  { width, seed }: { readonly width: number; readonly seed: number },
  { train }: Pick<ImageData, "train">,
): { width: number; inChannels: number; classes: number; rng: Rng } {
  return { width, inChannels: train.shape[1], classes: train.classes.length, rng: new Rng(seed).fork("weights") };
}
