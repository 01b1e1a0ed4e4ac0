/** The program as one file, for each kind of runtime. */
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

export type Host = "shell" | "page" | "worker" | "worker-operation" | "worker-top";

/** The language level of the oldest engine that needs no further lowering: SpiderMonkey 102, in GJS. */
const TARGET = "es2022";

/**
 * The host with the program and the library: a module for pages and workers, a script that hides its names for shells.
 * Run from the root.
 */
export async function bundle(host: Host): Promise<string> {
  const result = await build({
    entryPoints: [`bench/runtimes/hosts/${host}.ts`],
    bundle: true,
    format: host === "shell" ? "iife" : "esm",
    platform: "neutral",
    target: TARGET,
    write: false,
    logLevel: "silent",
  });
  return result.outputFiles[0].text;
}

/** Two functions that are newer than the Hermes available as a program (0.12, from 2022); nothing else is missing. */
const MISSING_IN_HERMES = `
if (!Array.prototype.at) Object.defineProperty(Array.prototype, "at", {
  value: function (i) { return this[i < 0 ? this.length + i : i]; }, configurable: true, writable: true
});
if (!Object.hasOwn) Object.hasOwn = function (object, name) { return Object.prototype.hasOwnProperty.call(object, name); };
`;

/** The part of TypeScript's API that lowers a script. */
interface Compiler {
  readonly ScriptTarget: { readonly ES5: number };
  transpile(code: string, options: object): string;
}

/**
 * JavaScript of 2009, without classes and the like, as Hermes needs it; `typescript` is the main file of TypeScript 5.
 */
export async function lower(code: string, typescript: string): Promise<string> {
  const { default: compiler } = (await import(pathToFileURL(typescript).href)) as { default: Compiler };
  return MISSING_IN_HERMES + compiler.transpile(code, { target: compiler.ScriptTarget.ES5, downlevelIteration: true });
}
