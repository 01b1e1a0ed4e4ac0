/** `npm run runtimes` (bench/runtimes), as far as this Node goes: its program, its judgement, and the README's table. */
import { readFileSync } from "node:fs";
import { createContext, Script } from "node:vm";
import { describe, expect, test } from "vitest";
import { bundle, type Host } from "../../bench/runtimes/bundle.ts";
import { differences, type Result, tableOf } from "../../bench/runtimes/judge.ts";
import { MARK } from "../../bench/runtimes/mark.ts";
import { DRAWS, type Report } from "../../bench/runtimes/program.ts";
import { runtimes } from "../../bench/runtimes/runtimes.ts";
import { report as bitsOf } from "../runtimes/checksums.ts";

const HOSTS: readonly Host[] = ["shell", "page", "worker", "worker-operation", "worker-top"];

test.each(HOSTS)("the program for a host of kind %s is one file that imports nothing", async (host) => {
  const code = await bundle(host);
  expect(code.length).toBeGreaterThan(50_000);
  expect(code).not.toMatch(/^\s*import\b|\bimport\(|\brequire\(/m);
});

test("in an engine that has nothing but the language the program runs on the plain tier, with this Node's bits", async () => {
  const printed: string[] = [];
  const engine = createContext({ print: (text: string) => printed.push(text) });
  new Script("delete globalThis.WebAssembly; delete globalThis.console;").runInContext(engine);
  new Script(await bundle("shell")).runInContext(engine);
  expect(printed).toHaveLength(1);
  const { bits, tier, time, plainTime } = JSON.parse(printed[0].slice(MARK.length)) as Report;
  expect({ tier, simd: bits.simd }).toEqual({ tier: "plain", simd: null });
  expect(bits.everywhere).toEqual(bitsOf({ draws: DRAWS }).everywhere);
  expect(time).toBe(plainTime);
  expect(time).toBeGreaterThan(0);
});

/** A runtime that computed two things: without SIMD unless `fused` says how it multiplies and adds. */
function result(name: string, normals: string, conv = "", fused?: boolean): Result {
  const simd = fused === undefined ? null : { fused, checksums: { conv } };
  const tier = simd ? "simd" : "plain";
  return { name, report: { bits: { everywhere: { normals, sums: "5" }, simd }, tier, time: 1.5, plainTime: 123.4 } };
}

describe("what differs", () => {
  test("nothing: plain bits are equal everywhere, SIMD bits among those that multiply and add alike", () => {
    const results = [result("A", "1", "2", true), result("B", "1", "2", true), result("C", "1", "3", false)];
    expect(differences([...results, result("D", "1")])).toEqual([]);
  });

  test("plain bits: the part, its bits, and where", () => {
    const results = [result("A", "1"), result("B", "2", "3", true), result("C", "1")];
    expect(differences(results)).toEqual(["normals (plain): 1 in A and C; 2 in B"]);
  });

  test("SIMD bits of one kind", () => {
    const results = [result("A", "1", "2", true), result("B", "1", "3", true), result("C", "1", "4", false)];
    expect(differences(results)).toEqual(["conv (SIMD, fused): 2 in A; 3 in B"]);
  });

  test("not where a runtime computes with both tiers, or is known to be wrong", () => {
    const mixed = { ...result("B", "1", "3", true), mixed: true };
    const wrong = { ...result("C", "1", "4", true), wrong: ["conv"] };
    expect(differences([result("A", "1", "2", true), mixed, wrong])).toEqual([]);
  });
});

test("the table: a line for each runtime; equal bits are equal words", () => {
  const results = [result("A", "1", "2", true), result("B", "1", "3", false), result("C", "1")];
  const { head, lines } = tableOf([...results, { ...result("D", "1", "9", true), mixed: true }]);
  expect(lines.every((line) => line.length === head.length)).toBe(true);
  expect(lines.map(([name, tier, , time]) => [name, tier, time])).toEqual([
    ["A", "SIMD, fused", "1.50"],
    ["B", "SIMD, not fused", "1.50"],
    ["C", "plain", "1.50"],
    ["D", "SIMD, in part plain", "1.50"],
  ]);
  const plain = lines.map((line) => line[4]);
  expect(plain[0]).toMatch(/^[0-9a-f]{8}$/);
  expect(new Set(plain).size).toBe(1);
  expect(lines[2][2]).toBe(plain[0]);
  expect(lines[0][2]).not.toBe(lines[1][2]);
});

describe("README.md", () => {
  const readme = readFileSync("README.md", "utf8");
  const start = readme.split("\n").findIndex((line) => line.startsWith("| runtime "));
  const rows = readme.split("\n").slice(start + 2, start + 2 + runtimes.length);
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));

  test("has every runtime in its table, in order", () => {
    expect(start).toBeGreaterThan(0);
    runtimes.forEach(({ name, note = "" }, i) => {
      expect(cells[i][1].startsWith(name) && cells[i][1].endsWith(note), `${name} is row ${i}: ${rows[i]}`).toBe(true);
    });
  });

  test("and the same bits of the plain tier in each", () => {
    expect(cells[0][5]).toMatch(/^[0-9a-f]{8}$/);
    expect(new Set(cells.map((row) => row[5])).size).toBe(1);
  });

  test("and the same SIMD bits in all that round x·y + z alike", () => {
    const right = cells.filter((_, i) => !runtimes[i].wrong);
    for (const tier of ["SIMD, fused", "SIMD, not fused"]) {
      const bits = right.filter((row) => row[2] === tier).map((row) => row[3]);
      expect(bits.length, tier).toBeGreaterThan(2);
      expect(new Set(bits).size, tier).toBe(1);
    }
  });
});
