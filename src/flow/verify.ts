/**
 * Looking again at what a certificate claims, from scratch. Nothing here looks for paths in a graph or sends a gradient along
 * one, which is how the certificate was made. Instead:
 *
 * 1. *arithmetic*: the certificate's statements agree with each other;
 * 2. *weightless* (weightless.ts): with the weights of a block at zero, whatever still comes back came along the shortcut. An
 *    identity returns 1, 2, 3, … as it was sent; a selection returns each number at most once, and always the same ones; a
 *    mask drops others for other inputs; a scale returns λ, 2λ, 3λ, …; a gate's numbers move with its bias; a projection and
 *    a plain block return nothing;
 * 3. *divided* (divided.ts): on the given weights the block's public parts, skip(x) and branch(x), are differentiated apart.
 *    They have to add up to the gradient of the whole, and to have the norms that the certificate says (but for gates, which
 *    x passes twice). Where chance is at work (dropout, stochastic depth) numbers can not be had again, and only 1 and 2 are
 *    done: the result says so.
 */
import { backward } from "../autograd/backward.ts";
import { checkModule } from "../nn/is-module.ts";
import type { Module } from "../nn/module.ts";
import { checkInteger } from "../tensor/arguments.ts";
import type { Floats } from "../tensor/memory.ts";
import { Rng } from "../tensor/rng.ts";
import { checkTensor, owned, type Tensor } from "../tensor/tensor.ts";
import { type BlockCall, observeBlocks } from "./blocks.ts";
import type { BlockCertificate, Certificate, Passage, ShortcutVerdict } from "./certificate.ts";
import { checkCertificate, summarize } from "./certificate-text.ts";
import { type DividedBlock, divide } from "./divided.ts";
import { leafOf } from "./leaf.ts";
import { countNonZero, norm } from "./measure.ts";
import { EFFECTS } from "./path.ts";
import { preservingBuffers } from "./preserve.ts";
import { contradiction, weightlessBlock, weightlessModel } from "./weightless.ts";

export interface Verification {
  /** Whether nothing was found against the certificate. */
  readonly valid: boolean;
  /** What was found: the block (or "whole"), and what is wrong. */
  readonly failures: readonly string[];
  /** Numbers that were taken on trust, and why; verdicts and factors are always verified. */
  readonly unchecked: readonly string[];
}

/** Norms of float32 gradients, summed in another order, differ by some 1e-6; deep networks multiply that. */
const TOLERANCE = 1e-3;
/** λ^L below this is lost in float32, whatever is sent. */
const SMALLEST_FACTOR = 2 ** -200;

/**
 * Verifies a certificate, perhaps read from JSON, against the model and the input that it is about.
 *
 * The model has to have the weights and be in the mode that it had then. Its parameters are set to zero and put back, bit for
 * bit; so are running statistics. Graphs recorded before can not run backward any more, and a model that draws random
 * numbers draws some.
 *
 * @example
 * const certificate = JSON.parse(JSON.stringify(certify(model, images)));
 * verifyCertificate(certificate, model, images).valid; // true
 */
export function verifyCertificate(certificate: Certificate, model: Module, x: Tensor): Verification {
  checkCertificate("verifyCertificate", certificate);
  checkInteger("verifyCertificate", "seed", certificate.seed);
  checkModule("verifyCertificate", model);
  checkTensor("verifyCertificate", "x", x);
  const failures = arithmeticFailures(certificate);
  const unchecked: string[] = [];
  const mode = model.training ? "training" : "evaluation";
  if (certificate.mode !== mode) {
    failures.push(`whole: certified in ${certificate.mode} mode, the model is in ${mode} mode`);
  }
  preservingBuffers(model, () => {
    const leaf = leafOf(x);
    const { calls } = observeBlocks(model, () => model.forward(leaf));
    const [claimed, found] = [certificate.blocks, calls].map((list) => list.map(({ block }) => block).join(", "));
    if (claimed !== found) {
      failures.push(`whole: certified are the blocks ${claimed}, the model has ${found}`);
    } else if (calls.length > 0) {
      // The graph that was just recorded first: setting weights to zero makes it invalid.
      if (isRandom(model, calls, leaf)) unchecked.push("whole: norms, because the model draws random numbers");
      else dividedFailures(certificate, calls, failures, unchecked);
      failures.push(...weightlessFailures(certificate, model, calls, x));
    }
  });
  return { valid: failures.length === 0, failures, unchecked };
}

