/**
 * What an import costs: esbuild's minified ESM, gzipped. Printed, held under a limit, and compared with the README's
 * table, which may be 5 % off.
 *
 * A limit is a little above what was measured. Why it is not less: docs/decisions/0008-what-an-import-costs.md.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";

interface Measured {
  /** As in the README's table. */
  readonly name: string;
  /** The program whose bundle is measured. */
  readonly program: string;
  /** Most bytes allowed, in KiB, min+gzip. */
  readonly limit: number;
}

const all = (...layers: readonly string[]): string =>
  layers.map((layer) => `export * as ${layer} from "./src/${layer}/index.ts";`).join("\n");
const some = (...names: readonly string[]): string => `export { ${names.join(", ")} } from "./src/index.ts";`;

const measured: readonly Measured[] = [
  { name: "one operation: `add`", program: some("add"), limit: 52.2 },
  { name: "tensor", program: all("tensor"), limit: 59.1 },
  { name: "tensor + autograd", program: all("tensor", "autograd"), limit: 81.8 },
  { name: "tensor + autograd + nn", program: all("tensor", "autograd", "nn"), limit: 109.2 },
  { name: "tensor + autograd + nn + resnet", program: all("tensor", "autograd", "nn", "resnet"), limit: 118.9 },
  { name: "io: safetensors, .pth, ONNX", program: all("io"), limit: 121.8 },
  { name: "everything", program: 'export * from "./src/index.ts";', limit: 211.0 },
  {
    name: "cifarResNet, crossEntropy, backward, SGD",
    program: some("cifarResNet", "crossEntropy", "backward", "SGD", "Rng", "tensor"),
    limit: 75.1,
  },
  {
    name: "the program above",
    program: readFileSync("examples/train-in-15-lines.ts", "utf8").replaceAll('"../src/', '"./src/'),
    limit: 90.8,
  },
];

const readme = readFileSync("README.md", "utf8");
const rows: string[] = [];

afterAll(() => {
  console.log(`What an import costs, KiB minified, and gzipped\n${rows.join("\n")}`);
});

/** Bytes of a program's bundle, minified, and gzipped. */
async function sizesOf(program: string): Promise<readonly [minified: number, gzipped: number]> {
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
  return [contents.length, gzipSync(contents, { level: 9 }).length];
}

test.each(measured)("$name: at most $limit KiB, and what the README says", async ({ name, program, limit }) => {
  const [minified, gzipped] = (await sizesOf(program)).map((bytes) => bytes / 1024);
  rows.push(`  ${name.padEnd(42)} ${minified.toFixed(1).padStart(6)} ${gzipped.toFixed(1).padStart(6)}`);
  expect(gzipped).toBeLessThanOrEqual(limit);

  const written = readme.split("\n").find((line) => line.split("|")[1]?.trim() === name);
  expect(Math.abs(Number(written?.split("|")[2]) / gzipped - 1), written).toBeLessThan(0.05);
});

test("useThreads: at most 4.4 KiB more, and nothing of it for those who do not import it", async () => {
  const names = ["cifarResNet", "crossEntropy", "backward", "SGD", "Rng", "tensor"];
  const [, without] = await sizesOf(some(...names));
  const [, withThreads] = await sizesOf(some(...names, "useThreads"));
  const more = (withThreads - without) / 1024;
  rows.push(`  ${"useThreads, beside them".padEnd(49)} ${more.toFixed(1).padStart(6)}`);
  expect(more).toBeGreaterThan(1);
  expect(more).toBeLessThanOrEqual(4.4);
  const { metafile } = await build({
    stdin: { contents: some(...names), resolveDir: resolve("."), loader: "ts" },
    bundle: true,
    format: "esm",
    write: false,
    metafile: true,
  });
  const inputs = Object.values(metafile.outputs)[0].inputs;
  const ofThreads = Object.keys(inputs).filter((path) => path.includes("/threads"));
  expect(ofThreads.filter((path) => inputs[path].bytesInOutput > 0)).toEqual([]);
});
