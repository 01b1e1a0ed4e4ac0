/**
 * Who imports whom, as esbuild sees it: the imports that exist at run time, and if asked those of types too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { build, type Plugin } from "esbuild";

export interface Import {
  /** Importing file, relative to the root: `tensor/create.ts`. */
  readonly from: string;
  /** Imported file, relative to the root, or the name of a package: `node:fs`. */
  readonly to: string;
  readonly external: boolean;
}

/** Every file under `folder` whose name ends in `extension`, as paths that start with `folder`, in alphabetical order. */
export function filesUnder(folder: string, extension: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name))
    .sort();
}

/** esbuild forgets an `import type`: it is shown an `import`, which it keeps. */
const typesToo: Plugin = {
  name: "types too",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/^(import|export) type (?=[\w*{][^;=]*\bfrom\b)/gm, "$1 "),
      loader: "ts",
    }));
  },
};

/**
 * Every import of every TypeScript file under `root`. A file that does not parse, or an import of nothing, throws.
 *
 * @param types imports of types too. (`import { type A }` counts in any case: it is an import for its side effects.)
 */
export async function importGraph(root: string, { types = false }: { types?: boolean } = {}): Promise<Import[]> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: filesUnder(root, ".ts"),
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    bundle: true,
    packages: "external",
    platform: "neutral",
    format: "esm",
    outdir: "/nowhere",
    write: false,
    metafile: true,
    logLevel: "silent",
    plugins: types ? [typesToo] : [],
  });
  const name = (path: string): string => relative(root, join(root, path)).split(sep).join("/");
  const inputs = Object.entries(result.metafile.inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  return inputs.flatMap(([from, { imports }]) =>
    imports.map(({ path, external }) => ({
      from: name(from),
      to: external ? path : name(path),
      external: external === true,
    })),
  );
}

/** The layers, lowest first, and what each may import. `index.ts` at the top may import all of them. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  tensor: [],
  autograd: ["tensor"],
  nn: ["tensor", "autograd"],
  resnet: ["tensor", "autograd", "nn"],
  flow: ["tensor", "autograd", "nn", "resnet"],
  data: ["tensor"],
  io: ["tensor", "autograd", "nn", "resnet"],
  // Files and folders by path, for Node: the one layer that may import Node's own modules.
  node: ["tensor", "autograd", "nn", "resnet", "data", "io"],
};

/** The imports that break the rule, each as a sentence. */
export function violations(imports: readonly Import[]): string[] {
  const found: string[] = [];
  for (const { from, to, external } of imports) {
    const layer = from.split("/")[0];
    const target = to.split("/")[0];
    if (external && layer === "node" && to.startsWith("node:")) continue;
    if (external) found.push(`${from} imports the package ${to}: src has no dependencies`);
    else if (to.startsWith("..")) found.push(`${from} imports ${to}: outside src`);
    else if (from === "index.ts") continue;
    else if (!(layer in LAYERS)) found.push(`${from} lies in no layer`);
    else if (target !== layer && !LAYERS[layer].includes(target)) {
      found.push(`${from} imports ${to}: ${layer} may import ${LAYERS[layer].join(", ") || "no other layer"}`);
    }
  }
  return found;
}

/** A circle of imports, as the files along it, or undefined: modules in a circle see each other half-initialised. */
export function importCircle(imports: readonly Import[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const to of next.get(file) ?? []) {
      const circle = visit(to, [...path, file]);
      if (circle) return circle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return undefined;
}
