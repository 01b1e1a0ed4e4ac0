/** Compares the reports of several runtimes, and makes a table of them. */
import type { Report as Bits, Checksums } from "../../test/runtimes/checksums.ts";
import { hashOf } from "../../test/runtimes/hash.ts";
import { milliseconds } from "../report.ts";
import type { Report } from "./program.ts";

/** A runtime's report. */
export interface Result {
  /** With version and note. */
  readonly name: string;
  /** See `Runtime`. */
  readonly mixed?: boolean;
  readonly wrong?: readonly string[];
  readonly report: Report;
}

/** How the chosen tier computes, in words. */
function tierOf({ mixed, report: { tier, bits } }: Result): string {
  if (tier === "plain" || !bits.simd) return tier;
  if (mixed) return "SIMD, in part plain";
  return bits.simd.fused ? "SIMD, fused" : "SIMD, not fused";
}

/** The checksums that all runtimes with the same way of computing must share, by that way. */
function promisesOf(result: Result): readonly (readonly [tier: string, checksums: Checksums])[] {
  const { mixed, wrong = [], report } = result;
  const { everywhere, simd } = report.bits;
  const plain = ["plain", everywhere] as const;
  if (mixed || !simd) return [plain];
  const right = Object.entries(simd.checksums).filter(([part]) => !wrong.includes(part));
  return [plain, [tierOf(result), Object.fromEntries(right)]];
}

/** Everything that differs but must not, one line each: `normals (plain): 0a1b2c3d in Node 20; 4e5f6a7b in Bun`. */
export function differences(results: readonly Result[]): string[] {
  /** What was computed, the result, and where. */
  const found = new Map<string, Map<string, string[]>>();
  for (const result of results) {
    for (const [tier, checksums] of promisesOf(result)) {
      for (const [part, sum] of Object.entries(checksums)) {
        const sums = upsert(found, `${part} (${tier})`, () => new Map<string, string[]>());
        upsert(sums, sum, () => []).push(result.name);
      }
    }
  }
  return [...found].flatMap(([what, sums]) => {
    const words = [...sums].map(([sum, names]) => `${sum} in ${names.join(" and ")}`);
    return sums.size > 1 ? [`${what}: ${words.join("; ")}`] : [];
  });
}

function upsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** All of them in eight digits. */
function digest(checksums: Checksums): string {
  return hashOf((hash) => hash.text(JSON.stringify(checksums)));
}

/** Bits of the tier in use. */
function bitsInUse({ everywhere, simd }: Bits): string {
  return digest(simd?.checksums ?? everywhere);
}

/** Head and lines of the README's table. */
export function tableOf(results: readonly Result[]): { head: string[]; lines: string[][] } {
  const head = ["runtime", "tier", "its bits", "ms per step", "plain: bits", "plain: ms"];
  const lines = results.map((result) => {
    const { bits, time, plainTime } = result.report;
    const own = [tierOf(result), bitsInUse(bits), milliseconds(time)];
    return [result.name, ...own, digest(bits.everywhere), milliseconds(plainTime)];
  });
  return { head, lines };
}
