/** What a public signature mentions, whoever calls it can name: an entry keeps back none of the types in what it exports. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { unreachableTypes } from "./public-types.ts";

const entries = Object.keys(packageJson.exports)
  .filter((entry) => !/\.js(on)?$/.test(entry))
  .map((entry) => join("src", entry, "index.ts"));

describe("every type in a public signature is exported by the same entry, or by the root", () => {
  let missing: Map<string, string[]>;
  beforeAll(() => {
    missing = unreachableTypes(resolve("."), entries, "src/index.ts");
  });

  test.each(entries)("%s", (entry) => {
    expect(missing.get(entry)).toEqual([]);
  });
});

describe("the tester itself", () => {
  /** What is missing in an entry of this text, beside a file that declares Hidden, HiddenClass, HiddenAlias<T> and Shown. */
  function missingIn(entry: string): string[] {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "skipstone-public-")));
    onTestFinished(() => rmSync(root, { recursive: true }));
    const hidden = `export interface Hidden { a: number }
      export class HiddenClass<T = number> { b?: T }
      export type HiddenAlias<T> = T | null;
      export interface Shown { c: number }`;
    const start =
      'import type { Hidden, HiddenAlias, Shown } from "./hidden.ts"; import { HiddenClass } from "./hidden.ts";\n';
    writeFileSync(join(root, "hidden.ts"), hidden);
    writeFileSync(join(root, "index.ts"), start + entry);
    writeFileSync(join(root, "also.ts"), 'export type { Shown } from "./hidden.ts";');
    const compilerOptions = { target: "es2022", module: "nodenext", allowImportingTsExtensions: true, noEmit: true };
    writeFileSync(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    return unreachableTypes(root, ["index.ts"], "also.ts").get("index.ts")!;
  }
  const found = (name: string, ...types: readonly string[]): string[] =>
    types.map((type) => `${name}: ${type} (${type === "Local" ? "index.ts" : "hidden.ts"})`);

  test.each<[string, string, string[]]>([
    ["a parameter", "export function f(a: Hidden): void {}", found("f", "Hidden")],
    ["a result, inside another type", "export const f = (): Promise<Hidden[]> => null!;", found("f", "Hidden")],
    ["a property of an interface", "export interface F { a?: { b: Hidden } }", found("F", "Hidden")],
    ["a bound of a parameter of type", "export type F<T extends Hidden> = T;", found("F", "Hidden")],
    ["a part of a union", 'export type F = "a" | HiddenAlias<Hidden>;', found("F", "Hidden", "HiddenAlias")],
    ["a base class", "export class F extends HiddenClass<string> {}", found("F", "HiddenClass")],
    ["a method, a field, an accessor", "export class F { get a(): Hidden { return null! } }", found("F", "Hidden")],
    ["an overload", "export function f(a: Hidden): void;\nexport function f(): void {}", found("f", "Hidden")],
    [
      "a type that the entry declares and keeps",
      "interface Local {}\nexport const f: Local = {};",
      found("f", "Local"),
    ],
    ["under another name", "export { HiddenClass as Known };\nexport type F = Hidden;", found("F", "Hidden")],
    ["a member of a namespace", 'export * as all from "./hidden.ts"; export type F = Hidden;', []],
  ])("%s", (_, entry, expected) => {
    expect(missingIn(entry)).toEqual(expected);
  });

  test.each([
    [
      "what the entry exports, under whatever name",
      'export type { Hidden as Seen } from "./hidden.ts"; export type F = Hidden;',
    ],
    ["what the root exports", "export function f(a: Shown): void {}"],
    ["types of the language", "export function f<T>(a: ReadonlyMap<T, Uint8Array>): Iterable<T> { return [] }"],
    ["a body", "export function f(): void { const a: Hidden | null = null; a; }"],
    ["an initial value", "export const f: object = new HiddenClass<Hidden>();"],
    [
      "the implementation behind overloads",
      "export function f(a: 1): void;\nexport function f(a: Hidden | 1): void {}",
    ],
    ["private members", "export class F { #a?: Hidden; private b?: Hidden; #c(d: Hidden): void {} }"],
    ["what a class implements", "export class F implements Hidden { a = 1 }"],
  ])("does not mind %s", (_, entry) => {
    expect(missingIn(entry)).toEqual([]);
  });
});
