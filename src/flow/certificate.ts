/**
 * The identity-path certificate: a proof, for a given network and input, that gradients flow through the skip connections.
 *
 * For every block y = x + F(x) it establishes
 *
 * 1. *structurally*: in the recorded graph a path leads from y to x that crosses only additions and identities, so one
 *    summand of ∂L/∂x is ∂L/∂y itself, whatever the weights are (He et al. 2016, eq. 5, the "1");
 * 2. *numerically*: the gradient that `backward` computed, minus the branch's own vector-Jacobian product, equals what the
 *    path delivers: bit for bit where the branch's product is zero, and within a stated bound of float32 rounding elsewhere;
 * 3. *where it breaks*: a ReLU after the addition, a projection, a gate or a scale is named, with what it does;
 *
 * and for the whole network the product along all the shortcuts: with constant scaling λ it is λ^L (He et al. 2016, eq. 8).
 *
 * The numbers come from a random upstream gradient at the output of the last block, sent back through the whole network.
 * Next: certificate-numbers.ts (2), certificate-text.ts (the words), verify.ts, which trusts none of this and looks again.
 */
import { backward } from "../autograd/backward.ts";
import { checkModule } from "../nn/is-module.ts";
import type { Module } from "../nn/module.ts";
import { checkInteger } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { Rng } from "../tensor/rng.ts";
import { checkTensor, owned, type Tensor } from "../tensor/tensor.ts";
import { checkOutput } from "./arguments.ts";
import { type BlockCall, blockPath, observeBlocks } from "./blocks.ts";
import { checkNumbers, type NumericCheck } from "./certificate-numbers.ts";
import { formatCertificate, reasonFor, reasonWithoutPath, summarize } from "./certificate-text.ts";
import { leafOf } from "./leaf.ts";
import { countNonZero, norm } from "./measure.ts";
import { EFFECTS, type Effect, gradientAlong, type PathStep, pathBetween, worstEffect } from "./path.ts";
import { differentiatingOnly, preservingBuffers } from "./preserve.ts";

/** What was found on a block's shortcut: the most harmful effect, or "none" where there is no shortcut at all. */
export type ShortcutVerdict = Effect | "none";

/** What a way back does to a gradient that takes it. */
export interface Passage {
  readonly verdict: ShortcutVerdict;
  /**
   * What every entry that passes is multiplied by, whatever the weights and the values: 1 on identities, selections and the
   * masks of ReLUs, the product of all λ where there are constant scales. Null where it depends on weights or chance, and
   * where there is no way.
   */
  readonly factor: number | null;
  /** Measured: ‖what arrives‖/‖what was sent‖; 0 where nothing was sent. */
  readonly gain: number;
  /** Measured: of the entries sent that were not zero, the fraction that arrives; 0 where none was sent. */
  readonly open: number;
}

export interface BlockCertificate extends Passage {
  /** Path of the block in the network: `layer1.0`. */
  readonly block: string;
  /** Whether gradient entries pass the shortcut unchanged whatever the weights and the values are. */
  readonly holds: boolean;
  /** The verdict in words. */
  readonly reason: string;
  /** The operations on the shortcut, from the block's output to its input. */
  readonly path: readonly CertifiedStep[];
  /** The numeric check; null where there is no shortcut. */
  readonly numeric: NumericCheck | null;
}

/** One operation on a shortcut. */
export type CertifiedStep = Pick<PathStep, "op" | "effect" | "factor">;

/** All of it can be written as JSON, and read again. As text (`${certificate}`) it is a table. */
export interface Certificate {
  /** Whether every block's certificate holds and passes its numeric check, and nothing stands between the blocks. */
  readonly holds: boolean;
  /** One sentence on the whole network. */
  readonly summary: string;
  readonly blocks: readonly BlockCertificate[];
  /**
   * From the last block's output to the first one's input, along every shortcut and what lies between the blocks. Its verdict
   * is the most harmful on the way; "none" where some block has no shortcut, or the blocks are not a chain.
   */
  readonly whole: Passage;
  /** Class of the model. */
  readonly model: string;
  readonly mode: "training" | "evaluation";
  /** Seed of the random upstream gradient. */
  readonly seed: number;
}

export interface CertifyOptions {
  /** Of the random upstream gradient. Default 0. */
  seed?: number;
}

const OPTIONS: OptionNames<CertifyOptions> = { seed: true };

/**
 * Certifies every residual block of `model`, and the whole way through them, on the input `x`.
 *
 * Works for a whole network of any depth and for a single block (`x` is then the block's own input). The model runs forward
 * once, in the mode it is in; running statistics are put back, a model that draws random numbers draws some. A network
 * without residual blocks is not certified.
 *
 * @param x images `[N, C, H, W]`, or whatever the model takes.
 *
 * @example
 * const model = cifarResNet(20, { order: "pre", rng: new Rng(1) });
 * console.log(`${certify(model, images)}`);
 *
 * @throws ValueError if the last block does not depend on one before it, as on parallel ways.
 */
