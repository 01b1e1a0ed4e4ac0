/**
 * The identity-path certificate: a proof, for a given network and input, that gradients flow through the skip connections.
 *
 * For every block y = x + F(x) it establishes
 *
 * 1. *structurally*: in the recorded graph a path leads from y to x that crosses only additions and identities, so one
 *    summand of ∂L/∂x is ∂L/∂y itself, whatever the weights are (He et al. 2016, eq. 5, the "1");
 * 2. *numerically*: the gradient that `backward` computed, minus the branch's own vector-Jacobian product, equals what the
 *    path delivers: bit for bit where the branch's product is zero, and within a stated bound of float32 rounding elsewhere;
 * 3. *where it breaks*: a ReLU after the addition, a projection, a gate or a scale is named, with what it does.
 *
 * The numbers come from a random upstream gradient at the output of the last block, sent back through the whole network.
 */
import { backward } from "../autograd/backward.ts";
import { type Node, needsGrad, nodesBefore } from "../autograd/graph.ts";
import type { Module } from "../nn/module.ts";
import { allocateZeros, type Floats } from "../tensor/memory.ts";
import { Rng } from "../tensor/rng.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type BlockCall, observeBlocks, preservingBuffers } from "./blocks.ts";
import { norm } from "./measure.ts";
import { type Effect, gradientAlong, type PathStep, shortcutPath, worstEffect } from "./path.ts";

/** What was found on a block's shortcut: the most harmful effect, or "none" where there is no shortcut at all. */
export type ShortcutVerdict = Effect | "none";

export interface BlockCertificate {
  /** Path of the block in the network: `layer1.0`. */
  readonly block: string;
  readonly verdict: ShortcutVerdict;
  /** Whether gradient entries pass the shortcut unchanged whatever the weights and the values are. */
  readonly holds: boolean;
  /** The verdict in words. */
  readonly reason: string;
  /** The operations on the shortcut, from the block's output to its input. */
  readonly path: readonly { readonly op: string; readonly effect: Effect; readonly factor?: number }[];
  /** The numeric check; null where there is no shortcut. */
  readonly numeric: NumericCheck | null;
}

/** ∂L/∂x − J_Fᵀ∂L/∂y against what the path delivers, over all elements of x. */
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

export interface Certificate {
  /** Whether every block's certificate holds and passes its numeric check. */
  readonly holds: boolean;
  /** One sentence on the whole network. */
  readonly summary: string;
  readonly blocks: readonly BlockCertificate[];
  /** Seed of the random upstream gradient. */
  readonly seed: number;
  /** A table in plain text. */
  toString(): string;
}

/** Half the distance from 1 to the next float32. */
const UNIT_ROUNDOFF = 2 ** -24;
const TRANSFORM_TOLERANCE = 1e-5;

/**
 * Certifies every residual block of `model` on the input `x`.
 *
 * Works for a whole network and for a single block (`x` is then the block's own input). The model runs forward once, in
 * the mode it is in; running statistics are put back.
 *
 * @param x images `[N, C, H, W]`.
 * @throws Error if the model has no residual block and no plain twin of one.
 *
 * @example
 * const model = cifarResNet(20, { order: "pre", rng: new Rng(1) });
 * console.log(`${certify(model, images)}`);
 */
export function certify(model: Module, x: Tensor, { seed = 0 }: { seed?: number } = {}): Certificate {
  const leaf = new Tensor(x.data, x.shape, true);
  const { calls } = preservingBuffers(model, () => observeBlocks(model, () => model.forward(leaf)));
  const last = calls.at(-1);
  if (!last) throw new Error(`certify: ${model.constructor.name} has no residual blocks`);

  const rng = new Rng(seed);
  const upstream = new Tensor(
    last.y.data.map(() => rng.normal()),
    last.y.shape,
  );
  const grads = backward(last.y, { gradient: upstream, keep: calls.flatMap((call) => [call.x, call.y]) });
  const blocks = calls.map((call) => certifyBlock(call, grads.get(call.y), grads.get(call.x)));
  const holds = blocks.every((block) => block.holds && block.numeric?.passes);
  const summary = summarize(blocks, holds);
  return { holds, summary, blocks, seed, toString: () => format(summary, blocks) };
}

