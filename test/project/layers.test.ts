/** The layers: imports point down only, those of types too. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { transform } from "esbuild";
import { describe, expect, onTestFinished, test } from "vitest";
import { filesUnder, importCircle, importGraph, LAYERS, violations } from "./import-graph.ts";

const src = resolve("src");

describe("src", () => {
  test("every import points down, stays inside src, and names no package", async () => {
    const imports = await importGraph(src, { types: true });
    expect(imports.length).toBeGreaterThan(20);
    expect(violations(imports)).toEqual([]);
  });

  test("no circle of imports", async () => {
    expect(importCircle(await importGraph(src, { types: true }))?.join(" → ")).toBeUndefined();
  });

  test("every file lies in a layer, and index.ts at the top only re-exports", async () => {
    const folders = new Set(filesUnder(src, ".ts").map((path) => relative(src, path).split(sep)[0]));
    folders.delete("index.ts");
    expect([...folders].filter((folder) => !(folder in LAYERS))).toEqual([]);
    const { code } = await transform(readFileSync(join(src, "index.ts"), "utf8"), { loader: "ts" });
    const statements = code
      .replaceAll("\n", " ")
      .split(";")
      .map((statement) => statement.trim());
    expect(
      statements.filter((statement) => statement && !/^export .* from "\.\/[a-z]+\/index\.ts"$/.test(statement)),
    ).toEqual([]);
  });
});

describe("the tester itself", () => {
  /** Writes a small source tree and returns its broken rules. */
  async function rulesBrokenBy(files: Record<string, string>): Promise<string[]> {
    return violations(await importGraph(tree(files), { types: true }));
  }

  function tree(files: Record<string, string>): string {
    const root = mkdtempSync(join(tmpdir(), "skipstone-layers-"));
    onTestFinished(() => rmSync(root, { recursive: true }));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return root;
  }

  const tensor = "export const zero = 0; export type Zero = 0;";

  test("a downward import is fine", async () => {
    const files = { "tensor/a.ts": tensor, "autograd/b.ts": 'import { zero } from "../tensor/a.ts"; zero;' };
    expect(await rulesBrokenBy(files)).toEqual([]);
  });

  const rule = "tensor may import no other layer";
  for (const [name, statement] of Object.entries({
    "an upward import": 'import { zero } from "../nn/a.ts"; zero;',
    "an upward re-export": 'export * from "../nn/a.ts";',
    "an upward import of a type without `import type`": 'import { type Zero } from "../nn/a.ts"; export type B = Zero;',
    "an upward `import type`": 'import type { Zero } from "../nn/a.ts"; export type B = Zero;',
    "an upward `export type`": 'export type { Zero } from "../nn/a.ts";',
    "an upward import for side effects": 'import "../nn/a.ts";',
    "an upward dynamic import": 'export const later = () => import("../nn/a.ts");',
    "an upward import over several lines": 'import {\n  zero,\n} from\n  "../nn/a.ts";\nzero;',
  })) {
    test(`${name} is found`, async () => {
      expect(await rulesBrokenBy({ "nn/a.ts": tensor, "tensor/b.ts": statement })).toEqual([
        `tensor/b.ts imports nn/a.ts: ${rule}`,
      ]);
    });
  }

  test("an import in a comment or a string is none", async () => {
    const text = '// import { zero } from "../nn/a.ts";\nexport const s = `import { zero } from "../nn/a.ts"`;';
    expect(await rulesBrokenBy({ "nn/a.ts": tensor, "tensor/b.ts": text })).toEqual([]);
  });

  test("sideways imports are found: data may use tensor only", async () => {
    expect(await rulesBrokenBy({ "nn/a.ts": tensor, "data/b.ts": 'export * from "../nn/a.ts";' })).toEqual([
      "data/b.ts imports nn/a.ts: data may import tensor",
    ]);
  });

  test("packages and Node's modules are found", async () => {
    expect(await rulesBrokenBy({ "tensor/b.ts": 'export * from "node:fs"; export * from "left-pad";' })).toEqual([
      "tensor/b.ts imports the package node:fs: src has no dependencies",
      "tensor/b.ts imports the package left-pad: src has no dependencies",
    ]);
  });

  test("Node's modules are for the layer node alone, packages not even for it", async () => {
    const text = 'export * from "node:fs"; export * from "left-pad";';
    expect(await rulesBrokenBy({ "node/a.ts": text, "io/b.ts": 'export * from "../node/a.ts";' })).toEqual([
      "io/b.ts imports node/a.ts: io may import tensor, autograd, nn, resnet",
      "node/a.ts imports the package left-pad: src has no dependencies",
    ]);
  });

  test("a file outside every layer is found", async () => {
    expect(await rulesBrokenBy({ "tensor/a.ts": tensor, "util/b.ts": 'export * from "../tensor/a.ts";' })).toEqual([
      "util/b.ts lies in no layer",
    ]);
  });

  test("a circle is found", async () => {
    const files = {
      "tensor/a.ts": 'export * from "./b.ts";',
      "tensor/b.ts": 'export * from "./c.ts";',
      "tensor/c.ts": 'export * from "./a.ts";',
    };
    expect(importCircle(await importGraph(tree(files), { types: true }))).toEqual([
      "tensor/a.ts",
      "tensor/b.ts",
      "tensor/c.ts",
      "tensor/a.ts",
    ]);
  });

  test("a circle of types is found", async () => {
    const files = {
      "tensor/a.ts": 'import type { B } from "./b.ts";\nexport type A = B | 0;',
      "tensor/b.ts": 'import type { A } from "./a.ts";\nexport type B = A | 1;',
    };
    expect(importCircle(await importGraph(tree(files), { types: true }))).toEqual([
      "tensor/a.ts",
      "tensor/b.ts",
      "tensor/a.ts",
    ]);
  });
});