/** Whether the same input gives another output the second time: then the numbers of the certificate can not be had again. */
function isRandom(model: Module, calls: readonly BlockCall[], x: Tensor): boolean {
  const again = observeBlocks(model, () => model.forward(x)).calls;
  return calls.some(({ y }, l) => y.data.some((v, i) => v !== again[l].y.data[i]));
}

function arithmeticFailures({ blocks, whole, holds, summary, model }: Certificate): string[] {
  const failures: string[] = [];
  const claim = (where: string, isSo: boolean, otherwise: string): void => {
    if (!isSo) failures.push(`${where}: ${otherwise}`);
  };
  for (const { block, verdict, path, numeric, factor, gain, open, holds: own } of blocks) {
    const way = verdict !== "none";
    const worst = Math.max(0, ...path.map(({ effect }) => rank(effect)));
    const factors = path.map((step) => step.factor);
    const product = factors.includes(null) ? null : factors.reduce<number>((p, f) => p * f!, 1);
    claim(block, way === (numeric !== null), "there are numbers without a shortcut, or a shortcut without");
    claim(block, !way || rank(verdict) === worst, `the verdict ${verdict} is not the worst of its path`);
    claim(block, !way || factor === product, `the factor ${factor} is not the product of its path's`);
    claim(block, own === passes(verdict), `holds is ${own} with the verdict ${verdict}`);
    const all = gain === open && (gain === 1 || gain === 0);
    claim(block, verdict !== "identity" || all, "an identity has a gain and an opening of 1");
    if (!numeric) continue;
    claim(block, numeric.passes === numeric.errorInBounds <= 1, "passes does not follow from the error");
    claim(block, numeric.bitExact === (numeric.error === 0), "bitExact does not follow from the error");
  }
  const worst = Math.max(...blocks.map(({ verdict }) => rank(verdict)));
  claim("whole", rank(whole.verdict) >= worst, `the verdict ${whole.verdict} is better than that of a block`);
  const product = blocks.reduce((p, { factor }) => p * (factor ?? Number.NaN), 1);
  const agrees = whole.factor === null ? !passes(whole.verdict) : close(whole.factor, product);
  claim("whole", agrees, `the factor ${whole.factor} is not the product of the blocks'`);
  const expected = passes(whole.verdict) && blocks.every((b) => b.holds && b.numeric?.passes === true);
  claim("whole", holds === expected, `holds is ${holds}, but should be ${expected}`);
  claim("whole", summary === summarize({ blocks, whole }, model), "the summary is not that of these blocks");
  return failures;
}

/** The harm in order; no way at all is the worst. */
function rank(verdict: ShortcutVerdict): number {
  return verdict === "none" ? EFFECTS.length : EFFECTS.indexOf(verdict);
}

/** Whether entries pass unchanged, if they pass. */
function passes(verdict: ShortcutVerdict): boolean {
  return rank(verdict) <= rank("selection");
}

function weightlessFailures(
  { blocks, whole }: Certificate,
  model: Module,
  calls: readonly BlockCall[],
  x: Tensor,
): string[] {
  const masked = blocks.map(({ path }) => path.some(({ effect }) => effect === "mask"));
  const failures = calls.map((call, l) => {
    const returns = weightlessBlock(call.module, call.x);
    return [call.block, contradiction(blocks[l], returns, { masked: masked[l] })];
  });
  if (whole.factor === null || Math.abs(whole.factor) >= SMALLEST_FACTOR) {
    const modules = calls.map(({ module }) => module);
    const returns = weightlessModel(model, modules, x, whole.factor);
    failures.push(["whole", contradiction(whole, returns, { masked: masked.includes(true) })]);
  }
  return failures.filter(([, what]) => what !== undefined).map(([where, what]) => `${where}: ${what}`);
}

