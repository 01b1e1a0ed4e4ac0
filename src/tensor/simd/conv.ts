/**
 * Convolution and its two gradients in SIMD: which algorithm, and the way there.
 *
 *   im2col      every geometry                            im2col.ts
 *
 * Next: the algorithms' files.
 */
import type { ConvGeometry } from "../geometry/conv.ts";
import type { Floats } from "../memory.ts";
import type { Engine } from "./engine.ts";
import type { Features } from "./features.ts";
import { im2colConv2d, im2colInputGradient, im2colWeightGradient } from "./im2col.ts";

/** How to convolve. "auto" chooses by measured rules. */
export type ConvAlgorithm = "auto" | "im2col" | "direct" | "winograd2" | "winograd4";
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
    default:
      return false;
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
    default:
      return false;
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
    default:
      return false;
  }
}
