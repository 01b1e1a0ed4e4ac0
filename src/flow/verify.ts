/**
 * Checks a certificate's claims from scratch: derives every field a second time and compares.
 *
 * `certify` reads W from the graph, operation by operation, from x forward. Nothing here does. W is found by
 * experiment: three vectors, 1 1 1 …, 1 2 3 … and a random one, are sent back from y by the operations' own derivatives
 * in float64, with nothing through edges that depend on a parameter. If an entry of x comes only from entry j of y,
 * times f, it receives f, f·(j + 1) and f·gⱼ; a third random vector confirms it. From that follow identity, selection,
 * mask and scale with their factors. The edges that depend on a parameter are searched from y, not from the parameters;
 * ways are counted backward; the least harmful way is searched from x. Shared with `certify` are the recording of the
 * graph and of the draw (run.ts), the effects that operations have by name and how harmful they are (path.ts), the
 * gradients of a seed (probe.ts), and the words (certificate-text.ts).
 */
import { checkModule, type Module } from "../nn/module.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Call, cutOf, waysThrough } from "./blocks.ts";
import { type BlockCertificate, type Certificate, type Passage, VERDICTS, type WholeWay } from "./certificate.ts";
import { callName, checkCertificate, reasonFor, summarize } from "./certificate-text.ts";
import { alongPath, type Crossing, follow, joins, leastHarm, productOf } from "./crossings.ts";
import type { Draw } from "./draws.ts";
import {
  denseRows,
  experiment,
  type Found,
  isBlurred,
  lookAt,
  rowsFrom,
  sendBack,
  sendRest,
  type Way,
  wayBetween,
} from "./experiment.ts";
import { norm } from "./measure.ts";
import { COST } from "./path.ts";
import { backwardTo, countOf, randomGradient, rounded } from "./probe.ts";
import { type Run, recordRun, subjectOf } from "./run.ts";
import { Report, shown, type Verification } from "./verification.ts";

/**
 * Verifies a certificate, perhaps read from JSON, against its model and input.
 *
 * The model must have the same weights and mode as then. If it draws random numbers, it repeats the certificate's
 * draws; afterwards generators and running statistics are restored.
 *
 * @example
 * const certificate = JSON.parse(JSON.stringify(certify(model, images)));
 * verifyCertificate(certificate, model, images).valid; // true
 */
export function verifyCertificate(certificate: Certificate, model: Module, x: Tensor): Verification {
  checkCertificate("verifyCertificate", certificate);
  checkModule("verifyCertificate", model);
  checkTensor("verifyCertificate", "x", x);
  const report = new Report();
  const { seed, draws } = certificate;
  if (!Number.isSafeInteger(seed)) report.fail("seed", `is ${shown(seed)}, which is not a whole number`);
  if (!areDraws(draws)) report.fail("draws", "are not generator states");
  if (report.failures.length > 0) return report.result();

  const run = recordRun("verifyCertificate", model, x, draws);
  const blocks = run.calls.map((call, i) => blockAgain(call, i, certificate.blocks[i], run, seed, report));
  const whole = wholeAgain(run, blocks, certificate.whole, seed, report);
  const holds =
    blocks.length > 0 && blocks.every((block) => block.holds) && ["identity", "selection"].includes(whole.verdict);
  const expected: Certificate = {
    format: 2,
    holds,
    summary: summarize({ blocks, whole }, model),
    blocks,
    whole,
    seed,
    ...subjectOf(model, x, run),
  };
  report.compare("", certificate, expected);
  if (blocks.length === 0) report.trust("seed", "without blocks nothing is drawn from it");
  if (draws.length > 0) report.trust("draws", "another draw with the same outcome would look the same");
  return report.result();
}

function areDraws(draws: unknown): draws is readonly Draw[] {
  const isWord = (v: unknown): boolean => Number.isInteger(v) && (v as number) >= 0 && (v as number) < 2 ** 32;
  const isDraw = (draw: unknown): boolean => {
    const { state, spare } = (draw ?? {}) as Partial<Draw>;
    const isSpare = spare === null || (typeof spare === "number" && Number.isFinite(spare));
    return Array.isArray(state) && state.length === 4 && state.every(isWord) && isSpare;
  };
  return Array.isArray(draws) && draws.every(isDraw);
}

/** Accepts a number rounded to this many digits, if the original is known within `error` of itself. */
function roundsTo(digits: number, found: number, error: number): (claimed: unknown) => boolean {
  return (claimed) => [0, error, -error].some((e) => claimed === rounded(found * (1 + e), digits));
}

