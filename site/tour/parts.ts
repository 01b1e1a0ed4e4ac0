/** What each figure shows: quantities of the scene (scene.ts), in the order of the computation. */
import type { FigureName } from "./page.ts";

/** One figure. */
export interface Part {
  readonly title: string;
  readonly quantities: readonly string[];
  /** Whether it has the steppers and the switch. */
  readonly controls: boolean;
}

/** The figures by name. */
export const parts: Readonly<Record<FigureName, Part>> = {
  input: { title: "What the network is given", quantities: ["x", "w", "v"], controls: true },
  branch: {
    title: "The convolution at our pixel",
    quantities: ["x", "patch", "w", "products", "branch"],
    controls: false,
  },
  sum: { title: "The addition and the ReLU", quantities: ["x", "branch", "total", "y"], controls: false },
  mean: { title: "The mean", quantities: ["y", "m"], controls: false },
  scores: {
    title: "Scores, probabilities, loss",
    quantities: ["m", "v", "logits", "probabilities", "loss"],
    controls: false,
  },
  "scores-back": { title: "Backward: loss to scores", quantities: ["probabilities", "g:logits"], controls: false },
  "mean-back": { title: "Backward: scores to mean", quantities: ["g:logits", "v", "g:m"], controls: false },
  "pixels-back": {
    title: "Backward: mean to pixels, and the ReLU",
    quantities: ["g:m", "g:y", "total", "g:total"],
    controls: false,
  },
  "sum-back": { title: "Backward: the addition", quantities: ["g:total", "g:branch"], controls: false },
  "pixel-back": {
    title: "Backward: everything that arrives at our pixel",
    quantities: ["g:branch", "w", "over", "through", "g:x"],
    controls: true,
  },
  "weights-back": { title: "Backward: the filter", quantities: ["x", "g:branch", "g:w"], controls: false },
};
