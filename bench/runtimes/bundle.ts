/** The program as one file, for each kind of runtime. */
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

export type Host = "shell" | "page" | "worker" | "worker-operation" | "worker-step";

/** What the oldest engine without further lowering understands: SpiderMonkey 102, in GJS. */
const TARGET = "es2022";

/** The host with the program and the library: a module for pages and workers, a script that hides its names for shells. Run from the root. */
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

/** Two functions newer than the Hermes that there is as a program of its own (0.12, of 2022); they are all that is missing. */
const MISSING_IN_HERMES = `
if (!Array.prototype.at) Object.defineProperty(Array.prototype, "at", {
  value: function (i) { return this[i < 0 ? this.length + i : i]; }, configurable: true, writable: true
});
if (!Object.hasOwn) Object.hasOwn = function (object, name) { return Object.prototype.hasOwnProperty.call(object, name); };
`;

interface Babel {
  transform(code: string, options: object): { code: string };
}

/** JavaScript without classes and the like, as Hermes wants it; `babel` is the file of @babel/standalone. */
export async function lower(code: string, babel: string): Promise<string> {
  const { default: Babel } = (await import(pathToFileURL(babel).href)) as { default: Babel };
  const presets = [["env", { targets: "ie 11", modules: false }]];
  return MISSING_IN_HERMES + Babel.transform(code, { presets, sourceType: "script", compact: true }).code;
}
