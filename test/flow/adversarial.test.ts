/**
 * `certify` against W by its definition, on blocks that are made to fool it. 5,000 networks by hand: SKIPSTONE_ADVERSARIAL=5000,
 * from another seed: SKIPSTONE_ADVERSARIAL_SEED=100000. What fails is made smaller before it is shown.
 */
import { describe, expect, it } from "vitest";
import { nodesBefore } from "../../src/autograd/graph.ts";
import { recordingFrozen } from "../../src/flow/preserve.ts";
import * as S from "../../src/index.ts";
import { buildPlan, type Plan, randomPlan, smallest } from "./adversarial-plans.ts";
import { type DenseMap, denseMap, type Finding, verdictOf } from "./definition-oracle.ts";

type Tensor = S.Tensor;
const NETWORKS = Number(process.env["SKIPSTONE_ADVERSARIAL"] ?? 300);
const FIRST = Number(process.env["SKIPSTONE_ADVERSARIAL_SEED"] ?? 0);
const NO_WAY: ReadonlySet<string> = new Set(["gate", "transform", "none"]);

interface Comparison {
  /** What was claimed and is not so. */
  readonly wrong: string[];
  /** Of it, that a block or the network holds, or does not: what must never be. */
  readonly wrongHolds: string[];
  readonly verdicts: string[];
  readonly blocks: number;
  readonly undecided: number;
}

function compare(plan: Plan): Comparison {
  const { model, trace } = buildPlan(plan);
  const x = S.randn(plan.shape, new S.Rng(plan.seed));
  if (plan.frozen) S.freeze(model);
  const certificate = S.certify(model, x);
  const verified = S.verifyCertificate(JSON.parse(JSON.stringify(certificate)), model, x);
  const wrong = verified.failures.map((failure) => `verify: ${failure}`);
  const wrongHolds: string[] = [];
  // The definition has the last run: generators were put back, so that it draws what was certified.
  trace.entrances.clear();
  const leaf = S.detach(x);
  leaf.requiresGrad = true;
  recordingFrozen(model, () => model.forward(leaf));
  const parameters = new Set(model.parameters());
  const isParameter = (t: Tensor): boolean => parameters.has(t);
  const find = (y: Tensor, from: Tensor): { map: DenseMap; finding: Finding } => {
    const map = denseMap(y, from, isParameter);
    return { map, finding: verdictOf(map) };
  };
  const found = trace.calls.map((call) => find(call.y, call.x));
  if (found.length !== certificate.blocks.length)
    wrong.push(`${certificate.blocks.length} blocks, not ${found.length}`);
  certificate.blocks.forEach((block, i) => {
    const { map, finding } = found[i];
    if (block.holds !== finding.holds && (block.holds || block.verdict !== "undecided")) {
      wrongHolds.push(`block ${i} holds: ${block.holds}`);
    }
    wrong.push(...differences(block, finding, map).map((text) => `block ${i}: ${text}`));
    if (block.holds !== isHolding(block.verdict)) wrong.push(`block ${i}: ${block.verdict} and holds ${block.holds}`);
    wrong.push(...wrongExample(block, map).map((text) => `block ${i}: ${text}`));
  });
  const { whole } = certificate;
  const names = certificate.blocks.map(({ block, call }) => (call > 1 ? `${block} (call ${call})` : block));
  const [from, to] = [whole.from, whole.to].map((name) => trace.calls[names.indexOf(name)]);
  const [first, last] = [trace.calls[0].x, trace.calls.at(-1)!.y];
  const before = (y: Tensor): Set<Tensor> => new Set([y, ...nodesBefore(y).flatMap(({ inputs }) => inputs)]);
  const isAnew = (t: Tensor): boolean => t !== first && !before(t).has(leaf) && !before(t).has(first);
  const isCut = trace.calls.length > 1 && trace.calls.some((call) => isAnew(call.x) || !before(last).has(call.y));
  if (isCut !== (whole.cut !== null)) wrong.push(`whole: cut ${whole.cut}, and by the definition ${isCut}`);
  if (isCut && whole.verdict !== "undecided") wrong.push(`whole: cut and ${whole.verdict}`);
  if (!isCut) {
    const { map, finding } = find(to.y, from.x);
    wrong.push(...differences(whole, finding, map).map((text) => `whole: ${text}`));
  }
  // Whatever way is the worst: nothing holds but with all blocks, from the first one's input to the last one's output.
  if (certificate.holds && !(find(last, first).finding.holds && found.every(({ finding }) => finding.holds))) {
    wrongHolds.push("the network holds");
  }
  return {
    wrong: [...wrongHolds, ...wrong],
    wrongHolds,
    verdicts: certificate.blocks.map(({ verdict }) => verdict),
    blocks: certificate.blocks.length,
    undecided: certificate.blocks.filter(({ verdict }) => verdict === "undecided").length,
  };
}

function isHolding(verdict: S.ShortcutVerdict): boolean {
  return verdict === "identity" || verdict === "selection";
}

