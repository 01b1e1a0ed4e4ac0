/** The certificate in words. */
import type { Module } from "../nn/module.ts";
import { residualBlocks } from "../resnet/index.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { pow } from "../tensor/math/index.ts";
import type {
  BlockCertificate,
  Certificate,
  CertifiedStep,
  NumericCheck,
  Passage,
  ShortcutVerdict,
  WholeWay,
} from "./certificate.ts";
import { EFFECTS } from "./path.ts";

/**
 * The reason for a verdict on W, in words.
 *
 * @param between the operations between y and x, newest first.
 * @param why the reason if it is undecided.
 */
export function reasonFor(
  passage: Passage,
  path: readonly CertifiedStep[],
  numeric: NumericCheck | null,
  between: readonly string[],
  why: string | null,
): string {
  const { verdict, factor, open, pathGain, onThisInput, ways, sent, arriving } = passage;
  const worst = path.reduce((most, { effect }) => Math.max(most, EFFECTS.indexOf(effect)), 0);
  const culprits = path.filter(({ effect }) => EFFECTS.indexOf(effect) === worst);
  const ops = [...new Set(culprits.map(({ op }) => op))].join(", ");
  switch (verdict) {
    case "identity":
      if (onThisInput)
        return `nothing is lost on this input: ∂L/∂y is itself a summand of ∂L/∂x (at others ${ops} may close)`;
      if (worst === 0) return "only additions and identities: ∂L/∂y is itself a summand of ∂L/∂x";
      return `the ways together are the identity: ∂L/∂y is itself a summand of ∂L/∂x`;
    case "selection":
      return `parameter-free selection (${ops}): ${arriving} of ${sent} entries of ∂L/∂y pass unchanged, the others are dropped, whatever the weights`;
    case "mask": {
      const where =
        path.indexOf(culprits[0]) < path.findIndex(({ op }) => op === "add") ? "after the addition" : "on the shortcut";
      return `gated by the mask of ${ops} ${where}: ${percent(open)} of ∂L/∂y passes on this input`;
    }
    case "scale":
      if (factor === null) return `scaled by factors that differ from entry to entry (${ops})`;
      return `scaled by λ = ${readable(factor)}: L such blocks leave λ^L of the gradient`;
    case "mixed":
      return `entries of ∂L/∂y are added up or go to several places (${[...new Set(path.map(({ op }) => op))].join(", ")}${ways > 1 ? `, ${ways} ways` : ""}): what arrives is not the gradient itself`;
    case "zero":
      return ways > 1
        ? `the ${ways} weightless ways together pass nothing: they cancel, or what each lets through is lost`
        : `the only weightless way lets nothing pass (${ops})`;
    case "gate":
      return `multiplied by a computed gate (${ops}): what passes depends on the weights, on this input ${shorten(pathGain)} of ‖∂L/∂y‖`;
    case "transform":
      return `transformed by ${ops}: what passes depends on the weights`;
    case "none":
      return numeric
        ? `no path: no addition joins the block's input to its output; between them stand ${counted(between)}`
        : "no path: the block's output was not computed from its input, or not recorded";
    case "undecided":
      return numeric && !numeric.agrees
        ? "undecided: what backward computes is not the sum of the shortcut's and the branch's parts"
        : `undecided: ${why}`;
  }
}

/** `2 relu, batchNorm`. */
function counted(ops: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, count]) => (count > 1 ? `${count} ${op}` : op)).join(", ");
}

