/**
 * Convolution and its two gradients in SIMD: which algorithm, and the way there.
 *
 *   im2col        every geometry                               im2col.ts
 *   direct        six results or more                          direct.ts, direct-weights.ts
 *   winograd2     3 × 3, stride 1: F(2×2, 3×3)                 winograd.ts, winograd-weights.ts
 *   winograd4     3 × 3, stride 1: F(4×4, 3×3)
 *   winograd2x4   3 × 3, stride 1: F(2×4, 3×3), between the two in speed and accuracy
 *
 * Each function returns false and writes nothing where the engine has no room or the algorithm does not cover the
 * geometry. The plain kernel computes then.
 */
import type { ConvAlgorithm, ConvGeometry } from "../../geometry/conv.ts";
import type { Floats } from "../../memory.ts";
import type { Engine } from "../wasm/engine.ts";
import type { Features } from "../wasm/features.ts";
import { directCovers, directForward, directInputGradient, directInputGradientCovers } from "./direct.ts";
import { directWeightGradient, directWeightGradientCovers } from "./direct-weights.ts";
import { im2colConv2d, im2colInputGradient, im2colWeightGradient } from "./im2col.ts";
import { winogradCovers, winogradForward, winogradInputGradient } from "./winograd.ts";
import type { Filtering2d } from "./winograd-kernel.ts";
import { filtering } from "./winograd-points.ts";
import { meanTaps } from "./winograd-tiling.ts";
import { winogradWeightGradient } from "./winograd-weights.ts";

/** F(2): points 0 and ±1. F(4): points 0, ±5/8 and ±3/2, which are exact in binary and magnify errors least. */
const F2 = /* @__PURE__ */ filtering(2, 3, [1]);
const F4 = /* @__PURE__ */ filtering(4, 3, [0.390625, 2.25]);
const WINOGRAD: Readonly<Record<"winograd2" | "winograd4" | "winograd2x4", Filtering2d>> = {
  winograd2: { vertical: F2, horizontal: F2 },
  winograd4: { vertical: F4, horizontal: F4 },
  winograd2x4: { vertical: F2, horizontal: F4 },
};

/** In the weight gradient the three taps are the outputs and a tile of gy is the filter. The points are the same. */
const F2_WEIGHTS = /* @__PURE__ */ filtering(3, 2, [1]);
const F4_WEIGHTS = /* @__PURE__ */ filtering(3, 4, [0.390625, 2.25]);
const WINOGRAD_WEIGHTS: typeof WINOGRAD = {
  winograd2: { vertical: F2_WEIGHTS, horizontal: F2_WEIGHTS },
  winograd4: { vertical: F4_WEIGHTS, horizontal: F4_WEIGHTS },
  winograd2x4: { vertical: F2_WEIGHTS, horizontal: F4_WEIGHTS },
};

export type ConvPass = "forward" | "inputGradient" | "weightGradient";

/**
 * The algorithm that "auto" means: the fastest whose error, measured as in conv-accuracy.test.ts, is at most 1.5 times
 * that of a plain float32 running sum.
 *
 * The error of a running sum grows with the number of its terms; Winograd's hardly does. So the number of terms decides,
 * padding not counted (`meanTaps`: a 3 × 3 filter has 9 taps inside an image, 4 on one of 2 × 2). Error, rms, divided by a
 * running sum's (Node 20; Node 24's multiply-add makes it some 6 % less):
 *
 *   forward, input gradient: by terms                 50   130   250   480  1100  2000
 *     (channels summed, on images of 16 × 16)          6    16    30    58   133   242
 *     winograd2                                       1.0   0.8   0.7   0.7   0.4   0.3
 *     winograd2x4                                     1.8   1.4   1.2   1.1   0.7   0.6
 *     winograd4                                       3.1   2.4   1.8   1.4   1.0   1.0
 *   weight gradient: by terms, pixels of the batch     90   200   370   980  1700  3900
 *     winograd2                                       1.1   0.8   0.6   0.4   0.3   0.3
 *     winograd2x4                                     1.7   1.4   1.1   0.7   0.5   0.4
 *     winograd4                                       2.8   2.0   1.7   1.2   0.9   0.6
 *
 * Where most of a tile is padding (fewer than 5 taps forward, a single row backward) F(4) is worse: 1.9 for 520 terms.
 *
 * Time, ms (Node 20 / 24, forward):      im2col      direct     winograd2  winograd2x4  winograd4
 *   16→16 @32, batch 32                 4.0 / 3.8   3.7 / 3.2   2.5 / 2.1   1.9 / 1.7   1.6 / 1.4
 *   32→32 @16, batch 32                 3.6 / 3.4   3.5 / 3.1   2.2 / 1.8   1.5 / 1.3   1.3 / 1.1
 *   64→64 @8, batch 32                  3.5 / 3.0   3.4 / 3.0   2.1 / 1.7   1.4 / 1.2   1.2 / 0.9
 *   3→16 @32, batch 32                  0.9 / 0.9   0.9 / 0.7   0.8 / 0.9
 *   128→128 @28                         7.8 / 4.6   8.3 / 4.6   3.9 / 2.4   2.2 / 1.9   2.0 / 1.6
 *   256→256 @14                         5.7 / 4.9   6.5 / –     3.3 / 2.9   3.5 / 2.8   3.3 / 2.6
 *   512→512 @7                          7.2 / 6.7   8.3 / 9.4   5.3 / 4.6   5.5 / 4.8   10 / 7.2
 *   16→32 @32, stride 2, batch 32       2.2 / 2.1   2.0 / 1.6
 *   128→256 @28, stride 2               2.7 / 2.4   2.8 / 2.3
 *   256→512 @14, stride 2               3.8 / 3.8   4.1 / 4.1
 *   … input gradient                    4.8 / 4.8   4.2 / 4.5
 */