function certifyBlock({ block, x, y }: BlockCall, gy: Tensor, gx: Tensor): BlockCertificate {
  const path = shortcutPath(y, x);
  if (!path) {
    return { block, verdict: "none", holds: false, reason: reasonWithoutPath(y, x), path: [], numeric: null };
  }
  const verdict = worstEffect(path);
  return {
    block,
    verdict,
    holds: verdict === "identity" || verdict === "selection",
    reason: reasonFor(verdict, path, gy.data),
    path: path.map(({ op, effect, factor }) => ({ op, effect, ...(factor === undefined ? {} : { factor }) })),
    numeric: checkNumbers(path, x, y, gy.data, gx.data),
  };
}

/**
 * Compares fl(gx − branch) with the path's summand p, in units of the rounding that is allowed.
 *
 * gx was accumulated from m summands in float32: m − 1 roundings, each at most u = 2⁻²⁴ relative to a partial sum, and
 * partial sums are bounded by |p| + |branch| where m = 2, the case of an identity block. Masks, selections and single
 * products add no more than one rounding each. So element by element the bound is roundings·u·(|p| + |branch|).
 *
 * A transform (a convolution, a batch norm) sums many products and rounds each; there the bound is one for the whole
 * tensor, TRANSFORM_TOLERANCE·(‖p‖ + ‖branch‖).
 */
function checkNumbers(path: readonly PathStep[], x: Tensor, y: Tensor, gy: Floats, gx: Floats): NumericCheck {
  // An identity has to deliver the upstream gradient itself, so the path's own rules are not asked.
  const shortcut = worstEffect(path) === "identity" ? gy : gradientAlong(path, gy);
  const branch = gradientOffPath(path, x, gy);
  const shortcutNorm = norm(shortcut);
  const branchNorm = norm(branch);
  const transforms = worstEffect(path) === "transform";
  const uses = nodesBefore(y, [x]).reduce((m, { inputs }) => m + inputs.filter((t) => t === x).length, 0);
  const roundings = uses + path.filter(({ effect }) => effect === "scale" || effect === "gate").length;
  let error = 0;
  let errorInBounds = 0;
  for (let i = 0; i < gx.length; i++) {
    const difference = Math.abs(gx[i] - branch[i] - shortcut[i]);
    const bound = transforms
      ? TRANSFORM_TOLERANCE * (shortcutNorm + branchNorm)
      : roundings * UNIT_ROUNDOFF * (Math.abs(shortcut[i]) + Math.abs(branch[i]));
    const relative = difference === 0 ? 0 : difference / bound;
    // Negated, so that NaN counts as an error.
    if (!(difference <= error)) error = difference;
    if (!(relative <= errorInBounds)) errorInBounds = relative;
  }
  return { passes: errorInBounds <= 1, error, errorInBounds, bitExact: error === 0, shortcutNorm, branchNorm };
}

/** The vector-Jacobian product of everything between y and x except the path: J_Fᵀ∂L/∂y for y = x + F(x). */
function gradientOffPath(path: readonly PathStep[], x: Tensor, gy: Floats): Floats {
  const total = allocateZeros(x.size, gy);
  let g = gy;
  for (const { node, input } of path) {
    const needed = node.inputs.map(needsGrad);
    const sent = node.rule(g, needed);
    node.inputs.forEach((t, i) => {
      const gt = sent[i];
      if (i === input || !needed[i] || !gt) return;
      addInto(total, productFrom(t, x, gt));
    });
    g = sent[input]!;
  }
  return total;
}

/** What the gradient `gt` at `t` contributes to x; undefined if `t` was not computed from x. */
function productFrom(t: Tensor, x: Tensor, gt: Floats): Floats | undefined {
  if (t === x) return gt;
  if (!t.node) return undefined;
  const grads = backward(t, { gradient: new Tensor(gt, t.shape), stopAt: [x] });
  return grads.has(x) ? grads.get(x).data : undefined;
}

function addInto(total: Floats, values: Floats | undefined): void {
  if (values) for (let i = 0; i < total.length; i++) total[i] += values[i];
}

