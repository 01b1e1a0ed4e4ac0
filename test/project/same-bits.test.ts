/**
 * What must come out equal everywhere uses nothing of the platform that may differ in a last bit: of `Math`, only what
 * IEEE 754 rounds exactly, whole numbers and constants; of `**`, only powers of two, which every engine has exactly (their
 * checksum is compared in test/runtimes). src/tensor/math has the rest.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { filesUnder } from "./import-graph.ts";

const EXACT = new Set([
  ...["sqrt", "fround", "abs", "floor", "ceil", "round", "trunc", "sign", "min", "max", "imul", "clz32"],
  ...["E", "LN2", "LN10", "LOG2E", "LOG10E", "PI", "SQRT1_2", "SQRT2"],
]);

/** Files that may, what, and why. */
const ALLOWED: readonly [path: string, uses: readonly string[], reason: string][] = [
  ["flow/landscape.ts", ["**"], "the number of points of a grid, a small whole number"],
  ["flow/path-lengths.ts", ["Math.log", "Math.exp", "**"], "a report: fractions C(n, k)/2ⁿ, and a standard deviation"],
  ["flow/singular-values.ts", ["**"], "a report, with the bounds of its error"],
  ["flow/verdict.ts", ["Math.log"], "a report: which layer is furthest from the last one's gradient"],
];

/** What in this code is the platform's and inexact, each once. */
async function inexactUses(source: string): Promise<string[]> {
  const { code } = await transform(source, { loader: "ts", minifyWhitespace: true, legalComments: "none" });
  const ofMath = Array.from(code.matchAll(/\bMath\b(?:\.(\w+))?/g))
    .filter(([, name]) => !EXACT.has(name))
    .map(([use]) => use);
  const powers = Array.from(code.matchAll(/(^|.)(.)\*\*/g)).filter(
    ([, before, base]) => base !== "2" || /[\w.)\]]/.test(before),
  );
  return [...new Set([...ofMath, ...powers.map(() => "**")])];
}

test("src uses what is exact everywhere, but for a few files that say why", async () => {
  const found = await Promise.all(
    filesUnder("src", ".ts").map(
      async (path) => [path, (await inexactUses(readFileSync(path, "utf8"))).sort()] as const,
    ),
  );
  expect(found.length).toBeGreaterThan(150);
  expect(Object.fromEntries(found.filter(([, uses]) => uses.length > 0))).toEqual(
    Object.fromEntries(ALLOWED.map(([path, uses]) => [join("src", ...path.split("/")), [...uses].sort()])),
  );
});

test.each([
  ["const y = Math.exp(x);", ["Math.exp"]],
  ["const { log } = Math;", ["Math"]],
  ['const y = Math["tanh"](x) + Math . cos(x);', ["Math", "Math.cos"]],
  ["const y = values.map(Math.log);", ["Math.log"]],
  ["const y = x ** 2;", ["**"]],
  ["x **= 3;", ["**"]],
  ["const y = 12 ** n + x2 ** 2;", ["**"]],
  ["const y = 2 ** -24 * Math.sqrt(x) + Math.PI; // Math.exp(x) ** 3", []],
  ["/** x ** y */ const bytes = 3 * 2 ** (n + 1);", []],
])("the search itself: %s", async (source, uses) => {
  expect(await inexactUses(source)).toEqual(uses);
});
