/**
 * Convolution and its two gradients in SIMD: which algorithm, and the way there.
 *
 *   im2col      every geometry                            im2col.ts
 *
 * Next: the algorithms' files.
 */
import type { ConvGeometry } from "../geometry/conv.ts";
import type { Floats } from "../memory.ts";
import { directCovers, directForward, directInputGradient, directInputGradientCovers } from "./direct.ts";
import { directWeightGradient, directWeightGradientCovers } from "./direct-weights.ts";
import type { Engine } from "./engine.ts";
import type { Features } from "./features.ts";
import { addBias, im2colConv2d, im2colInputGradient, im2colWeightGradient } from "./im2col.ts";
import { winogradCovers, winogradForward, winogradInputGradient } from "./winograd.ts";
import type { Filtering2d } from "./winograd-kernel.ts";
import { filtering } from "./winograd-points.ts";
import { winogradWeightGradient } from "./winograd-weights.ts";

const F2 = filtering(2, 3, [1]);
const F4 = filtering(4, 3, [25 / 64, 9 / 4]);
const WINOGRAD: Readonly<Record<"winograd2" | "winograd4" | "winograd4x2", Filtering2d>> = {
  winograd2: { vertical: F2, horizontal: F2 },
  winograd4: { vertical: F4, horizontal: F4 },
  winograd4x2: { vertical: F2, horizontal: F4 },
};

/** The weight gradient's outputs are the three taps, its taps a tile of gy; the points are the same. */
const F2_WEIGHTS = filtering(3, 2, [1]);
const F4_WEIGHTS = filtering(3, 4, [25 / 64, 9 / 4]);
const WINOGRAD_WEIGHTS: typeof WINOGRAD = {
  winograd2: { vertical: F2_WEIGHTS, horizontal: F2_WEIGHTS },
  winograd4: { vertical: F4_WEIGHTS, horizontal: F4_WEIGHTS },
  winograd4x2: { vertical: F2_WEIGHTS, horizontal: F4_WEIGHTS },
};

/** How to convolve. "auto" chooses by measured rules. */
export type ConvAlgorithm = "auto" | "im2col" | "direct" | "winograd2" | "winograd4" | "winograd4x2";
export type ConvPass = "forward" | "inputGradient" | "weightGradient";

/** The algorithm that "auto" means. */
export function chooseAlgorithm(
  _pass: ConvPass,
  _g: ConvGeometry,
  _features: Features,
): Exclude<ConvAlgorithm, "auto"> {
  return "im2col";
}

/** y `[N, O, Ho, Wo]` → w ⋆ x + b. False where the engine has no room or the algorithm does not cover the geometry. */
export function conv2d(
  engine: Engine,
  x: Floats,
  w: Floats,
  b: Floats | null,
  y: Floats,
  g: ConvGeometry,
  algorithm: ConvAlgorithm = "auto",
): boolean {
  const chosen = algorithm === "auto" ? chooseAlgorithm("forward", g, engine.features) : algorithm;
  switch (chosen) {
    case "im2col":
      return im2colConv2d(engine, x, w, b, y, g);
    case "winograd2":
    case "winograd4":
    case "winograd4x2":
      if (!winogradCovers(g) || !winogradForward(engine, x, w, y, g, WINOGRAD[chosen])) return false;
      return !b || addBias(engine, y, b, g);
    case "direct":
      if (!directCovers(g) || !directForward(engine, x, w, y, g)) return false;
      return !b || addBias(engine, y, b, g);
  }
}

/** gx `[N, C, H, W]` → the gradient with respect to x. */
export function conv2dInputGradient(
  engine: Engine,
  gy: Floats,
  w: Floats,
  gx: Floats,
  g: ConvGeometry,
  algorithm: ConvAlgorithm = "auto",
): boolean {
  const chosen = algorithm === "auto" ? chooseAlgorithm("inputGradient", g, engine.features) : algorithm;
  switch (chosen) {
    case "im2col":
      return im2colInputGradient(engine, gy, w, gx, g);
    case "winograd2":
    case "winograd4":
    case "winograd4x2":
      return winogradCovers(g) && winogradInputGradient(engine, gy, w, gx, g, WINOGRAD[chosen]);
    case "direct":
      return directInputGradientCovers(g) && directInputGradient(engine, gy, w, gx, g);
  }
}

/** gw `[O, Cg, kh, kw]` → the gradient with respect to w. */
export function conv2dWeightGradient(
  engine: Engine,
  gy: Floats,
  x: Floats,
  gw: Floats,
  g: ConvGeometry,
  algorithm: ConvAlgorithm = "auto",
): boolean {
  const chosen = algorithm === "auto" ? chooseAlgorithm("weightGradient", g, engine.features) : algorithm;
  switch (chosen) {
    case "im2col":
      return im2colWeightGradient(engine, gy, x, gw, g);
    case "winograd2":
    case "winograd4":
    case "winograd4x2":
      return winogradCovers(g) && winogradWeightGradient(engine, gy, x, gw, g, WINOGRAD_WEIGHTS[chosen]);
    case "direct":
      return directWeightGradientCovers(g) && directWeightGradient(engine, gy, x, gw, g);
  }
}
