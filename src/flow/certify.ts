/**
 * Makes a certificate (certificate.ts): W of every block and of the whole way, computed twice, and compared with
 * `backward`.
 */
import { checkModule, type Module } from "../nn/module.ts";
import { checkInteger } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ValueError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { blockPath, type Call, cutOf, waysThrough } from "./blocks.ts";
import {
  type BlockCertificate,
  type Certificate,
  type NumericCheck,
  type Passage,
  type ShortcutVerdict,
  VERDICTS,
  type WholeWay,
} from "./certificate.ts";
import { callName, formatCertificate, reasonFor, summarize } from "./certificate-text.ts";
import { norm } from "./measure.ts";
import { passageOf, undecided } from "./passage.ts";
import { type PathStep, pathBetween, shortcutPath } from "./path.ts";
import { backwardTo, randomGradient, rounded } from "./probe.ts";
import { type Run, recordRun, subjectOf } from "./run.ts";
import { type Segment, segmentBetween } from "./segment.ts";
import { bothProducts } from "./weightless.ts";

/** Options of `certify`. */
export interface CertifyOptions {
  /** Seed of the random gradients. Default 0. */
  seed?: number;
}

/** Options of `certifyBetween`. */
export interface CertifyBetweenOptions extends CertifyOptions {
  /** Tensors that count as parameters although they require no gradient. */
  parameters?: readonly Tensor[];
}

const OPTIONS: OptionNames<CertifyOptions> = { seed: true };
const BETWEEN_OPTIONS: OptionNames<CertifyBetweenOptions> = { seed: true, parameters: true };

/**
 * Certifies every residual block of `model`, and the whole way through them, on the input `x`.
 *
 * Works for a whole network of any depth and for a single block (`x` is then the block's own input). The model runs
 * forward once, in its current mode; running statistics and random generators are restored. Where no module is a residual
 * block, as in a network that `importOnnx` read, blocks are found in the graph: additions of two ways from one tensor
 * (found-blocks.ts). A network without any is not certified: use `certifyBetween`, which takes any two tensors.
 *
 * @param x images `[N, C, H, W]`, or whatever the model takes.
 *
 * @example
 * const model = cifarResNet(20, { order: "pre", rng: new Rng(1) });
 * console.log(`${certify(model, images)}`);
 *
 * @throws ValueError for an input without numbers.
 */
export function certify(model: Module, x: Tensor, options: CertifyOptions = {}): Certificate {
  checkModule("certify", model);
  checkTensor("certify", "x", x);
  checkOptions("certify", options, OPTIONS);
  const { seed = 0 } = options;
  checkInteger("certify", "seed", seed);
  checkNumbers("certify", "x", x);
  const run = recordRun("certify", model, x);
  const blocks = run.calls.map((call, i) => certifyCall(call, run, seed, i, () => blockPath(call)));
  const whole = certifyWhole(run, blocks, seed);
  const holds = blocks.length > 0 && isUnchanged(whole.verdict) && blocks.every((block) => block.holds);
  const certificate: Certificate = {
    format: 2,
    holds,
    summary: summarize({ blocks, whole }, model),
    blocks,
    whole,
    seed,
    ...subjectOf(model, x, run),
  };
  // Not enumerable, so that the certificate stays plain data.
  return Object.defineProperty(certificate, "toString", { value: () => formatCertificate(certificate) });
}

/**
 * Certifies the way from any tensor of a recorded graph to one computed from it: for your own networks and blocks.
 * Every leaf that requires a gradient, except x, counts as a parameter.
 *
 * @example
 * const x = randn([2, 4], new Rng(0), { requiresGrad: true });
 * const w = randn([4, 4], new Rng(1), { requiresGrad: true });
 * certifyBetween(add(x, relu(linear(x, w))), x).verdict; // "identity"
 *
 * @throws ValueError for tensors without numbers.
 */
export function certifyBetween(y: Tensor, x: Tensor, options: CertifyBetweenOptions = {}): BlockCertificate {
  checkTensor("certifyBetween", "y", y);
  checkTensor("certifyBetween", "x", x);
  checkOptions("certifyBetween", options, BETWEEN_OPTIONS);
  const { seed = 0, parameters = [] } = options;
  checkInteger("certifyBetween", "seed", seed);
  for (const t of parameters) checkTensor("certifyBetween", "every parameter", t);
  checkNumbers("certifyBetween", "x", x);
  const named = new Set(parameters);
  const isParameter = (leaf: Tensor): boolean => leaf.requiresGrad || named.has(leaf);
  return certifyCall({ block: "y", call: 1, x, y }, { isParameter }, seed, 0, () => shortcutPath(y, x));
}