export function certify(model: Module, x: Tensor, options: CertifyOptions = {}): Certificate {
  checkModule("certify", model);
  checkTensor("certify", "x", x);
  checkOptions("certify", options, OPTIONS);
  const { seed = 0 } = options;
  checkInteger("certify", "seed", seed);
  const leaf = leafOf(x);
  const { value, calls } = preservingBuffers(model, () => observeBlocks(model, () => model.forward(leaf)));
  checkOutput("certify", value);
  const { blocks, whole } = calls.length > 0 ? certifyCalls(calls, leaf, seed) : { blocks: [], whole: NO_WAY };
  const holds = passesUnchanged(whole.verdict) && blocks.every((block) => block.holds && block.numeric?.passes);
  const certificate: Certificate = {
    holds,
    summary: summarize({ blocks, whole }, model.constructor.name),
    blocks,
    whole,
    model: model.constructor.name,
    mode: model.training ? "training" : "evaluation",
    seed,
  };
  // Not enumerable, so that the certificate stays plain data.
  return Object.defineProperty(certificate, "toString", { value: () => formatCertificate(certificate) });
}

const NO_WAY: Passage = { verdict: "none", factor: null, gain: 0, open: 0 };

/** Whether entries pass unchanged, if they pass, whatever the weights and the values are. */
function passesUnchanged(verdict: ShortcutVerdict): boolean {
  return verdict === "identity" || verdict === "selection";
}

function certifyCalls(calls: readonly BlockCall[], leaf: Tensor, seed: number): Pick<Certificate, "blocks" | "whole"> {
  const { block: name, y: last } = calls[calls.length - 1];
  const rng = new Rng(seed);
  const upstream = owned(
    last.data.map(() => rng.normal()),
    last.shape,
  );
  const paths = calls.map(blockPath);
  const between = calls.slice(1).map(({ x }, l) => pathBetween(x, calls[l].y));
  // The paths are known, so that no parameter has to ask for a gradient any more.
  return differentiatingOnly(last, [leaf], () => {
    const grads = backward(last, { gradient: upstream, keep: calls.flatMap(({ x, y }) => [x, y]) });
    const apart = calls.find(({ x, y }) => !grads.has(y) || !grads.has(x));
    if (apart) {
      throw new ValueError(
        `certify: ${name} was not computed from ${apart.block}: certify each of the two ways by itself`,
      );
    }
    return {
      blocks: calls.map((call, l) => certifyBlock(call, paths[l], grads.get(call.y).data, grads.get(call.x).data)),
      whole: passage(alternate(paths, between), upstream.data),
    };
  });
}

function certifyBlock(call: BlockCall, path: PathStep[] | null, gy: Floats, gx: Floats): BlockCertificate {
  const { block, x, y } = call;
  if (!path) {
    return { block, ...NO_WAY, holds: false, reason: reasonWithoutPath(y, x), path: [], numeric: null };
  }
  const found = passage([path], gy);
  return {
    block,
    ...found,
    holds: passesUnchanged(found.verdict),
    reason: reasonFor(found, path),
    path: path.map(({ op, effect, factor }) => ({ op, effect, factor })),
    numeric: checkNumbers(path, x, y, gy, gx),
  };
}

/** last block, what is before it, the block before that, …, first block. */
function alternate<T>(blocks: readonly T[], between: readonly T[]): T[] {
  return blocks.flatMap((path, l) => (l === 0 ? [path] : [between[l - 1], path])).reverse();
}

/** What these paths, one after the other, do to a gradient; `sent` is one to measure with. */
function passage(paths: readonly (readonly PathStep[] | null)[], sent: Floats): Passage {
  let g = sent;
  let gain = 1;
  let factor: number | null = 1;
  let worst = 0;
  for (const path of paths) {
    if (!path) return NO_WAY;
    worst = Math.max(worst, EFFECTS.indexOf(worstEffect(path)));
    for (const step of path) factor = factor === null || step.factor === null ? null : factor * step.factor;
    const arrived = gradientAlong(path, g);
    const before = norm(g);
    const ratio = before === 0 ? 0 : norm(arrived) / before;
    gain *= ratio;
    // Brought back to size, so that 0.5^1000 is a number too and not zero in float32.
    g = ratio === 0 || ratio === 1 ? arrived : arrived.map((v) => v / ratio);
  }
  return { verdict: EFFECTS[worst], factor, gain, open: countNonZero(g) / Math.max(1, countNonZero(sent)) };
}
