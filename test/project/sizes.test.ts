/**
 * What an import costs: esbuild's minified ESM, gzipped. Printed here and in the README, and held under a limit.
 *
 * A limit is the measured size rounded up a little: raise it only together with the README's table, knowing why.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";

interface Measured {
  readonly name: string;
  /** The program whose bundle is measured. */
  readonly program: string;
  /** Most bytes allowed, in KiB, min+gzip. */
  readonly limit: number;
}

const all = (...layers: readonly string[]): string =>
  layers.map((layer) => `export * as ${layer} from "./src/${layer}/index.ts";`).join("\n");

const measured: readonly Measured[] = [
  { name: "tensor", program: all("tensor"), limit: 9 },
  { name: "tensor + autograd", program: all("tensor", "autograd"), limit: 15 },
  { name: "tensor + autograd + nn", program: all("tensor", "autograd", "nn"), limit: 20 },
  { name: "tensor + autograd + nn + resnet", program: all("tensor", "autograd", "nn", "resnet"), limit: 22 },
  { name: "everything", program: 'export * from "./src/index.ts";', limit: 30 },
  {
    name: "one function: add",
    program: 'export { add } from "./src/index.ts";',
    limit: 8,
  },
  {
    name: "a program that trains a residual network",
    program: readFileSync("examples/train-in-15-lines.ts", "utf8").replaceAll('"../src/', '"./src/'),
    limit: 12,
  },
];

const rows: string[] = [];

afterAll(() => {
  console.log(`Size of an import, KiB (minified, gzipped)\n${rows.join("\n")}`);
});

test.each(measured)("$name: at most $limit KiB min+gzip", async ({ name, program, limit }) => {
  const result = await build({
    stdin: { contents: program, resolveDir: resolve("."), loader: "ts" },
    bundle: true,
    minify: true,
    legalComments: "none",
    platform: "neutral",
    external: ["node:*"],
    format: "esm",
    write: false,
  });
  const { contents } = result.outputFiles[0];
  const minified = contents.length / 1024;
  const gzipped = gzipSync(contents, { level: 9 }).length / 1024;
  rows.push(`  ${name.padEnd(42)} ${minified.toFixed(1).padStart(6)} ${gzipped.toFixed(1).padStart(6)}`);
  expect(gzipped).toBeLessThanOrEqual(limit);
});
