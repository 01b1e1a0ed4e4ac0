/** Every error of the library is a `SkipstoneError`: what a program catches is one class. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { transform } from "esbuild";
import { describe, expect, it } from "vitest";
import { SkipstoneError } from "../../src/tensor/index.ts";
import { filesUnder } from "./import-graph.ts";

const entries = filesUnder("src", "index.ts").filter((path) => path.split("/").length <= 3);
const isErrorClass = (member: unknown): member is new (message: string) => Error =>
  typeof member === "function" && member.prototype instanceof Error;

/** A throw of one of the platform's own errors, or a class of errors that begins anew. */
const BARE = /\bthrow (new )?(Error|TypeError|RangeError|SyntaxError|ReferenceError)\b|\bextends Error\b/;

/** A file's code without comments and types. */
async function codeOf(text: string): Promise<string> {
  return (await transform(text, { loader: "ts", minifyWhitespace: true, legalComments: "none" })).code;
}

describe("src", () => {
  it("throws no bare Error, and no class of errors begins anew", async () => {
    const found = await Promise.all(
      filesUnder("src", ".ts").map(async (path) => [path, BARE.exec(await codeOf(readFileSync(path, "utf8")))?.[0]]),
    );
    expect(found.length).toBeGreaterThan(100);
    // The one that the others extend.
    expect(found.filter(([, bare]) => bare !== undefined)).toEqual([["src/tensor/errors.ts", "extends Error"]]);
  });

  it("the search would find them, outside comments", async () => {
    const bare = async (text: string): Promise<string | undefined> => BARE.exec(await codeOf(text))?.[0];
    expect(await bare('throw new Error("no");')).toBe("throw new Error");
    expect(await bare('throw new RangeError("no");')).toBe("throw new RangeError");
    expect(await bare("export class Mine extends Error {}")).toBe("extends Error");
    expect(
      await bare('// throw new Error("no")\nthrow new ValueError("yes"); class Other extends ErrorLike {}'),
    ).toBeUndefined();
  });

  it.each(entries)("%s: every class of errors extends SkipstoneError, and is called by its name", async (path) => {
    const members = Object.entries((await import(/* @vite-ignore */ pathToFileURL(resolve(path)).href)) as object);
    expect(members.length).toBeGreaterThan(0);
    for (const [name, member] of members) {
      if (!isErrorClass(member)) continue;
      const error = new member("why");
      expect(error, name).toBeInstanceOf(SkipstoneError);
      expect(error.name).toBe(name);
    }
  });

  it("there are such classes in the entries", async () => {
    const all = Object.entries((await import("../../src/index.ts")) as object).filter(([, member]) =>
      isErrorClass(member),
    );
    expect(all.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        ...["AutogradError", "DataError", "FormatError", "OnnxExportError", "ShapeError", "SkipstoneError"],
        ...["TrainingError", "UsageError", "ValueError"],
      ]),
    );
  });
});
