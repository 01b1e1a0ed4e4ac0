/** What several runtimes' reports have to have in common, and the table of what they said. */
import { milliseconds } from "../report.ts";
import type { Report } from "./program.ts";

/** What a runtime reported. */
export interface Result {
  /** With version and note. */
  readonly name: string;
  /** See `Runtime`. */
  readonly mixed: boolean;
  readonly report: Report;
}

/** How the tier that was chosen computes: bits are equal among those of one kind. */
function kindOf({ mixed, report: { auto, fused } }: Result): string {
  if (auto.tier === "plain") return "plain";
  if (mixed) return "SIMD, in part plain";
  return fused === undefined ? "SIMD" : fused ? "SIMD, fused" : "SIMD, not fused";
}

/** What differs although it must not, each as a line. */
export function differences(results: readonly Result[]): string[] {
  const found: string[] = [];
  const compare = (what: string, bits: (result: Result) => string | undefined): void => {
    const groups = new Map<string, string[]>();
    for (const result of results) {
      const own = bits(result);
      if (own !== undefined) groups.set(own, [...(groups.get(own) ?? []), result.name]);
    }
    const words = [...groups].map(([own, names]) => `${own} in ${names.join(", ")}`);
    if (groups.size > 1) found.push(`${what}: ${words.join("; ")}`);
  };
  compare("random numbers differ", ({ report }) => report.random);
  compare("bits of the plain tier differ", ({ report }) => report.plain.bits);
  for (const kind of ["SIMD, fused", "SIMD, not fused"]) {
    compare(`bits of ${kind} differ`, (result) => (kindOf(result) === kind ? result.report.auto.bits : undefined));
  }
  return found;
}

/** Head and lines of the README's table. */
export function tableOf(results: readonly Result[]): { head: string[]; lines: string[][] } {
  const head = ["runtime", "tier", "bits", "ms per step", "plain: bits", "plain: ms per step"];
  const lines = results.map((result) => {
    const { plain, auto } = result.report;
    return [result.name, kindOf(result), auto.bits, milliseconds(auto.time), plain.bits, milliseconds(plain.time)];
  });
  return { head, lines };
}
