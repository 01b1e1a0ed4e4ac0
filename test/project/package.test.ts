/** What package.json promises about the package as a whole. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { build, type Plugin, transform } from "esbuild";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { buildPackage, tsc } from "./build.ts";
import { filesUnder } from "./import-graph.ts";

/** What one condition of an entry gives. */
interface Target {
  readonly types: string;
  readonly default: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly sideEffects: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, Target>>>>;
  readonly [key: string]: unknown;
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
/** Entries that are files to be read, not imported. */
const FILES = ["./threads-worker.js", "./package.json"];
const sources = filesUnder("src", ".ts");
mkdirSync("build", { recursive: true });

/** A file's code without comments, types and layout. */
async function codeOf(path: string): Promise<string> {
  const options = { loader: "ts", minifyWhitespace: true, legalComments: "none" } as const;
  return (await transform(readFileSync(path, "utf8"), options)).code;
}

/** Things whose value differs from run to run. Randomness comes from a seeded `Rng`, time from the caller. */
const UNREPEATABLE = /\bMath\.random\b|\bDate\b|\bperformance\b|\bcrypto\b|\bprocess\b/;

describe("package.json", () => {
  test("no dependency of any kind at run time", () => {
    for (const kind of ["dependencies", "peerDependencies", "optionalDependencies", "bundledDependencies"]) {
      expect(manifest[kind] ?? {}, kind).toEqual({});
    }
  });

  test("one entry per layer", () => {
    const layers = readdirSync("src").filter((name) => existsSync(join("src", name, "index.ts")));
    const entries = [".", ...layers.map((name) => `./${name}`), ...FILES];
    expect(Object.keys(manifest.exports).sort()).toEqual(entries.sort());
  });

  test("every entry: ES modules wherever they can be loaded, CommonJS for other `require`s, types first", () => {
    const inDist = (folder: string, path: string): Target => ({
      types: `./dist/${folder}${path}index.d.ts`,
      default: `./dist/${folder}${path}index.js`,
    });
    for (const [name, entry] of Object.entries(manifest.exports)) {
      if (typeof entry === "string") continue;
      const path = name === "." ? "" : `${name.slice(2)}/`;
      const [modules, commonjs] = [inDist("", path), inDist("cjs/", path)];
      // The order of conditions decides, and the order of keys in an object is what `toEqual` does not look at.
      expect(JSON.stringify(entry), name).toBe(
        JSON.stringify({ "module-sync": modules, module: modules, require: commonjs, default: modules }),
      );
    }
  });

  test("what knows no `exports` finds the root by `main` and `types`", () => {
    const root = (manifest.exports["."] as Readonly<Record<string, Target>>)["default"];
    expect([manifest["main"], manifest["types"]]).toEqual([root.default, root.types]);
  });

  test("the version has an entry in CHANGELOG.md", () => {
    expect(readFileSync("CHANGELOG.md", "utf8")).toMatch(new RegExp(`^## \\[(Unreleased|${manifest.version})\\]`, "m"));
  });
});

describe("src", () => {
  test("every run repeats: no Math.random anywhere, and a clock only where time is reported", async () => {
    expect(sources.length).toBeGreaterThan(20);
    const found = await Promise.all(sources.map(async (path) => [path, UNREPEATABLE.exec(await codeOf(path))?.[0]]));
    // fit tells its callbacks how many seconds have passed, and profile how long kernels took; nothing is computed from them.
    // No two half-written files have one name. Threads ask Node for its workers, and wait for none for ever.
    expect(found.filter(([, name]) => name !== undefined)).toEqual([
      [join("src", "nn", "training", "progress.ts"), "Date"],
      [join("src", "node", "unfinished.ts"), "crypto"],
      [join("src", "tensor", "clock.ts"), "performance"],
      [join("src", "tensor", "simd", "threads", "start.ts"), "process"],
    ]);
    expect(await codeOf("src/nn/fit.ts")).not.toMatch(/Math\.random/);
  });

  test("the search would find them, outside comments", async () => {
    const folder = mkdtempSync(join(resolve("build"), "unrepeatable-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "a.ts");
    const found = async (code: string): Promise<string | undefined> => {
      writeFileSync(path, code);
      return UNREPEATABLE.exec(await codeOf(path))?.[0];
    };
    expect(await found("export const x = Math . random();")).toBe("Math.random");
    expect(await found("export const x = Date.now();")).toBe("Date");
    expect(await found("export const x = performance.now();")).toBe("performance");
    expect(await found("/** Not Math.random(). */ export const x = 4; // Date.now()")).toBeUndefined();
  });

  test("compiles without Node's types and without the DOM's", () => {
    tsc("-p", "tsconfig.core.json");
  });

  test("that compilation would find them", () => {
    const folder = mkdtempSync(join(resolve("build"), "core-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const compile = (code: string): (() => void) => {
      writeFileSync(join(folder, "a.ts"), code);
      const config = {
        extends: relative(folder, "tsconfig.core.json"),
        compilerOptions: { rootDir: "." },
        files: ["a.ts"],
        include: [],
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
      return () => tsc("-p", folder);
    };
    expect(compile("export const x: number = Math.sqrt(2);")).not.toThrow();
    expect(compile("export const x: string = process.version;")).toThrow("Cannot find name 'process'");
    expect(compile("export const x: string = document.title;")).toThrow("Cannot find name 'document'");
    expect(compile('export { readFileSync } from "node:fs";')).toThrow("node:fs");
  });

  test("importing it has no side effects: a bundler may drop every module that is not used", async () => {
    // `sideEffects: false` is a claim: here it is overruled, and esbuild looks at the code (and its @__PURE__ marks).
    const distrust: Plugin = {
      name: "distrust",
      setup(options) {
        options.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => ({
          path: join(resolveDir, path),
          sideEffects: true,
        }));
      },
    };
    const bundle = (contents: string): Promise<string> =>
      build({
        stdin: { contents, resolveDir: resolve("."), loader: "ts" },
        bundle: true,
        minifyWhitespace: true,
        treeShaking: true,
        plugins: [distrust],
        platform: "neutral",
        format: "esm",
        write: false,
      }).then((result) => result.outputFiles[0].text.trim());
    const folder = mkdtempSync(join(resolve("build"), "effects-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "effect.ts"), "globalThis.left = 1;");
    expect(await bundle(`import "./${relative(".", folder)}/effect.ts";`), "the tester itself").toContain("left");
    // Left over are tables and scratch arrays: declarations whose values come from these alone.
    const harmless = /\b(Math\.\w+|(Array|Int32Array)\.from|new (Float32Array|Float64Array|Int32Array)|String)\(/g;
    const left = (await bundle('import "./src/index.ts";')).split(/;\n?/).filter(Boolean);
    const effects = left.filter((s) => !s.startsWith("var ") || /[\w$]\(/.test(s.replaceAll(harmless, "(")));
    expect(effects, "calls at the top of a module; mark those without an effect /* @__PURE__ */").toEqual([]);
    expect(await bundle('import { zeros } from "./src/index.ts"; console.log(zeros([2]));')).toContain("console.log");
  });
});

describe("the built package", () => {
  let root = "";
  beforeAll(async () => {
    root = await buildPackage("package");
  }, 120_000);

  test("every file that package.json names exists", () => {
    const { main, types, unpkg, jsdelivr, exports } = manifest;
    const named = JSON.stringify({ main, types, unpkg, jsdelivr, exports }).match(/(?<=:")\.[^"]+/g)!;
    expect(named.length).toBeGreaterThan(70);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("is JavaScript and declarations only, and imports no .ts file", () => {
    const emitted = filesUnder(join(root, "dist"), "");
    const files = emitted.filter((path) => /\.[^/]*$/.test(relative(root, path)));
    const others = files.filter((path) => !/\.(js|d\.ts|js\.map|d\.ts\.map)$/.test(path));
    expect(others.map((path) => relative(root, path))).toEqual([join("dist", "cjs", "package.json")]);
    for (const path of files.filter((name) => name.endsWith(".js"))) {
      expect(readFileSync(path, "utf8"), path).not.toMatch(/(from |require\()"[^"]*\.ts"/);
    }
  });

  test("every entry loads in plain Node, adds no global, and shares one Tensor class", () => {
    const entries = Object.keys(manifest.exports).filter((name) => !FILES.includes(name));
    writeFileSync(
      join(root, "load.mjs"),
      `const before = Object.getOwnPropertyNames(globalThis).sort().join();
      const modules = {};
      for (const name of ${JSON.stringify(entries)}) modules[name] = await import(name.replace(".", "skipstone"));
      console.log(JSON.stringify({
        sameGlobals: Object.getOwnPropertyNames(globalThis).sort().join() === before,
        oneTensor: modules["."].Tensor === modules["./tensor"].Tensor,
        counts: Object.fromEntries(Object.entries(modules).map(([name, m]) => [name, Object.keys(m).length])),
      }));`,
    );
    const report = JSON.parse(execFileSync(process.execPath, ["load.mjs"], { cwd: root, encoding: "utf8" }));
    expect(report.sameGlobals).toBe(true);
    expect(report.oneTensor).toBe(true);
    for (const name of entries) expect(report.counts[name], name).toBeGreaterThan(0);
  });

  /** Runs a CommonJS program beside the package, and returns what it prints as JSON. */
  const commonjs = (code: string): unknown => {
    writeFileSync(join(root, "program.cjs"), code);
    return JSON.parse(execFileSync(process.execPath, ["program.cjs"], { cwd: root, encoding: "utf8" }));
  };

  test("`require` and `import` give one instance", () => {
    const code = `const { Tensor } = require("skipstone");
      const again = require("skipstone/tensor").Tensor;
      import("skipstone").then((imported) => {
        console.log(JSON.stringify([Tensor === imported.Tensor, Tensor === again]));
      });`;
    expect(commonjs(code)).toEqual([true, true]);
  });

  test("dist/cjs has every entry's names, computes, and is one instance too", () => {
    const entries = Object.keys(manifest.exports).filter((name) => !FILES.includes(name));
    const code = `const names = (module) => Object.keys(module).sort().join();
      const load = (name) => require(name.replace(".", "./dist/cjs") + "/index.js");
      (async () => {
        const differing = [];
        for (const name of ${JSON.stringify(entries)}) {
          if (names(load(name)) !== names(await import(name.replace(".", "skipstone")))) differing.push(name);
        }
        const { add, Tensor, tensor } = load(".");
        const sum = [...add(tensor([1, 2]), 3).data];
        console.log(JSON.stringify({ differing, sum, one: load("./tensor").Tensor === Tensor }));
      })();`;
    expect(commonjs(code)).toEqual({ differing: [], sum: [4, 5], one: true });
  });

  test("dist/threads-worker.js is a script that a page's policy needs not trust: it has no import and evaluates nothing", () => {
    const script = readFileSync(join(root, "dist/threads-worker.js"), "utf8");
    expect(script).toMatch(/^onmessage=/);
    expect(script).not.toMatch(/\b(import|require|eval|Function)\b/);
    const scope: { onmessage?: unknown } = {};
    runInNewContext(script, scope);
    expect(scope.onmessage).toBeTypeOf("function");
  });

  test("dist/skipstone.js has the names of the root entry, and imports nothing", async () => {
    const single = join(root, "dist/skipstone.js");
    const names = async (path: string): Promise<string[]> => Object.keys(await import(pathToFileURL(path).href)).sort();
    expect(await names(single)).toEqual(await names(join(root, "dist/index.js")));
    const { metafile } = await build({ entryPoints: [single], bundle: true, write: false, metafile: true });
    expect(Object.values(metafile.inputs).flatMap(({ imports }) => imports)).toEqual([]);
  });
});