/** One sentence on the whole network. */
export function summarize({ blocks, whole }: Pick<Certificate, "blocks" | "whole">, model: Module): string {
  if (blocks.length === 0) {
    const { name } = model.constructor;
    return residualBlocks(model).length > 0
      ? `Not certified: ${name} has residual blocks, but called none.`
      : `Not certified: ${name} has no residual blocks; the gradient has to pass every layer.`;
  }
  const count = (verdict: ShortcutVerdict): number => blocks.filter((block) => block.verdict === verdict).length;
  const all = blocks.length === 1 ? "the block" : `all ${blocks.length} blocks`;
  const open = blocks.filter(({ verdict }) => verdict === "undecided");
  if (open.length > 0) {
    return `Undecided: in ${open.length} of ${blocks.length} blocks it is not known what passes (first: ${open[0].block}).`;
  }
  if (blocks.every((block) => block.holds)) {
    if (whole.cut !== null) {
      return `Undecided: every block passes the gradient, but the graph is cut at ${whole.cut} (by detach, noGrad or a constant).`;
    }
    if (whole.verdict === "undecided") {
      return "Undecided: every block passes the gradient, but it is not known what passes between the blocks.";
    }
    if (whole.verdict !== "identity" && whole.verdict !== "selection") {
      return `Not certified: every block passes the gradient, but what stands between the blocks does not (${whole.verdict}).`;
    }
    const selections = count("selection");
    const where = selections > 0 ? `; at the ${selections} where the shape changes, by parameter-free selection` : "";
    return `Certified: the gradient passes ${all} through additions and identities alone${where}.`;
  }
  if (count("none") === blocks.length) {
    return `Not certified: no skip connection in ${all}; the gradient has to pass every layer.`;
  }
  const counts = new Map(Object.values(FINDINGS).map((finding) => [finding, 0]));
  for (const block of blocks) counts.set(findingOf(block), counts.get(findingOf(block))! + 1);
  const findings = [...counts].filter(([, n]) => n > 0).map(([[one, many], n]) => `${n} ${n === 1 ? one : many}`);
  return `Not certified: of ${blocks.length} shortcuts, ${findings.join(", ")}.`;
}

/** Of one shortcut, and of several. */
type Finding = readonly [one: string, many: string];

const FINDINGS: Readonly<Record<ShortcutVerdict | "dropout", Finding>> = {
  identity: ["passes the gradient unchanged", "pass the gradient unchanged"],
  selection: ["selects entries", "select entries"],
  mask: ["is gated by a ReLU's mask after the addition", "are gated by a ReLU's mask after the addition"],
  dropout: ["drops entries at random", "drop entries at random"],
  scale: ["scales by a constant", "scale by a constant"],
  gate: ["is gated by a computed factor", "are gated by a computed factor"],
  transform: ["transforms by weights", "transform by weights"],
  mixed: ["mixes entries", "mix entries"],
  zero: ["passes nothing", "pass nothing"],
  none: ["is missing", "are missing"],
  undecided: ["is undecided", "are undecided"],
};

function findingOf({ verdict, path }: BlockCertificate): Finding {
  return FINDINGS[verdict === "mask" && path.some(({ op }) => op === "dropout") ? "dropout" : verdict];
}

/**
 * The summary, the whole way, and a line per block, for a certificate read from JSON. A certificate from `certify` has
 * this as its `toString`.
 *
 * @example
 * const certificate = JSON.parse(JSON.stringify(certify(model, images)));
 * console.log(formatCertificate(certificate));
 *
 * @throws UsageError for anything but a certificate.
 */
export function formatCertificate(certificate: Certificate): string {
  checkCertificate("formatCertificate", certificate);
  const { summary, blocks, whole } = certificate;
  const names = blocks.map(callName);
  const width = Math.max(...names.map((name) => name.length));
  const lines = blocks.map(({ verdict, reason, numeric }, i) => {
    const numbers = numeric ? ` [checked: ${agreement(numeric)}]` : "";
    return `  ${names[i].padEnd(width)}  ${verdict.padEnd(9)}  ${reason}${numbers}`;
  });
  return [summary, ...(blocks.length > 0 ? [wholeWay(blocks, whole)] : []), ...lines].join("\n");
}

/** `layer1.0`, or `layer1.0 (call 2)`. */
export function callName({ block, call }: Pick<BlockCertificate, "block" | "call">): string {
  return call > 1 ? `${block} (call ${call})` : block;
}

