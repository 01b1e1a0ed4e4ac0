/**
 * What a person can import says what it is: every export of an entry has a doc comment, which an editor shows, and every
 * function and class an example in it (test/project/examples.test.ts runs them).
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import * as skipstone from "../../src/index.ts";
import * as node from "../../src/node/index.ts";

/** What a program gets by each name. */
const exported: Readonly<Record<string, unknown>> = { ...skipstone, ...node };
/** The functions of the two exports that are modules: `init.kaimingNormal`, `schedules.cosine`. */
const namespaced = new Set([skipstone.init, skipstone.schedules].flatMap((module) => Object.keys(module)));

const DECLARATION =
  "^export (?:declare )?(?:abstract )?(?:async )?(?:function\\*?|class|const|let|interface|type|enum) ";

/** The exports of a file by name, and where each is declared. */
function exportsOf(file: string): Map<string, string> {
  const text = readFileSync(file, "utf8");
  const found = new Map<string, string>();
  const resolve = (path: string): string => join(dirname(file), path);
  for (const [, path] of text.matchAll(/^export (?:type )?\* (?:as \w+ )?from "([^"]+)"/gm)) {
    for (const [name, place] of exportsOf(resolve(path))) found.set(name, place);
  }
  for (const [, names, path] of text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gm)) {
    const there = exportsOf(resolve(path));
    for (const name of names.split(",").map((part) => part.trim().replace(/^type /, ""))) {
      if (name !== "") found.set(name, there.get(name) ?? resolve(path));
    }
  }
  for (const [, name] of text.matchAll(new RegExp(`${DECLARATION}(\\w+)`, "gm"))) found.set(name, file);
  return found;
}

function hasComment(name: string, file: string): boolean {
  const text = readFileSync(file, "utf8");
  const at = new RegExp(`${DECLARATION}${name}\\b`, "m").exec(text);
  // A line for the linter may stand between.
  return at !== null && /\*\/\n(\/\/.*\n)*$/.test(text.slice(0, at.index));
}

/** Whether `name` is a function or class of `file` whose comments (one per overload) hold no example. */
function lacksExample(name: string, file: string): boolean {
  const text = readFileSync(file, "utf8");
  // A class of which only the type is exported is a type to the caller.
  if (typeof exported[name] !== "function" && !namespaced.has(name)) return false;
  const called = `^export (?:declare )?(?:abstract )?(?:async )?(?:function\\*?|class) ${name}\\b`;
  const found = [...text.matchAll(new RegExp(called, "gm"))];
  const comments = found.map(({ index }) => text.slice(text.lastIndexOf("/**", index), index));
  return found.length > 0 && !comments.some((comment) => /^(\/\*| )\*+ @example\b/m.test(comment));
}

const entries = [
  "index",
  "tensor/index",
  "autograd/index",
  "nn/index",
  "resnet/index",
  "flow/index",
  "data/index",
  "io/index",
]
  .concat("node/index")
  .map((name) => join("src", `${name}.ts`));

test.each(entries)("%s: every export has a comment", (entry) => {
  expect(existsSync(entry)).toBe(true);
  const found = exportsOf(entry);
  expect(found.size).toBeGreaterThan(1);
  expect([...found].filter(([name, file]) => !hasComment(name, file)).map(([name]) => name)).toEqual([]);
});

test.each(entries)("%s: every function and class has an example", (entry) => {
  expect([...exportsOf(entry)].filter(([name, file]) => lacksExample(name, file)).map(([name]) => name)).toEqual([]);
});
