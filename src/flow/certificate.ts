/**
 * The identity-path certificate: a proof, for a given network and input, that gradients flow through the skip connections.
 *
 * **Definition.** Between a block's input x and its output y the recorded graph splits the Jacobian into J = W + R. W sums over
 * all paths from x to y that consist of *weightless* edges only, edges whose linear map depends on no parameter: additions,
 * moved entries, constant factors, masks as they are at this input, products with what no parameter has a part in. R sums over
 * all other paths. A tensor depends on a parameter if it is a leaf that asks for a gradient (or a frozen parameter of the
 * model), or was computed from one on a way that does not go through x.
 *
 * **Claimed** is what W is, for each block and for the whole way through all of them: the identity; a selection of entries, none
 * twice; a mask at this input; a scale; another map; zero. `holds` says that it is the identity or a selection: then
 * ∂L/∂x = Wᵀ∂L/∂y + Rᵀ∂L/∂y has the entries of ∂L/∂y themselves as a summand (He et al. 2016, eq. 5, the "1"), whatever the
 * weights are. Along all shortcuts W multiplies: with constant scaling λ it is λ^L (eq. 8). **Not claimed** is that R does not
 * take it back: docs/theory.md says what follows and what does not.
 *
 * **Proof.** W is computed twice: from the maps of the operations, written down (edge-maps.ts), and by sending random and basis
 * vectors back through the operations' own derivatives in float64 (weightless.ts). Where the two differ, or a map is not
 * written down, W is undecided and nothing holds. A third check holds ∂L/∂x, as `backward` computes it, against the sum of
 * both parts. Next: certificate-text.ts (the words); verify.ts, which trusts none of this and looks again.
 */
import { checkModule } from "../nn/is-module.ts";
import type { Module } from "../nn/module.ts";
import { checkInteger } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { checkTensor, type Tensor } from "../tensor/tensor.ts";
import { blockPath, type Call, cutOf, waysThrough } from "./blocks.ts";
import { callName, formatCertificate, reasonFor, summarize } from "./certificate-text.ts";
import type { Draw } from "./draws.ts";
import { norm } from "./measure.ts";
import { passageOf, undecided } from "./passage.ts";
import { type PathStep, pathBetween, shortcutPath } from "./path.ts";
import { backwardTo, randomGradient, rounded } from "./probe.ts";
import { type Run, recordRun, subjectOf } from "./run.ts";
import { type Segment, segmentBetween } from "./segment.ts";
import { bothProducts } from "./weightless.ts";

/**
 * What W is, or where it is zero for want of a weightless way, what the least harmful way does.
 *
 * - `identity`: W = I.
 * - `selection`: entries of ∂L/∂y pass unchanged, each to an entry of its own, or are lost, whatever the values are.
 * - `mask`: the same, but which ones depends on the values, or on what dropout drew (whose 1/(1 − p) belongs to it).
 * - `scale`: each entry goes to one of its own and is multiplied.
 * - `mixed`: any other map: entries are added up, or go to several places.
 * - `zero`: there are weightless ways, and together they pass nothing.
 * - `gate`, `transform`: no weightless way; the least harmful one is multiplied by a computed factor, or transformed by weights.
 * - `none`: nor an addition that joins a second way to the branch.
 * - `undecided`: W is not known. Nothing is claimed.
 */
export type ShortcutVerdict =
  | "identity"
  | "selection"
  | "mask"
  | "scale"
  | "mixed"
  | "gate"
  | "transform"
  | "zero"
  | "none"
  | "undecided";

/** From harmless to harmful. */
export const VERDICTS: readonly ShortcutVerdict[] = [
  "identity",
  "selection",
  "mask",
  "scale",
  "mixed",
  "gate",
  "transform",
  "zero",
  "none",
  "undecided",
];

/** What a way back does to a gradient that takes it. */
export interface Passage {
  readonly verdict: ShortcutVerdict;
  /**
   * What every entry that passes is multiplied by: 1 on identities, selections and the masks of ReLUs, the product of all λ
   * where there are constant scales. Exact, or rounded to ten digits where float64 had to round. Null where it is not one
   * number for all. Where a mask shuts the only way, what it would be.
   */
  readonly factor: number | null;
  /** Whether W may be another one at another input: it has masks, or products of activations. */
  readonly onThisInput: boolean;
  /** How many weightless ways lead from x to y; to ten digits where there are more than 2⁵³. */
  readonly ways: number;
  /** Entries of y. */
  readonly sent: number;
  /** Of them, those whose gradient arrives at x, in whatever form; null where it is undecided. */
  readonly arriving: number | null;
  /** arriving/sent, from 0 to 1. */
  readonly open: number | null;
  /** ‖Wᵀg‖/‖g‖ for a random g, to six digits. */
  readonly gain: number;
  /** ‖what arrives‖/‖g‖ of the same g along `path` alone, to six digits: what passes a gate or a transformation. */
  readonly pathGain: number;
}

/** Jᵀg against its two parts, for a random g. */
export interface NumericCheck {
  /** Whether what `backward` computes is Wᵀg + Rᵀg within float32's rounding. */
  readonly agrees: boolean;
  /** Whether it is Wᵀg to the last bit, because Rᵀg is zero. */
  readonly bitExact: boolean;
  /** ‖Wᵀg‖ and ‖Rᵀg‖, to three digits. */
  readonly shortcutNorm: number;
  readonly branchNorm: number;
}

/** Why W is no identity: one entry of y, and where its gradient goes. */
export interface Counterexample {
  readonly entry: number;
  /** Entries of x, and by what it is multiplied there; at most four. None: it is lost. */
  readonly arrives: readonly { readonly entry: number; readonly factor: number }[];
  /** The step of `path` that does the most harm; null where none does any by itself. */
  readonly step: number | null;
}