export function chooseAlgorithm(pass: ConvPass, g: ConvGeometry, features: Features): Exclude<ConvAlgorithm, "auto"> {
  const { N, C, O, H, W, L, Ho, Wo, kh, kw, sh, sw, ph, pw } = g;
  const pixels = N * L;
  const winograd = winogradCovers(g);
  if (pass === "weightGradient") {
    const taps = winograd ? meanTaps(Ho, Wo, H, W, ph, pw) : 0;
    if (taps >= 2 && C >= 8 && O >= 4) {
      const terms = (pixels * taps) / 9;
      const row = Math.min(Ho, Wo) === 1;
      if (terms >= 1700 && !row) return "winograd4";
      // Few tiles do not pay for the transform of the result.
      if (terms >= 350 && !row) return "winograd2x4";
      if (terms >= 85) return "winograd2";
    }
    // With multiply-add, outer products are faster while a pixel's channels are few.
    return features.multiplyAdd && directWeightGradientCovers(g) && g.Cg % 8 === 0 && C <= 32 ? "direct" : "im2col";
  }
  const forward = pass === "forward";
  const [summed, results, height, width] = forward ? [C, O, Ho, Wo] : [O, C, H, W];
  if (winograd && summed >= 8 && results >= 3 && pixels >= 32) {
    const taps = forward ? meanTaps(Ho, Wo, H, W, ph, pw) : meanTaps(H, W, Ho, Wo, 2 - ph, 2 - pw);
    const terms = summed * taps;
    if (taps >= 2 && terms >= 50) {
      const tiles = N * Math.ceil(height / 4) * Math.ceil(width / 4);
      // Few tiles do not pay for the transform of the filters.
      if (tiles < 16 || summed < 16 || terms < (taps < 5 ? 1200 : 130)) return "winograd2";
      const small = Math.min(height, width) < 8;
      if (terms >= 480 && (summed >= 128 || !small)) return "winograd4";
      return small ? "winograd2" : "winograd2x4";
    }
  }
  const product = kh * kw * sh * sw === 1;
  const covered = forward ? directCovers(g) : directInputGradientCovers(g);
  // With many channels a panel of filters is larger than L1; the blocks of im2col are not. In input gradients im2col's
  // scattered pixels cost more than that. The tile of im2col is better where filters are few.
  const many = forward && C > 128;
  return covered && !product && !many && results / g.groups >= 8 ? "direct" : "im2col";
}

/** What the geometry asks for, or the choice; the engine is told, for whoever asks how it was computed. */
export function algorithmOf(pass: ConvPass, g: ConvGeometry, engine: Engine): Exclude<ConvAlgorithm, "auto"> {
  const chosen = g.algorithm === "auto" ? chooseAlgorithm(pass, g, engine.features) : g.algorithm;
  engine.algorithm = chosen;
  return chosen;
}

/**
 * y `[N, O, Ho, Wo]` → w ⋆ x + b, + add where not null, max 0 if `relu`. False where the engine has no room or the algorithm
 * does not cover the geometry.
 */
export function conv2d(
  engine: Engine,
  x: Floats,
  w: Floats,
  b: Floats | null,
  y: Floats,
  g: ConvGeometry,
  add: Floats | null = null,
  relu = false,
): boolean {
  const chosen = algorithmOf("forward", g, engine);
  const ending = { b, add, relu };
  switch (chosen) {
    case "im2col":
      return im2colConv2d(engine, x, w, y, g, ending);
    case "winograd2":
    case "winograd4":
    case "winograd2x4":
      return winogradCovers(g) && winogradForward(engine, x, w, y, g, WINOGRAD[chosen], ending);
    case "direct":
      return directCovers(g) && directForward(engine, x, w, y, g, ending);
  }
}

/** gx `[N, C, H, W]` → the gradient with respect to x. */
export function conv2dInputGradient(engine: Engine, gy: Floats, w: Floats, gx: Floats, g: ConvGeometry): boolean {
  const chosen = algorithmOf("inputGradient", g, engine);
  switch (chosen) {
    case "im2col":
      return im2colInputGradient(engine, gy, w, gx, g);
    case "winograd2":
    case "winograd4":
    case "winograd2x4":
      return winogradCovers(g) && winogradInputGradient(engine, gy, w, gx, g, WINOGRAD[chosen]);
    case "direct":
      return directInputGradientCovers(g) && directInputGradient(engine, gy, w, gx, g);
  }
}

/** gw `[O, Cg, kh, kw]` → the gradient with respect to w. */
export function conv2dWeightGradient(engine: Engine, gy: Floats, x: Floats, gw: Floats, g: ConvGeometry): boolean {
  const chosen = algorithmOf("weightGradient", g, engine);
  switch (chosen) {
    case "im2col":
      return im2colWeightGradient(engine, gy, x, gw, g);
    case "winograd2":
    case "winograd4":
    case "winograd2x4":
      return winogradCovers(g) && winogradWeightGradient(engine, gy, x, gw, g, WINOGRAD_WEIGHTS[chosen]);
    case "direct":
      return directWeightGradientCovers(g) && directWeightGradient(engine, gy, x, gw, g);
  }
}
