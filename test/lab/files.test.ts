import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ensureWritable, packageVersion, writeTogether } from "../../lab/files.ts";

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