export interface BlockCertificate extends Passage {
  /** Path of the block in the network: `layer1.0`. */
  readonly block: string;
  /** 1 for the first call of this block, 2 for the second, … */
  readonly call: number;
  /** Whether W is the identity or a selection, and both ways of computing it agree. */
  readonly holds: boolean;
  /** The verdict in words. */
  readonly reason: string;
  /** The operations on the least harmful way, from the block's output to its input. */
  readonly path: readonly CertifiedStep[];
  /** Null where W holds, and where it is undecided. */
  readonly counterexample: Counterexample | null;
  /** Null where the block's output was not computed from its input. */
  readonly numeric: NumericCheck | null;
}

/** One operation on a way. */
export type CertifiedStep = Pick<PathStep, "op" | "effect" | "factor" | "input">;

/** The whole way, and the blocks between which it leads: `layer1.0`, or `layer1.0 (call 2)`. */
export interface WholeWay extends Passage {
  readonly from: string;
  readonly to: string;
  /**
   * The block before or behind which the graph is cut, by a `detach`, under `noGrad`, by a constant; null where there is none.
   * Of the whole way nothing is claimed then.
   */
  readonly cut: string | null;
}

/** All of it can be written as JSON, and read again. As text (`${certificate}`) it is a table. */
export interface Certificate {
  readonly format: 2;
  /** Whether every block's certificate holds, and the whole way's. */
  readonly holds: boolean;
  /** One sentence on the whole network. */
  readonly summary: string;
  readonly blocks: readonly BlockCertificate[];
  /**
   * From the first block's input to the last one's output. Where blocks lie on several ways (two towers, two outputs), the
   * worst of them.
   */
  readonly whole: WholeWay;
  /** Class of the model. */
  readonly model: string;
  readonly mode: "training" | "evaluation";
  /** Seed of the random gradients. */
  readonly seed: number;
  /** Checksums of the input, and of parameters and buffers. */
  readonly input: string;
  readonly weights: string;
  /** The generators that drew random numbers, as they were before: the certificate is about this draw. */
  readonly draws: readonly Draw[];
}

export interface CertifyOptions {
  /** Of the random gradients. Default 0. */
  seed?: number;
}

export interface CertifyBetweenOptions extends CertifyOptions {
  /** Tensors that count as parameters though they ask for no gradient. */
  parameters?: readonly Tensor[];
}

const OPTIONS: OptionNames<CertifyOptions> = { seed: true };
const BETWEEN_OPTIONS: OptionNames<CertifyBetweenOptions> = { seed: true, parameters: true };

/**
 * Certifies every residual block of `model`, and the whole way through them, on the input `x`.
 *
 * Works for a whole network of any depth and for a single block (`x` is then the block's own input). The model runs forward
 * once, in the mode it is in; running statistics and generators of random numbers are put back. A network without residual
 * blocks is not certified: `certifyBetween` takes any two tensors.
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
  const run = recordRun(model, x);
  const blocks = run.calls.map((call, i) => certifyCall(call, run, seed, i, () => blockPath(call)));
  const whole = certifyWhole(run, blocks, seed);
  const holds = blocks.length > 0 && isUnchanged(whole.verdict) && blocks.every((block) => block.holds);
  const certificate: Certificate = {
    format: 2,
    holds,
    summary: summarize({ blocks, whole }, model.constructor.name),
    blocks,
    whole,
    seed,
    ...subjectOf(model, x, run),
  };
  // Not enumerable, so that the certificate stays plain data.
  return Object.defineProperty(certificate, "toString", { value: () => formatCertificate(certificate) });
}

/**
 * Certifies the way from any tensor of a recorded graph to one that was computed from it: for networks and blocks of one's own.
 * Every leaf that asks for a gradient, but x, counts as a parameter.
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
  const { passage, counterexample } = passageOf(segment, path, g);
  const steps = (path ?? []).map(({ op, effect, factor, input }) => ({ op, effect, factor, input }));
  const numeric = segment.reached.has(y) ? compareWithBackward(segment, g) : null;
  const decided: Passage = numeric && !numeric.agrees ? undecided(passage) : passage;
  const holds = isUnchanged(decided.verdict);
  return {
    block,
    call,
    ...decided,
    holds,
    reason: reasonFor(decided, steps, numeric, segment.nodes.map(({ op }) => op).reverse()),
    path: steps,
    counterexample: holds || decided.verdict === "undecided" ? null : counterexample,
    numeric,
  };
}

function certifyWhole(run: Run, blocks: readonly BlockCertificate[], seed: number): WholeWay {
  const cut = cutOf(run);
  if (cut)
    return { ...NO_WAY, verdict: "undecided", arriving: null, open: null, ...endsOf(run.calls), cut: callName(cut) };
  let worst: WholeWay | null = null;
  for (const { from, to } of waysThrough(run.calls)) {
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

/** Whether entries pass unchanged, if they pass, whatever the weights are. */
function isUnchanged(verdict: ShortcutVerdict): boolean {
  return verdict === "identity" || verdict === "selection";
}

function rankOf(verdict: ShortcutVerdict): number {
  return VERDICTS.indexOf(verdict);
}

/** The weightless way with the least in it. */
function weightlessPath({ x, y, weightless }: Segment): PathStep[] | null {
  return pathBetween(y, x, (node, input) => weightless.get(node)?.[input] === true);
}

/** Sums over many products, each rounded: relative to the norms of both parts. */
const PRODUCT_TOLERANCE = 1e-5;

/** What `backward` sends to x, against the two parts, in float32 as in training. */
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
