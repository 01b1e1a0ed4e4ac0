/** Who uses the package from npm, each with its files, what it does with them, and what must be printed. */
import { firstProgram, MIXED, PART, REQUIRES, RETURNS, THREADED, TRAINS, TYPED } from "./programs.ts";

export interface Consumer {
  readonly name: string;
  /** Written into a folder of its own, beside the packages. */
  readonly files: Readonly<Record<string, string>>;
  /** Run in that folder with Node, one after the other: a script and its arguments. */
  readonly commands: readonly (readonly string[])[];
  /** What they print; the losses of the program by default. */
  readonly prints?: RegExp;
}

const MODULES = '{ "type": "module" }';
const COMMONJS = '{ "type": "commonjs" }';
const ONE = /one instance: true/;
const program = { "package.json": MODULES, "program.js": TRAINS };
const threaded = { "package.json": MODULES, "program.js": THREADED };
/** Threads, no reason, the same bits twice, no warning. */
const TWO_THREADS = /^2 {2}true true 0$/m;
const mixed = { "package.json": MODULES, "program.js": MIXED, "part.cjs": PART };

/** A package's own program in node_modules, for Node to run. */
const tool = (path: string): string => `../node_modules/${path}`;

/** A script that bundles program.js into out/program.js. */
const BUNDLERS: Readonly<Record<string, string>> = {
  esbuild: `import { build } from "esbuild";
await build({ entryPoints: ["program.js"], bundle: true, format: "esm", outfile: "out/program.js" });`,
  Vite: `import { build } from "vite";
const rolldownOptions = { input: "program.js", output: { entryFileNames: "program.js" } };
await build({ build: { outDir: "out", modulePreload: false, rolldownOptions } });`,
  webpack: `import webpack from "webpack";
const output = { path: process.cwd() + "/out", filename: "program.js" };
const options = { mode: "production", target: ["web", "es2022"], entry: "./program.js", output };
webpack(options, (error, stats) => {
  if (error || stats.hasErrors()) throw error ?? new Error(stats.toString("errors-only"));
});`,
};

/** A page that Next renders when it builds, and a part of it for the browser, which it bundles. */
const NEXT: Readonly<Record<string, string>> = {
  "package.json": MODULES,
  // The packages are installed one folder up.
  "next.config.js": `import { dirname } from "node:path";
export default { output: "export", turbopack: { root: dirname(process.cwd()) } };`,
  "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;",
  "app/page.js": `${RETURNS}
import Shape from "./shape.js";
export default () => <p>{train()}<Shape /></p>;`,
  "app/shape.js": `"use client";
import { zeros } from "skipstone";
export default () => <b>{zeros([2, 3]).shape.join("×")}</b>;`,
  "read.js": `import { readFileSync } from "node:fs";
console.log(readFileSync("out/index.html", "utf8"));`,
};

const ROLLUP = `import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rollup } from "rollup";
const bundle = await rollup({ input: "program.js", plugins: [nodeResolve()] });
await bundle.write({ file: "out/program.js", format: "es" });`;

const bundler = (name: string, script: string, files: Readonly<Record<string, string>>, prints?: RegExp): Consumer => ({
  name,
  files: { ...files, "bundle.js": script },
  commands: [["bundle.js"], ["out/program.js"]],
  ...(prints && { prints }),
});

/** Compiles with one version of TypeScript, strictly and without skipping the package's declarations, then runs. */
function typescript(version: string, module: string, moduleResolution: string): Consumer {
  const commonjs = module === "commonjs";
  const compilerOptions = {
    module,
    moduleResolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
    rootDir: ".",
    outDir: "out",
  };
  return {
    name: `TypeScript ${version}, ${moduleResolution}`,
    files: {
      "package.json": commonjs ? COMMONJS : MODULES,
      "program.ts": TYPED,
      "tsconfig.json": JSON.stringify({ compilerOptions, files: ["program.ts"] }),
    },
    commands: [[tool(`typescript-${version}/bin/tsc`), "-p", "."], ["out/program.js"]],
  };
}

export const consumers: readonly Consumer[] = [
  { name: "Node, import", files: program, commands: [["program.js"]] },
  { name: "Node, require", files: { "package.json": COMMONJS, "program.js": REQUIRES }, commands: [["program.js"]] },
  { name: "Node, both", files: mixed, commands: [["program.js"]], prints: ONE },
  ...Object.entries(BUNDLERS).map(([name, script]) => bundler(name, script, program)),
  ...Object.entries(BUNDLERS).map(([name, script]) => bundler(`${name}, import and require`, script, mixed, ONE)),
  ...Object.entries(BUNDLERS).map(([name, script]) => bundler(`${name}, threads`, script, threaded, TWO_THREADS)),
  bundler("Rollup", ROLLUP, program),
  bundler("Rollup, threads", ROLLUP, threaded, TWO_THREADS),
  { name: "Node, threads", files: threaded, commands: [["program.js"]], prints: TWO_THREADS },
  {
    name: "Parcel",
    files: program,
    commands: [
      [tool("parcel/lib/bin.js"), "build", "program.js", "--dist-dir", "out", "--no-cache", "--log-level", "error"],
      ["out/program.js"],
    ],
  },
  { name: "Next", files: NEXT, commands: [[tool("next/dist/bin/next"), "build"], ["read.js"]] },
  {
    name: "Deno",
    files: program,
    commands: [[tool("deno/bin.cjs"), "run", "--node-modules-dir=manual", "--allow-read", "program.js"]],
  },
  {
    name: "Bun",
    files: {
      ...program,
      "run.js": `import { execFileSync } from "node:child_process";
execFileSync("${tool("bun/bin/bun.exe")}", ["program.js"], { stdio: "inherit" });`,
    },
    commands: [["run.js"]],
  },
  {
    name: "Jest",
    files: {
      "package.json": COMMONJS,
      "program.test.js": `test("trains", () => {${REQUIRES}});`,
    },
    commands: [[tool("jest/bin/jest.js"), "--rootDir=."]],
  },
  {
    name: "Jest, threads",
    files: {
      "package.json": COMMONJS,
      "program.test.js": `test("threads", async () => {
        const { useThreads } = require("skipstone");
        console.log((await useThreads(2)).threads + " threads");
      });`,
    },
    commands: [[tool("jest/bin/jest.js"), "--rootDir=."]],
    prints: /^\s*2 threads$/m,
  },
  {
    name: "Vitest",
    files: {
      "package.json": MODULES,
      "program.test.js": `import { test } from "vitest";\n${TRAINS}\ntest("trained", () => {});`,
    },
    commands: [[tool("vitest/vitest.mjs"), "run", "--root=."]],
  },
  ...["5.0", "5.9", "6.0", "7"].flatMap((version) => [
    typescript(version, "nodenext", "nodenext"),
    typescript(version, "esnext", "bundler"),
  ]),
  // What knows no `exports`. From 6.0 on TypeScript does not do it without being told to.
  typescript("5.0", "commonjs", "node10"),
  {
    name: "README.md's first program",
    files: {
      "package.json": MODULES,
      "train.ts": firstProgram(),
      // Node runs TypeScript itself from 22.18 on.
      "strip.js": `import { build } from "esbuild";
await build({ entryPoints: ["train.ts"], format: "esm", outfile: "train.js" });`,
    },
    commands: [["strip.js"], ["train.js"]],
    prints: /^9[3-9]\.\d % of 1,000 unseen digits read correctly$/m,
  },
];
