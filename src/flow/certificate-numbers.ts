/** The numeric part of the certificate: ∂L/∂x − J_Fᵀ∂L/∂y against what the shortcut delivers, within float32's rounding. */
import { nodesBefore } from "../autograd/graph.ts";
import type { Floats } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { norm } from "./measure.ts";
import { gradientAlong, gradientOffPath, type PathStep, worstEffect } from "./path.ts";

/** Over all elements of x. */
export interface NumericCheck {
  readonly passes: boolean;
  /** Largest |difference|. */
  readonly error: number;
  /** Largest |difference| relative to its own rounding bound: passes when ≤ 1. */
  readonly errorInBounds: number;
  /** Whether every element agrees to the last bit. */
  readonly bitExact: boolean;
  /** ‖what the path delivers‖ and ‖J_Fᵀ∂L/∂y‖. */
  readonly shortcutNorm: number;
  readonly branchNorm: number;
}

/** Half the distance from 1 to the next float32. */
const UNIT_ROUNDOFF = 2 ** -24;
/** Of convolutions and matrix products, which sum many products and round each: relative to the tensor's norm. */
const PRODUCT_TOLERANCE = 1e-5;

/**
 * Compares fl(gx − branch) with the path's summand p, in units of the rounding that is allowed.
 *
 * Of a block y = s(x) + F(x), gx was accumulated from two summands in float32: one rounding, at most u = 2⁻²⁴ relative to
 * |p| + |branch|, element by element; masks, selections and constant scales add no more than one each. So the bound is
 * roundings·u·(|p| + |branch|).
 *
 * Where other sums are formed on the way (a gate is computed from x too; the way back is branched more than once), summands
 * may cancel, and they pass products together that they pass apart here. There, as for a transform, the bound is one for the
 * whole tensor: PRODUCT_TOLERANCE·(‖p‖ + ‖branch‖).
 */
export function checkNumbers(path: readonly PathStep[], x: Tensor, y: Tensor, gy: Floats, gx: Floats): NumericCheck {
  const effect = worstEffect(path);
  // An identity has to deliver the upstream gradient itself, so the path's own rules are not asked.
  const shortcut = effect === "identity" ? gy : gradientAlong(path, gy);
  const branch = gradientOffPath(path, x, gy);
  const shortcutNorm = norm(shortcut);
  const branchNorm = norm(branch);
  const exact = effect !== "transform" && isTwoWay(path, x, y);
  const roundings = UNIT_ROUNDOFF * (2 + path.filter((step) => step.effect === "scale").length);
  const boundAt = (i: number): number =>
    exact ? roundings * (Math.abs(shortcut[i]) + Math.abs(branch[i])) : PRODUCT_TOLERANCE * (shortcutNorm + branchNorm);
  let error = 0;
  let errorInBounds = 0;
  for (let i = 0; i < gx.length; i++) {
    const difference = Math.abs(gx[i] - branch[i] - shortcut[i]);
    // NaN counts as an error, and JSON has no infinity.
    const relative = difference === 0 ? 0 : Math.min(difference / boundAt(i), Number.MAX_VALUE);
    if (!(difference <= error)) error = Number.isFinite(difference) ? difference : Number.MAX_VALUE;
    if (!(relative <= errorInBounds)) errorInBounds = Number.isFinite(relative) ? relative : Number.MAX_VALUE;
  }
  return { passes: errorInBounds <= 1, error, errorInBounds, bitExact: error === 0, shortcutNorm, branchNorm };
}

/** Whether gradients are added up at x only, and there only two. */
function isTwoWay(path: readonly PathStep[], x: Tensor, y: Tensor): boolean {
  const uses = new Map<Tensor, number>();
  for (const { inputs } of nodesBefore(y, [x])) for (const t of inputs) uses.set(t, (uses.get(t) ?? 0) + 1);
  return path.every(({ node, input }) => {
    const t = node.inputs[input];
    return (uses.get(t) ?? 0) <= (t === x ? 2 : 1);
  });
}