function wholeWay(blocks: readonly BlockCertificate[], whole: WholeWay): string {
  const { verdict, factor, gain, pathGain, open, cut, onThisInput } = whole;
  const way = "The whole way, along every shortcut:";
  const input = onThisInput ? "on this input " : "";
  const measured = `${input}${percent(open)} of the entries arrive, with ${shorten(gain)} of the norm of a random gradient`;
  switch (verdict) {
    case "none": {
      const missing = blocks.find((block) => block.verdict === "none");
      return `${way} there is none${missing ? `, it ends at ${missing.block}` : ""}.`;
    }
    case "undecided":
      return cut === null
        ? `${way} it is not known what passes.`
        : `${way} the graph is cut at ${cut} (by detach, noGrad or a constant).`;
    case "zero":
      return `${way} it passes nothing.`;
    case "gate":
    case "transform":
      return `${way} what passes depends on the weights; on this input ${shorten(pathGain)} of the norm arrives.`;
    case "mixed":
      return `${way} entries are added up or go to several places; ${measured}.`;
  }
  if (factor === 1) return `${way} every entry that passes is unchanged; ${measured}.`;
  if (factor !== null)
    return `${way} every entry that passes is multiplied by ${product(blocks, factor)}; ${measured}.`;
  return `${way} what passes depends on the values; ${measured}.`;
}

/** `0.5^54 = 5.6e-17`. */
function product(blocks: readonly BlockCertificate[], factor: number): string {
  const powers = new Map<number, number>();
  for (const block of blocks) {
    if (block.factor === null || block.factor === 1) continue;
    const base = readable(block.factor);
    powers.set(base, (powers.get(base) ?? 0) + 1);
  }
  const terms = [...powers].map(([base, count]) => (count > 1 ? `${base}^${count}` : `${base}`)).join("·");
  if (terms === `${factor}`) return terms;
  // Something between the blocks may also have a factor.
  const agrees = Math.abs([...powers].reduce((p, [base, n]) => p * pow(base, n), 1) / factor - 1) < 1e-5;
  return agrees ? `${terms} = ${shorten(factor)}` : shorten(factor);
}

function percent(fraction: number | null): string {
  return `${(100 * (fraction ?? 0)).toFixed(0)} %`;
}

/** A float32 as it was probably written: 0.7 instead of 0.699999988079071. */
function readable(value: number): number {
  const short = Number(value.toPrecision(7));
  return short === 1 ? value : short;
}

/** Three digits. */
function shorten(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

/** Throws unless `value` has the parts of a certificate; their truth is another question. */
export function checkCertificate(op: string, value: unknown): asserts value is Certificate {
  const fault = faultOf(value);
  if (fault === null) return;
  throw new UsageError(`${op}: needs a certificate from certify, got ${fault}`);
}

/** The fault in a certificate's form: the first field that is missing or of another kind. */
function faultOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return describe(value);
  const { format, summary, blocks, whole } = value as Partial<Certificate>;
  const isFine: [field: string, value: unknown, fine: boolean][] = [
    ["summary", summary, typeof summary === "string"],
    ["blocks", blocks, Array.isArray(blocks)],
    ["whole.verdict", whole?.verdict, typeof whole?.verdict === "string"],
    ["format", format, format === 2],
  ];
  (Array.isArray(blocks) ? blocks : []).forEach((block: Partial<BlockCertificate> | null, i) => {
    for (const name of ["block", "verdict", "reason"] as const) {
      isFine.push([`blocks[${i}].${name}`, block?.[name], typeof block?.[name] === "string"]);
    }
    isFine.push([`blocks[${i}].path`, block?.path, Array.isArray(block?.path)]);
  });
  const wrong = isFine.filter(([, , fine]) => !fine);
  if (wrong.length === 0) return null;
  // None of it fits: something else was given.
  if (wrong.length === isFine.length) return describe(value);
  const [field, got] = wrong[0];
  return `one whose ${field} is ${got === undefined ? "missing" : describe(got)}`;
}

/** The result of the numeric check. */
export function agreement({ bitExact, agrees }: NonNullable<BlockCertificate["numeric"]>): string {
  if (bitExact) return "equal to the last bit";
  return agrees ? "equal within rounding" : "not equal";
}
