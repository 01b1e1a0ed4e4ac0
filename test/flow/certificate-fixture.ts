/** A certificate made by hand. */
import type { BlockCertificate, Certificate, Passage, ShortcutVerdict } from "../../src/flow/index.ts";

export function passageOf(verdict: ShortcutVerdict, change: Partial<Passage> = {}): Passage {
  const open = { identity: 1, selection: 0.25, mask: 0.54, scale: 1, mixed: 1 }[verdict as string] ?? 0;
  const factor = verdict === "scale" ? 0.5 : open > 0 && verdict !== "mixed" ? 1 : null;
  const numbers = { ways: open > 0 ? 1 : 0, sent: 100, arriving: 100 * open, open, gain: open, pathGain: open };
  return { verdict, factor, onThisInput: verdict === "mask", ...numbers, ...change };
}

export function blockOf(
  verdict: ShortcutVerdict,
  block: string,
  change: Partial<BlockCertificate> = {},
): BlockCertificate {
  const holds = verdict === "identity" || verdict === "selection";
  return {
    block,
    call: 1,
    ...passageOf(verdict),
    holds,
    reason: `made by hand: ${verdict}`,
    path: [{ op: "add", effect: "identity", factor: 1, input: 0 }],
    counterexample: holds ? null : { entry: 7, arrives: [], step: 0 },
    numeric: { agrees: true, bitExact: false, shortcutNorm: 1, branchNorm: 0.5 },
    ...change,
  };
}

export function certificateOf(blocks: readonly BlockCertificate[], change: Partial<Certificate> = {}): Certificate {
  const holds = blocks.length > 0 && blocks.every((block) => block.holds);
  const from = blocks[0]?.block ?? "";
  const to = blocks.at(-1)?.block ?? "";
  return {
    format: 2,
    holds,
    summary: holds ? "Certified: by hand." : "Not certified: by hand.",
    blocks,
    whole: { ...passageOf(holds ? "selection" : "mask"), from, to, cut: null },
    model: "ResNet",
    mode: "training",
    seed: 0,
    input: "0123abcd",
    weights: "89abcdef",
    draws: [{ state: [1, 2, 3, 0xffffffff], spare: null }],
    ...change,
  };
}
