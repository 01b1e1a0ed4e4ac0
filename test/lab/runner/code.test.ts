import { resolve } from "node:path";
import { expect, test } from "vitest";
import { experiments } from "../../../lab/experiments/index.ts";
import { codeChecksum, codeOf, importsOf } from "../../../lab/runner/code.ts";
import { importGraph } from "../../project/import-graph.ts";

test("the same code, the same checksum; another experiment has another", () => {
  expect(codeChecksum("vanish")).toMatch(/^[0-9a-f]{16}$/);
  expect(codeChecksum("vanish")).toBe(codeChecksum("vanish"));
  expect(codeChecksum("vanish")).not.toBe(codeChecksum("degradation"));
});

test("what an experiment imports is in it, by whatever name; what shows its results is not", () => {
  const code = codeOf("highway");
  for (const path of ["training/train.ts", "data/halve.ts", "report/statistics.ts", "../src/flow/gates.ts"]) {
    expect(code).toContain(path);
  }
  expect(code.filter((path) => /-report|^page|^runner|variants/.test(path))).toEqual([]);
  expect(codeOf("shortcuts")).toEqual(
    expect.arrayContaining(["experiments/highway-unit.ts", "experiments/variants.ts"]),
  );
});

test("imports and re-exports of any form, also as compiled; no text that begins with a dot", () => {
  const text = `import "./a.js";
import b from "../b.js";
import {
  c,
  d,
} from "./c.js";
export { e } from "./e.js";
export * from "../../f.js";
import type { G } from "./g.js";
import { h } from "node:fs";
export function i(equation) {
    const [left, right] = equation.replaceAll("...", "").split("./j")
    return import("./k.js");
}
export const from = "./l";
`;
  expect(importsOf(text)).toEqual(["./a.js", "../b.js", "./c.js", "./e.js", "../../f.js", "./k.js"]);
});

test("every import that a bundler sees is seen here", async () => {
  const next = new Map<string, string[]>();
  for (const { from, to, external } of await importGraph(resolve("lab"))) {
    if (!external) next.set(from, [...(next.get(from) ?? []), to]);
  }
  for (const { name } of experiments) {
    // A set that grows while it is walked.
    const reached = new Set([`experiments/${name}.ts`, "data/images.ts"]);
    for (const file of reached) for (const to of next.get(file) ?? []) reached.add(to);
    expect(codeOf(name)).toEqual([...reached].sort());
  }
});