/** W of one way: the fields of a passage. If the certificate calls it undecided, nothing is claimed. */
function passageAgain(
  field: string,
  way: Way,
  path: readonly Crossing[] | null,
  label: string,
  claimed: Passage | undefined,
  seed: number,
  report: Report,
): { passage: Passage; odd: Omit<NonNullable<BlockCertificate["counterexample"]>, "step"> } {
  const g = randomGradient(way.y.size, seed, label);
  const found = experiment(way, g);
  const along = path ? norm(alongPath(path, g)) / norm(g) : 0;
  report.tolerate(`${field}.gain`, roundsTo(6, found.gain, 1e-9));
  report.tolerate(`${field}.pathGain`, roundsTo(6, along, 1e-9));
  if (!Number.isSafeInteger(found.ways)) report.tolerate(`${field}.ways`, roundsTo(10, found.ways, 1e-13));
  const common = {
    onThisInput: found.valueDependent,
    ways: countOf(found.ways),
    sent: way.y.size,
    gain: rounded(found.gain, 6),
    pathGain: rounded(along, 6),
  };
  if (claimed?.verdict === "undecided") {
    for (const name of ["verdict", "gain", ...(field === "whole" ? [] : ["reason"])]) {
      report.trust(`${field}.${name}`, "undecided: nothing is claimed");
    }
    const passage: Passage = { ...common, verdict: "undecided", factor: null, arriving: null, open: null };
    return { passage, odd: { entry: 0, arrives: [] } };
  }
  const { verdict, factor, arriving, odd } = judge(field, way, found, path, report);
  if (factor !== null) {
    const name = `${field}.factor`;
    const value = claimed?.factor;
    if (value === factor || roundsTo(10, factor, 1e-13)(value)) report.tolerate(name, () => true);
    else if (typeof value === "number" && Math.abs(value - factor) < 1e-11 * Math.abs(factor)) {
      report.trust(name, "its last digits: rounding hides them");
    }
  }
  const passage: Passage = {
    ...common,
    verdict,
    factor,
    arriving,
    open: arriving === null ? null : arriving / way.y.size,
  };
  return { passage, odd };
}

interface Judgement {
  readonly verdict: Passage["verdict"];
  readonly factor: number | null;
  readonly arriving: number | null;
  readonly odd: Omit<NonNullable<BlockCertificate["counterexample"]>, "step">;
}

function judge(field: string, way: Way, found: Found, path: readonly Crossing[] | null, report: Report): Judgement {
  const lost = { entry: 0, arrives: [] };
  if (found.ways === 0) {
    const worst = path?.reduce((most, { effect }) => Math.max(most, COST[effect]), 0);
    const verdict = worst === undefined ? "none" : worst === COST.gate ? "gate" : "transform";
    return { verdict, factor: null, arriving: 0, odd: lost };
  }
  const { sources } = found;
  const rows = sources ? rowsFrom(sources, found.factors, way.y.size) : denseRows(way);
  if (!rows || isBlurred(rows)) {
    const why = rows ? "rounding hides what cancels" : "every entry of the output would have to be sent by itself";
    report.trust(`${field}.arriving`, why);
    report.trust(`${field}.open`, "it follows from arriving");
    report.trust(`${field}.counterexample`, why);
    report.trust(`${field}.factor`, why);
    return { verdict: sources ? "scale" : "mixed", factor: null, arriving: null, odd: lost };
  }
  const { arriving, single, first, isIdentity } = lookAt(rows, way.x.size);
  const { starts, entries, factors } = rows;
  const factor = factors.length > 0 && factors.every((f) => f === factors[0]) ? factors[0] : null;
  const arrives = Array.from(
    entries.slice(starts[first], Math.min(starts[first + 1], starts[first] + 4)),
    (entry, k) => ({
      entry,
      factor: rounded(factors[starts[first] + k], 10),
    }),
  );
  const odd = { entry: first, arrives };
  if (arriving === 0)
    return { verdict: "zero", factor: found.ways === 1 && path ? productOf(path) : null, arriving, odd };
  if (isIdentity) return { verdict: "identity", factor: 1, arriving, odd };
  if (!single) return { verdict: "mixed", factor, arriving, odd };
  if (factor === 1) return { verdict: found.valueDependent ? "mask" : "selection", factor, arriving, odd };
  return { verdict: found.drawn ? "mask" : "scale", factor, arriving, odd };
}

