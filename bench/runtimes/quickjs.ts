/**
 * Runs a script in QuickJS: `node quickjs.js PACKAGE SCRIPT`, where PACKAGE is the main file of quickjs-emscripten.
 * Neither npm nor Debian 12 has QuickJS as a program; this is the same interpreter, compiled to WebAssembly.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

interface Handle {
  dispose(): void;
}

interface Context {
  readonly global: Handle;
  newFunction(name: string, fn: (text: Handle) => void): Handle;
  setProp(target: Handle, name: string, value: Handle): void;
  getString(value: Handle): string;
  dump(value: Handle): { message?: string; stack?: string };
  evalCode(code: string): { error?: Handle };
}

interface Package {
  getQuickJS(): Promise<{ newContext(): Context }>;
}

const [, , main, script] = process.argv;
const { getQuickJS } = createRequire(import.meta.url)(main) as Package;
const context = (await getQuickJS()).newContext();
const print = context.newFunction("print", (text) => console.log(context.getString(text)));
context.setProp(context.global, "print", print);
const { error } = context.evalCode(readFileSync(script, "utf8"));
if (error) {
  const { message, stack } = context.dump(error);
  console.error(`Error: ${message}\n${stack}`);
  process.exitCode = 1;
}
