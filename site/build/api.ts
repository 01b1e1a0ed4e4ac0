/**
 * The reference: TypeDoc reads the doc comments of every public entry and writes a page per export, and, as JSON, what it found.
 * From that come the lists beside the pages and the gate: every export has a page, a doc comment and, if it is called or made, an
 * example.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { linkTo } from "./links.ts";
import { pages, site } from "./places.ts";
import { filesOf } from "./relative.ts";
import { pageOf } from "./source.ts";

/** What is used of TypeDoc's JSON. */
export interface Reflection {
  readonly name: string;
  readonly kind: number;
  readonly variant: string;
  readonly comment?: Comment;
  readonly signatures?: readonly Reflection[];
  readonly children?: readonly Reflection[];
}

interface Comment {
  readonly summary?: readonly { readonly text: string }[];
  readonly blockTags?: readonly { readonly tag: string }[];
}

/** TypeDoc's numbers for kinds of export (ReflectionKind), with the folder of their pages. */
const FOLDERS: Readonly<Record<number, string>> = {
  4: "namespaces",
  32: "variables",
  64: "functions",
  128: "classes",
  256: "interfaces",
  2097152: "type-aliases",
};
const NAMESPACE = 4;
const CALLED_OR_MADE = [64, 128];

/** An export, as the gate and the lists need it. */
export interface Export {
  /** Such as nn.init.kaimingNormal. */
  readonly name: string;
  readonly folder: string;
  /** Of its page, from api/, without extension. */
  readonly page: string;
  readonly documented: boolean;
  /** Whether it has an example, or needs none. */
  readonly example: boolean;
}