function reasonFor(verdict: Effect, path: readonly PathStep[], gy: Floats): string {
  const culprits = path.filter(({ effect }) => effect === verdict);
  const ops = [...new Set(culprits.map(({ op }) => op))].join(", ");
  switch (verdict) {
    case "identity":
      return "only additions and identities: ∂L/∂y is itself a summand of ∂L/∂x";
    case "selection":
      return `parameter-free selection (${ops}): entries of ∂L/∂y pass unchanged or are dropped, whatever the weights`;
    case "mask": {
      const open = openFraction(path, gy);
      return `gated by the mask of ${ops} after the addition: ${(100 * open).toFixed(0)} % of ∂L/∂y passes on this input`;
    }
    case "scale": {
      const factor = culprits.reduce((product, step) => product * (step.factor ?? 1), 1);
      return `scaled by λ = ${factor}: L such blocks leave λ^L of the gradient`;
    }
    case "gate":
      return `multiplied by a computed gate (${ops}): what passes depends on the weights`;
    case "transform":
      return `transformed by ${ops}: what passes depends on the weights`;
  }
}

/** Fraction of the non-zero entries of gy that are still there after the path's masks. */
function openFraction(path: readonly PathStep[], gy: Floats): number {
  const masks = path.map(({ effect }) => effect === "mask").lastIndexOf(true) + 1;
  const arrived = countNonZero(gy);
  return arrived === 0 ? 0 : countNonZero(gradientAlong(path.slice(0, masks), gy)) / arrived;
}

function countNonZero(values: Floats): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) count++;
  return count;
}

function reasonWithoutPath(y: Tensor, x: Tensor): string {
  const nodes = nodesBefore(y, [x]).filter((n: Node) => n.inputs.some(needsGrad));
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const list = [...counts].map(([op, count]) => (count > 1 ? `${count} ${op}` : op)).join(", ");
  return `no path: no addition joins the block's input to its output; every way back passes all of ${list}`;
}

function summarize(blocks: readonly BlockCertificate[], holds: boolean): string {
  const count = (verdict: ShortcutVerdict): number => blocks.filter((block) => block.verdict === verdict).length;
  const all = blocks.length === 1 ? "the block" : `all ${blocks.length} blocks`;
  const failed = blocks.filter(({ numeric }) => numeric && !numeric.passes);
  if (failed.length > 0) {
    return `Not certified: in ${failed.length} of ${blocks.length} blocks the numbers do not agree with the path (first: ${failed[0].block}).`;
  }
  if (holds) {
    const selections = count("selection");
    const where = selections > 0 ? `; at the ${selections} where the shape changes, by parameter-free selection` : "";
    return `Certified: the gradient passes ${all} through additions and identities alone${where}.`;
  }
  if (count("none") === blocks.length) {
    return `Not certified: no skip connection in ${all}; the gradient has to pass every layer.`;
  }
  const findings = (Object.keys(FINDINGS) as ShortcutVerdict[])
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${FINDINGS[verdict]}`);
  return `Not certified: of ${blocks.length} shortcuts, ${findings.join(", ")}.`;
}

const FINDINGS: Readonly<Record<ShortcutVerdict, string>> = {
  identity: "pass the gradient unchanged",
  selection: "select entries",
  mask: "are gated by a ReLU's mask after the addition",
  scale: "scale by a constant",
  gate: "are gated by a computed factor",
  transform: "transform by weights",
  none: "are missing",
};

function format(summary: string, blocks: readonly BlockCertificate[]): string {
  const width = Math.max(...blocks.map(({ block }) => block.length));
  const lines = blocks.map(({ block, verdict, reason, numeric }) => {
    const numbers = !numeric
      ? ""
      : numeric.bitExact
        ? " [checked: equal to the last bit]"
        : ` [checked: largest error ${numeric.error.toExponential(1)}, ${numeric.errorInBounds.toFixed(2)} of its rounding bound]`;
    return `  ${block.padEnd(width)}  ${verdict.padEnd(9)}  ${reason}${numbers}`;
  });
  return [summary, ...lines].join("\n");
}