/** The claims of a passage that are not what was found. Where it is undecided nothing is claimed of W but its ways. */
function differences(claimed: S.Passage, finding: Finding, map: DenseMap): string[] {
  const wrong: string[] = [];
  const check = (name: string, claim: unknown, truth: unknown): void => {
    if (claim !== truth) wrong.push(`${name} ${claim}, by the definition ${truth}`);
  };
  const none = finding.verdict === "no weightless way";
  const undecided = claimed.verdict === "undecided";
  if (!undecided) {
    check("verdict", NO_WAY.has(claimed.verdict) ? "no weightless way" : claimed.verdict, finding.verdict);
    check("arriving", claimed.arriving, finding.arriving);
    // A plain block on the whole way: nothing was sent.
    if (!(none && claimed.sent === 0)) check("open", claimed.open, finding.arriving / finding.sent);
  }
  check("ways", claimed.ways, finding.ways);
  check("onThisInput", claimed.onThisInput, finding.onThisInput);
  check("sent", claimed.sent, finding.sent);
  const digits = map.rough ? 1e-5 : 1e-9;
  if (!undecided && finding.arriving > 0) {
    const same =
      claimed.factor === null || finding.factor === null
        ? claimed.factor === finding.factor
        : Math.abs(claimed.factor - finding.factor) <= digits * Math.abs(finding.factor);
    if (!same) check("factor", claimed.factor, finding.factor);
    // Of a random gradient what arrives is not zero, and at most as much as of the worst one.
    const most = Math.hypot(...map.w) * 1.0001;
    if (!(claimed.gain > 0 && claimed.gain <= most)) wrong.push(`gain ${claimed.gain}, not in (0, ${most}]`);
  }
  if (none || finding.verdict === "identity") check("gain", claimed.gain, none ? 0 : 1);
  return wrong;
}

/** The counterexample is a row of W that is no identity's. */
function wrongExample({ counterexample, verdict, ways }: S.BlockCertificate, map: DenseMap): string[] {
  const needed = !isHolding(verdict) && verdict !== "undecided";
  if (needed !== (counterexample !== null)) return [`a counterexample ${needed ? "is missing" : "for nothing"}`];
  if (!counterexample || ways === 0) return [];
  const { entry, arrives } = counterexample;
  const row = map.w.subarray(entry * map.columns, (entry + 1) * map.columns);
  const size = map.size.subarray(entry * map.columns, (entry + 1) * map.columns);
  const used = [...row.keys()].filter((i) => Math.abs(row[i]) > 1e-12 * size[i]);
  const listed = new Set(arrives.map((a) => a.entry));
  const right = arrives.every(({ entry: i, factor }) => Math.abs(factor - row[i]) <= 1e-5 * Math.max(1, size[i]));
  const complete = listed.size === Math.min(4, used.length) && [...listed].every((i) => used.includes(i));
  return right && complete ? [] : [`counterexample ${JSON.stringify(counterexample)}, row ${[...row]}`];
}

function complaint(plan: Plan): string | null {
  try {
    const { wrong } = compare(plan);
    return wrong.length > 0 ? wrong.join("; ") : null;
  } catch (error) {
    return `${error}`;
  }
}

/** What kind of complaint it is: its first words. What is made smaller must keep it. */
function kindOf(text: string | null): string | null {
  return text === null ? null : text.replaceAll(/block \d+|whole/g, "").split(/[\d;]/)[0];
}

describe.each(["plain", "simd"] as const)("%s", (tier) => {
  it(`${NETWORKS} networks from seed ${FIRST}: every claim is as the definition says`, () => {
    const before = S.useKernels(tier);
    const seen = new Map<string, number>();
    const failures: string[] = [];
    const wrongHolds: string[] = [];
    let [blocks, undecided] = [0, 0];
    try {
      for (let seed = FIRST; seed < FIRST + NETWORKS; seed++) {
        const plan = randomPlan(seed);
        const kind = kindOf(complaint(plan));
        if (kind !== null) {
          const least = smallest(plan, (smaller) => kindOf(complaint(smaller)) === kind);
          failures.push(`${JSON.stringify(least)}\n    ${complaint(least)}`);
        }
        const result = compare(plan);
        wrongHolds.push(...result.wrongHolds.map((text) => `seed ${seed}: ${text}`));
        blocks += result.blocks;
        undecided += result.undecided;
        for (const verdict of result.verdicts) seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
      }
    } finally {
      S.useKernels(before);
    }
    console.log(
      `${tier}: ${blocks} blocks, ${wrongHolds.length} wrong holds, ${failures.length} networks with a wrong claim, ${undecided} undecided ${JSON.stringify(Object.fromEntries(seen))}`,
    );
    expect(wrongHolds).toEqual([]);
    expect(failures.join("\n"), tier).toBe("");
    expect(undecided).toBeLessThanOrEqual(0.05 * blocks);
    for (const verdict of ["identity", "selection", "mask", "scale", "mixed", "zero", "transform"]) {
      expect(seen.get(verdict) ?? 0, verdict).toBeGreaterThan(0);
    }
  });
});
