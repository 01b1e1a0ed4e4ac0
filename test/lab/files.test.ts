import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ensureWritable, packageVersion, saveSomewhere, writeTogether } from "../../lab/files.ts";
import { beginUnfinished, endUnfinished } from "../../src/node/unfinished.ts";

const fresh = (): string => mkdtempSync(join(tmpdir(), "skipstone-"));

describe("output", () => {
  test("a directory is made where it is missing, and left empty", () => {
    const directory = join(fresh(), "a", "b");
    ensureWritable(directory);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("errors say why", () => {
    const file = join(fresh(), "file");
    writeFileSync(file, "");
    expect(() => ensureWritable(file)).toThrow(`cannot write to the directory ${file}: there is a file of this name`);
    expect(() => ensureWritable(join(file, "inside"))).toThrow("a part of the path is not a directory");
  });

  test("empty means empty: what killed runs left unfinished is removed", () => {
    const directory = fresh();
    const dead = beginUnfinished(join(directory, "x"));
    endUnfinished(dead);
    writeFileSync(dead.replace(`-${process.pid}-`, "-999999999-"), "");
    ensureWritable(directory);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("the directory was removed meanwhile: it is made again", () => {
    const directory = join(fresh(), "a", "b");
    expect(writeTogether(directory, new Map([["c", "text"]]))).toEqual([join(directory, "c")]);
    expect(readdirSync(directory)).toEqual(["c"]);
  });

  test("a directory where the second of two files is to be: neither is written", () => {
    const directory = fresh();
    mkdirSync(join(directory, "b"));
    const contents = new Map([
      ["a", "new"],
      ["b", "new"],
    ]);
    expect(() => writeTogether(directory, contents)).toThrow(`there is a directory called ${join(directory, "b")}`);
    expect(readdirSync(directory)).toEqual(["b"]);
  });

  test("where it cannot be written, it is saved somewhere else, and said where", () => {
    const file = join(fresh(), "file");
    writeFileSync(file, "");
    const { saved, problem } = saveSomewhere(file, (place) => writeTogether(place, new Map([["a", "text"]])));
    expect(readFileSync(saved[0], "utf8")).toBe("text");
    expect(problem?.message).toBe(
      `cannot write the results to ${file}: there is a file of this name (EEXIST); they are in ${dirname(saved[0])} instead`,
    );
    const fine = saveSomewhere(fresh(), (place) => writeTogether(place, new Map([["a", "text"]])));
    expect(fine).toEqual({ saved: [expect.stringMatching(/a$/)] });
    const broken = (): never => {
      throw new TypeError("a bug");
    };
    expect(() => saveSomewhere(fresh(), broken)).toThrow(TypeError);
  });

  test.skipIf(process.platform !== "linux")("a directory below /proc is refused, and not tried for ever", () => {
    expect(() => ensureWritable("/proc/skipstone/out")).toThrow("no such file or directory");
  });

  test("one file that cannot be written: none of them appears, older ones stay", () => {
    const directory = fresh();
    writeFileSync(join(directory, "a"), "old");
    const contents = new Map([
      ["a", "new"],
      ["missing/b", "new"],
    ]);
    expect(() => writeTogether(directory, contents)).toThrow(`cannot write the results to ${directory}`);
    expect(readdirSync(directory)).toEqual(["a"]);
  });
});

test("the version is the package's", () => {
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});