/** Writes the reference into .pages/api. @throws Error with TypeDoc's words if it cannot. */
export function writeReference(): void {
  const command = join(site, "node_modules/typedoc/bin/typedoc");
  try {
    execFileSync(process.execPath, [command, "--out", `${pages}api`, "--json", `${pages}api.json`], {
      cwd: site,
      stdio: "pipe",
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    throw new Error(`TypeDoc could not write the reference:\n${stdout ?? ""}${stderr ?? ""}`);
  }
  for (const path of filesOf(`${pages}api/`)) if (path.endsWith(".md")) tidyPage(path);
  writeSidebars(readReference());
  writeEntries();
}

/** The exports that the reference has, from TypeDoc's JSON in .pages. */
export function readReference(): Export[] {
  const project = JSON.parse(readFileSync(`${pages}api.json`, "utf8")) as Reflection;
  return (project.children ?? []).flatMap((layer) => exportsOf(layer, layer.name, layer.name));
}

/** The exports of a layer or namespace, and of the namespaces in it. What it only passes on from another one is left out. */
export function exportsOf(parent: Reflection, name: string, path: string): Export[] {
  return (parent.children ?? [])
    .filter(({ variant, kind }) => variant !== "reference" && kind in FOLDERS)
    .flatMap((child) => {
      const [inside, own] = [`${name}.${child.name}`, `${path}/${FOLDERS[child.kind]}/${child.name}`];
      if (child.kind === NAMESPACE) return exportsOf(child, inside, own);
      const comments = [child.comment, ...(child.signatures ?? []).map(({ comment }) => comment)];
      return {
        name: inside,
        folder: FOLDERS[child.kind],
        page: own,
        documented: comments.some((comment) => comment?.summary?.some(({ text }) => text.trim() !== "")),
        example:
          !CALLED_OR_MADE.includes(child.kind) ||
          comments.some((comment) => comment?.blockTags?.some(({ tag }) => tag === "@example")),
      };
    });
}

/** What is missing, one line each; empty if the reference is whole. */
export function gaps(exports: readonly Export[]): string[] {
  return exports.flatMap(({ name, page, documented, example }) => [
    ...(existsSync(`${pages}api/${page}.md`) ? [] : [`${name} has no page`]),
    ...(documented ? [] : [`${name} has no doc comment`]),
    ...(example ? [] : [`${name} has no @example`]),
  ]);
}

/** What the plugin writes before a title that says what an export is. */
const KINDS = /^# (Abstract )?(Function|Class|Interface|Type Alias|Variable): (.*)$/m;

/**
 * A page as the site has it: without the plugin's head and rule above the title, which is the name alone under a label with its kind;
 * its types as they are called; and links to the line of the source. The lists beside it are in the order of the alphabet, which nobody
 * reads on in, so it has no page before or after it.
 */
export function tidyReference(text: string, path: string): string {
  return text
    .replace(/^[\s\S]*?(?=^# )/m, "---\nprev: false\nnext: false\n---\n\n")
    .replace(KINDS, (_, abstract: string | undefined, kind: string, name: string) => {
      const label = `${abstract ?? ""}${kind}`.toLowerCase();
      const layer = path.split("/")[0];
      return `<p class="kind">${label} of skipstone/${layer}</p>\n\n# ${name.replace(/\\?<.*$/, "").replace(/\(\)$/, "")}`;
    })
    .replaceAll(/^(\| `[^|]*` \| )\\\| /gm, "$1")
    .replaceAll("Float32Array<ArrayBuffer>", "Float32Array")
    .replaceAll("`Float32Array`\\<`ArrayBuffer`\\>", "`Float32Array`")
    .replace(/^```ts\n[\s\S]*?^```$/gm, (block) =>
      block
        .replace(/:\s*\n\s*\| /g, ": ")
        .replace(/\n\s*\| /g, " | ")
        .replace(/ +$/gm, ""),
    )
    .replace(
      /^Defined in: \[([^\]]*)\]\(source:([^#)]*)(#[^)]*)\)$/gm,
      (_, name: string, file: string, line: string) => {
        if (file.includes("node_modules")) return ""; // What a class has from the language itself.
        return `<p class="defined">Source: <a href="${linkTo(pageOf(file), `api/${path}`)}${line}" target="_self">src/${name}</a></p>`;
      },
    );
}

function tidyPage(path: string): void {
  const file = `${pages}api/${path}`;
  writeFileSync(file, tidyReference(readFileSync(file, "utf8"), path));
}

/** The entries, from numbers to networks, with what a reader looks for in each. */
const ENTRIES: readonly (readonly [layer: string, words: string])[] = [
  ["tensor", "tensors and how they are made, shapes, seeded random numbers, errors, threads"],
  ["autograd", "operations with their derivatives (`conv2d`, `matmul`, `crossEntropy`, …), `backward`, `noGrad`"],
  [
    "nn",
    "modules and layers (`Conv2d`, `BatchNorm2d`, …), optimisers, schedules, `fit`, `evaluate`, `predict`, `summary`",
  ],
  ["resnet", "residual networks and their plain twins: `createModel`, `cifarResNet`, blocks, shortcuts"],
  ["flow", "instruments: `certify`, `flowRecorder`, `flowVerdict`, `identityShares`, `saliency`, lesions"],
  ["data", "readers of data sets, `batches`, augmentation"],
  ["io", "weights in and out: safetensors, PyTorch's `.pth`, NumPy, TensorFlow.js, ONNX"],
  ["node", "the same readers and writers with paths, for Node"],
];

/** The reference's first page: what each entry is for, and how it is imported. */
function writeEntries(): void {
  const rows = ENTRIES.map(([layer, words]) => `| [skipstone/${layer}](./${layer}/index.md) | ${words} |`);
  writeFileSync(
    `${pages}api/index.md`,
    `---\nprev: false\nnext: false\n---\n\n# API reference\n\nAll but the last entry are in \`skipstone\` as well: \`import { conv2d } from "skipstone"\`. The search finds a function by its name (Ctrl K).\n\n| entry | what is in it |\n| --- | --- |\n${rows.join("\n")}\n`,
  );
}

interface Item {
  readonly text: string;
  readonly link?: string;
  readonly items?: readonly Item[];
}

function writeSidebars(exports: readonly Export[]): void {
  const layers = [...new Set(exports.map(({ name }) => name.split(".")[0]))];
  const entries: Item[] = layers.map((layer) => ({ text: `skipstone/${layer}`, link: `/api/${layer}/` }));
  writeFileSync(`${pages}api/sidebar.json`, JSON.stringify([{ text: "API reference", items: entries }]));
  for (const layer of layers) {
    const own = exports.filter(({ name }) => name.startsWith(`${layer}.`));
    // Interfaces and types are reached from the layer's page and from what takes them: in every page's list they would weigh too much.
    const groups = ["functions", "classes", "variables"].map((folder) => ({
      text: folder,
      items: own
        .filter((one) => one.folder === folder)
        .map(({ name, page }) => ({ text: name.slice(layer.length + 1), link: `/api/${page}` })),
    }));
    const list = [
      { text: `skipstone/${layer}`, link: `/api/${layer}/`, items: [{ text: "all entries", link: "/api/" }] },
      ...groups.filter(({ items }) => items.length > 0),
    ];
    writeFileSync(`${pages}api/${layer}/sidebar.json`, JSON.stringify(list));
  }
}