function blockAgain(
  call: Call,
  index: number,
  claimed: BlockCertificate | undefined,
  { isParameter }: Run,
  seed: number,
  report: Report,
): BlockCertificate {
  const field = `blocks[${index}]`;
  const way = wayBetween(call.y, call.x, isParameter);
  const path = pathAgain(call, way, claimed);
  const { passage, odd } = passageAgain(field, way, path, `block ${index}`, claimed, seed, report);
  const steps = (path ?? []).map(({ op, effect, factor, input }) => ({ op, effect, factor, input }));
  const numeric = way.leads(call.y) ? numbersAgain(field, way, seed, index, report) : null;
  const holds = passage.verdict === "identity" || passage.verdict === "selection";
  const harms = path?.map(({ effect }) => COST[effect]) ?? [];
  const most = harms.reduce((a, b) => Math.max(a, b), 0);
  const step = most > COST.selection ? harms.indexOf(most) : null;
  const between = way.nodes.map(({ op }) => op);
  return {
    block: call.block,
    call: call.call,
    ...passage,
    holds,
    reason: reasonFor(passage, steps, numeric, between, null),
    path: steps,
    counterexample: holds || passage.verdict === "undecided" ? null : { ...odd, step },
    numeric,
  };
}

/** The certificate's way, if it is one and none does less harm; else the one found here. */
function pathAgain({ module }: Call, way: Way, claimed: BlockCertificate | undefined): Crossing[] | null {
  const skips = module.shortcut !== "none";
  const weightless = leastHarm(way, true);
  const all = weightless ?? leastHarm(way, false);
  if (!all) return null;
  if (!weightless && !skips && !joins(way, all.path)) return null;
  const named = Array.isArray(claimed?.path) ? follow(way, claimed.path, weightless !== null) : null;
  const harm = named?.reduce((sum, { effect }) => sum + COST[effect], 0);
  return named && harm === all.harm && (weightless || skips || joins(way, named)) ? named : all.path;
}

function numbersAgain(
  field: string,
  way: Way,
  seed: number,
  index: number,
  report: Report,
): NonNullable<BlockCertificate["numeric"]> {
  const { x, y } = way;
  const g = new Float32Array(randomGradient(y.size, seed, `block ${index}`));
  const total = backwardTo(x, y, g);
  const [w, rest] = [sendBack(way, g), sendRest(way, g)];
  const [shortcut, branch] = [norm(w), norm(rest)];
  const name = `${field}.numeric`;
  report.tolerate(`${name}.shortcutNorm`, roundsTo(3, shortcut, 1e-6));
  report.tolerate(`${name}.branchNorm`, roundsTo(3, branch, 1e-6));
  const allowed = 1e-5 * (shortcut + branch);
  return {
    agrees: total.every((v, i) => Math.abs(v - (w[i] + rest[i])) <= allowed),
    bitExact: branch === 0 && total.every((v, i) => v === w[i]),
    shortcutNorm: rounded(shortcut, 3),
    branchNorm: rounded(branch, 3),
  };
}

function wholeAgain(
  run: Run,
  blocks: readonly BlockCertificate[],
  claimed: WholeWay,
  seed: number,
  report: Report,
): WholeWay {
  const { calls, isParameter } = run;
  const nothing = { factor: null, onThisInput: false, ways: 0, arriving: 0, open: 0, gain: 0, pathGain: 0 };
  const ways = waysThrough(calls);
  const cut = cutOf(run, ways);
  if (cut) {
    const [from, to] = [calls[0], calls[calls.length - 1]];
    const ends = { from: callName(from), to: callName(to), sent: to.y.size };
    return { ...nothing, verdict: "undecided", arriving: null, open: null, ...ends, cut: callName(cut) };
  }
  let worst: WholeWay = { verdict: "none", ...nothing, sent: 0, from: "", to: "", cut: null };
  let worstRank = -1;
  for (const { from, to } of ways) {
    const way = wayBetween(to.y, from.x, isParameter);
    const path = (leastHarm(way, true) ?? leastHarm(way, false))?.path ?? null;
    const ends = { from: callName(from), to: callName(to), cut: null };
    const named = claimed?.from === ends.from && claimed?.to === ends.to ? claimed : undefined;
    const trial = named ? report : new Report();
    const { passage } = passageAgain("whole", way, path, "whole", named, seed, trial);
    const missing = passage.ways === 0 && blocks.some(({ verdict }) => verdict === "none");
    const found: WholeWay = {
      ...passage,
      ...(missing ? { verdict: "none" as const, ...nothing } : {}),
      ...ends,
    };
    const rank = VERDICTS.indexOf(found.verdict);
    if (rank > worstRank) [worst, worstRank] = [found, rank];
    if (passage.ways !== 1) trial.trust("whole.pathGain", "it is not said along which of several ways");
  }
  return worst;
}