function dividedFailures(
  certificate: Certificate,
  calls: readonly BlockCall[],
  failures: string[],
  unchecked: string[],
): void {
  const { blocks, whole, seed } = certificate;
  const last = calls[calls.length - 1].y;
  const rng = new Rng(seed);
  const upstream = owned(
    last.data.map(() => rng.normal()),
    last.shape,
  );
  const grads = backward(last, { gradient: upstream, keep: calls.flatMap((call) => [call.x, call.y]) });
  const divided = calls.map(divide);
  calls.forEach(({ block, x, y }, l) => {
    const parts = divided[l];
    if (!parts) unchecked.push(`${block}: norms, because more than a ReLU follows the addition`);
    else {
      failures.push(...partsFailures(block, blocks[l], parts, grads.get(y).data, grads.get(x).data));
      if (isGated(blocks[l])) unchecked.push(`${block}: norms, because x passes its gate twice`);
    }
  });
  if (whole.verdict === "none") return;
  const chained = calls.every(({ x }, l) => l === 0 || x === calls[l - 1].y);
  if (chained && divided.every(Boolean) && !blocks.some(isGated)) {
    failures.push(...wholeFailures(whole, divided as DividedBlock[], upstream.data));
  } else {
    unchecked.push("whole: gain and open, because not every part of the way can be taken apart");
  }
}

/** The claims about one block's numbers. */
function partsFailures(
  block: string,
  certificate: BlockCertificate,
  parts: DividedBlock,
  gy: Floats,
  gx: Floats,
): string[] {
  const { numeric, gain, open } = certificate;
  const gz = parts.toSum(gy);
  const [skip, branch] = [parts.alongSkip(gz), parts.alongBranch(gz)];
  const rest = norm(gx.map((v, i) => v - skip[i] - branch[i]));
  const failures: string[] = [];
  if (!(rest <= TOLERANCE * (norm(skip) + norm(branch)))) {
    failures.push(`${block}: its shortcut's and its branch's gradients do not add up to ∂L/∂x, ${rest} is left`);
  }
  if (!numeric) return norm(skip) > 0 ? [...failures, `${block}: it has a shortcut`] : failures;
  if (isGated(certificate)) return failures;
  const claimed = { gain, open, shortcutNorm: numeric.shortcutNorm, branchNorm: numeric.branchNorm };
  const found = { ...measured(skip, gy), shortcutNorm: norm(skip), branchNorm: norm(branch) };
  for (const name of ["gain", "open", "shortcutNorm", "branchNorm"] as const) {
    if (close(claimed[name], found[name])) continue;
    failures.push(`${block}: ${name} is ${claimed[name]}, measured ${found[name]}`);
  }
  return failures;
}

/** The claims about the way along all shortcuts. */
function wholeFailures({ gain, open }: Passage, divided: readonly DividedBlock[], upstream: Floats): string[] {
  let g = upstream;
  let foundGain = 1;
  for (const { alongSkip, toSum } of [...divided].reverse()) {
    const arrived = alongSkip(toSum(g));
    const ratio = measured(arrived, g).gain;
    foundGain *= ratio;
    g = ratio > 0 ? arrived.map((v) => v / ratio) : arrived;
  }
  const foundOpen = measured(g, upstream).open;
  const failures: string[] = [];
  if (!close(gain, foundGain)) failures.push(`whole: gain is ${gain}, measured ${foundGain}`);
  if (!close(open, foundOpen)) failures.push(`whole: open is ${open}, measured ${foundOpen}`);
  return failures;
}

/** A gate is computed from x: skip(x) has a second way to it, which is no part of the shortcut's. */
function isGated({ path }: BlockCertificate): boolean {
  return path.some(({ effect }) => effect === "gate");
}

function measured(arrived: Floats, sent: Floats): { gain: number; open: number } {
  const length = norm(sent);
  return length === 0
    ? { gain: 0, open: 0 }
    : { gain: norm(arrived) / length, open: countNonZero(arrived) / countNonZero(sent) };
}

function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}
