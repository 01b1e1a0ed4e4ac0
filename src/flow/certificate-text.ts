/** The certificate in words. */
import { type Node, needsGrad, nodesBefore } from "../autograd/graph.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BlockCertificate, Certificate, CertifiedStep, Passage, ShortcutVerdict } from "./certificate.ts";

/** Why a block's shortcut has the verdict that it has. */
export function reasonFor({ verdict, factor, gain, open }: Passage, path: readonly CertifiedStep[]): string {
  const culprits = path.filter(({ effect }) => effect === verdict);
  const ops = [...new Set(culprits.map(({ op }) => op))].join(", ");
  switch (verdict) {
    case "identity":
      return "only additions and identities: ∂L/∂y is itself a summand of ∂L/∂x";
    case "selection":
      return `parameter-free selection (${ops}): entries of ∂L/∂y pass unchanged or are dropped, whatever the weights`;
    case "mask": {
      const where =
        path.indexOf(culprits[0]) < path.findIndex(({ op }) => op === "add") ? "after the addition" : "on the shortcut";
      return `gated by the mask of ${ops} ${where}: ${percent(open)} of ∂L/∂y passes on this input`;
    }
    case "scale":
      return `scaled by λ = ${readable(factor ?? Number.NaN)}: L such blocks leave λ^L of the gradient`;
    case "gate":
      return `multiplied by a computed gate (${ops}): what passes depends on the weights, on this input ${shorten(gain)} of ‖∂L/∂y‖`;
    case "transform":
      return `transformed by ${ops}: what passes depends on the weights`;
    case "none":
      return "no path";
  }
}

export function reasonWithoutPath(y: Tensor, x: Tensor): string {
  const nodes = nodesBefore(y, [x]).filter((n: Node) => n.inputs.some(needsGrad));
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const list = [...counts].map(([op, count]) => (count > 1 ? `${count} ${op}` : op)).join(", ");
  return `no path: no addition joins the block's input to its output; every way back passes all of ${list}`;
}

/** One sentence on the whole network. */
export function summarize({ blocks, whole }: Pick<Certificate, "blocks" | "whole">, model: string): string {
  if (blocks.length === 0)
    return `Not certified: ${model} has no residual blocks; the gradient has to pass every layer.`;
  const count = (verdict: ShortcutVerdict): number => blocks.filter((block) => block.verdict === verdict).length;
  const all = blocks.length === 1 ? "the block" : `all ${blocks.length} blocks`;
  const failed = blocks.filter(({ numeric }) => numeric && !numeric.passes);
  if (failed.length > 0) {
    return `Not certified: in ${failed.length} of ${blocks.length} blocks the numbers do not agree with the path (first: ${failed[0].block}).`;
  }
  if (blocks.every((block) => block.holds)) {
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
  const findings = [...counts].filter(([, n]) => n > 0).map(([finding, n]) => `${n} ${finding}`);
  return `Not certified: of ${blocks.length} shortcuts, ${findings.join(", ")}.`;
}

const FINDINGS: Readonly<Record<ShortcutVerdict | "dropout", string>> = {
  identity: "pass the gradient unchanged",
  selection: "select entries",
  mask: "are gated by a ReLU's mask after the addition",
  dropout: "drop entries at random",
  scale: "scale by a constant",
  gate: "are gated by a computed factor",
  transform: "transform by weights",
  none: "are missing",
};

function findingOf({ verdict, path }: BlockCertificate): string {
  return FINDINGS[verdict === "mask" && path.some(({ op }) => op === "dropout") ? "dropout" : verdict];
}

/**
 * The summary, the whole way, and a line per block: for a certificate that was read from JSON. One that `certify` made has it
 * as its `toString`.
 *
 * @example
 * const certificate = JSON.parse(JSON.stringify(certify(model, images)));
 * console.log(formatCertificate(certificate));
 *
 * @throws UsageError for what is no certificate.
 */
export function formatCertificate(certificate: Certificate): string {
  checkCertificate("formatCertificate", certificate);
  const { summary, blocks, whole } = certificate;
  const width = Math.max(...blocks.map(({ block }) => block.length));
  const lines = blocks.map(({ block, verdict, reason, numeric }) => {
    const numbers = !numeric
      ? ""
      : numeric.bitExact
        ? " [checked: equal to the last bit]"
        : ` [checked: largest error ${numeric.error.toExponential(1)}, ${numeric.errorInBounds.toFixed(2)} of its rounding bound]`;
    return `  ${block.padEnd(width)}  ${verdict.padEnd(9)}  ${reason}${numbers}`;
  });
  return [summary, ...(blocks.length > 0 ? [wholeWay(blocks, whole)] : []), ...lines].join("\n");
}

function wholeWay(blocks: readonly BlockCertificate[], whole: Passage): string {
  const { verdict, factor, gain, open } = whole;
  const way = "The whole way, along every shortcut:";
  const measured = `on this input ${percent(open)} of the entries arrive, with ${shorten(gain)} of the norm`;
  if (verdict === "none") {
    const missing = blocks.find((block) => block.verdict === "none");
    return missing
      ? `${way} there is none, it ends at ${missing.block}.`
      : `${way} there is none, the blocks are not a chain.`;
  }
  if (factor === 1) return `${way} every entry that passes is unchanged; ${measured}.`;
  if (factor !== null)
    return `${way} every entry that passes is multiplied by ${product(blocks, factor)}; ${measured}.`;
  return `${way} what passes depends on the ${verdict === "mask" ? "values" : "weights"}; ${measured}.`;
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
  return terms === `${factor}` ? terms : `${terms} = ${shorten(factor)}`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}

/** A float32 as it was probably written: 0.7 instead of 0.699999988079071. */
function readable(value: number): number {
  return Number(value.toPrecision(7));
}

/** Three digits. */
function shorten(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

/** Throws unless `value` has the parts of a certificate; whether what they claim is true is another question. */
export function checkCertificate(op: string, value: unknown): asserts value is Certificate {
  const isPassage = (part: unknown): boolean => typeof (part as Partial<Passage> | null)?.verdict === "string";
  const isBlock = (part: unknown): boolean => {
    const { block, reason, path } = (part ?? {}) as Partial<BlockCertificate>;
    return isPassage(part) && typeof block === "string" && typeof reason === "string" && Array.isArray(path);
  };
  const { summary, blocks, whole } = (value ?? {}) as Partial<Certificate>;
  if (typeof summary === "string" && Array.isArray(blocks) && blocks.every(isBlock) && isPassage(whole)) return;
  throw new UsageError(`${op}: needs a certificate, as certify makes it, got ${describe(value)}`);
}