function checkNumbers(who: string, name: string, x: Tensor): void {
  if (x.size === 0)
    throw new ValueError(`${who}: ${name} ${formatShape(x.shape)} has no numbers: there is nothing to certify`);
}

function certifyCall(
  { block, call, x, y }: Omit<Call, "module">,
  { isParameter }: Pick<Run, "isParameter">,
  seed: number,
  index: number,
  withoutW: () => PathStep[] | null,
): BlockCertificate {
  const segment = segmentBetween(y, x, isParameter);
  const path = weightlessPath(segment) ?? withoutW();
  const g = randomGradient(y.size, seed, `block ${index}`);
  const { passage, counterexample, why } = passageOf(segment, path, g);
  const steps = (path ?? []).map(({ op, effect, factor, input }) => ({ op, effect, factor, input }));
  const numeric = segment.reached.has(y) ? compareWithBackward(segment, g) : null;
  const decided: Passage = numeric && !numeric.agrees ? undecided(passage) : passage;
  const holds = isUnchanged(decided.verdict);
  return {
    block,
    call,
    ...decided,
    holds,
    reason: reasonFor(decided, steps, numeric, segment.nodes.map(({ op }) => op).reverse(), why),
    path: steps,
    counterexample: holds || decided.verdict === "undecided" ? null : counterexample,
    numeric,
  };
}

function certifyWhole(run: Run, blocks: readonly BlockCertificate[], seed: number): WholeWay {
  const ways = waysThrough(run.calls);
  const cut = cutOf(run, ways);
  if (cut)
    return { ...NO_WAY, verdict: "undecided", arriving: null, open: null, ...endsOf(run.calls), cut: callName(cut) };
  let worst: WholeWay | null = null;
  for (const { from, to } of ways) {
    const segment = segmentBetween(to.y, from.x, run.isParameter);
    const path = weightlessPath(segment) ?? pathBetween(to.y, from.x);
    const { passage } = passageOf(segment, path, randomGradient(to.y.size, seed, "whole"));
    const missing = passage.ways === 0 && blocks.some(({ verdict }) => verdict === "none");
    const way: WholeWay = {
      ...(missing ? { ...passage, ...NO_WAY, sent: passage.sent } : passage),
      from: callName(from),
      to: callName(to),
      cut: null,
    };
    if (!worst || rankOf(way.verdict) > rankOf(worst.verdict)) worst = way;
  }
  return worst ?? { ...NO_WAY, from: "", to: "", cut: null };
}

/** The block that ends first and the one that ends last. */
function endsOf(calls: readonly Call[]): Pick<WholeWay, "from" | "to" | "sent"> {
  const to = calls[calls.length - 1];
  return { from: callName(calls[0]), to: callName(to), sent: to.y.size };
}

const NO_WAY: Passage = {
  verdict: "none",
  factor: null,
  onThisInput: false,
  ways: 0,
  sent: 0,
  arriving: 0,
  open: 0,
  gain: 0,
  pathGain: 0,
};

/** Whether the entries that pass are unchanged, whatever the weights are. */
function isUnchanged(verdict: ShortcutVerdict): boolean {
  return verdict === "identity" || verdict === "selection";
}

function rankOf(verdict: ShortcutVerdict): number {
  return VERDICTS.indexOf(verdict);
}

/** The least harmful weightless way. */
function weightlessPath({ x, y, weightless }: Segment): PathStep[] | null {
  return pathBetween(y, x, (node, input) => weightless.get(node)?.[input] === true);
}

/** A tolerance for sums of many rounded products, relative to the norms of both parts. */
const PRODUCT_TOLERANCE = 1e-5;

/** Compares the gradient that `backward` sends to x with the two parts, in float32 as in training. */
function compareWithBackward(segment: Segment, gradient: Float64Array): NumericCheck {
  const { x, y } = segment;
  const g = new Float32Array(gradient);
  const { w, r } = bothProducts(segment, g);
  const [shortcut, branch] = [norm(w), norm(r)];
  const allowed = PRODUCT_TOLERANCE * (shortcut + branch);
  const total = backwardTo(x, y, g);
  let agrees = true;
  let equal = true;
  for (let i = 0; i < total.length; i++) {
    if (total[i] !== w[i]) equal = false;
    if (!(Math.abs(total[i] - w[i] - r[i]) <= allowed)) agrees = false;
  }
  return {
    agrees,
    bitExact: equal && branch === 0,
    shortcutNorm: rounded(shortcut, 3),
    branchNorm: rounded(branch, 3),
  };
}
