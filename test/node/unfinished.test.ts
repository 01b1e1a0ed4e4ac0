import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeFileWhole } from "../../src/node/index.ts";
import { beginUnfinished, endUnfinished, removeLeftovers } from "../../src/node/unfinished.ts";
import { runProgram } from "../support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-unfinished-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fresh = (): string => join(mkdtempSync(join(folder, "t-")), "file.bin");

/** A process that ends by `how` while it writes `path`. */
const endsInTheMiddle = (path: string, how: string): Promise<unknown> =>
  runProgram(`
    import { writeFileWhole } from "./src/node/index.ts";
    function* pieces() {
      yield new Uint8Array(1000);
      ${how};
    }
    await writeFileWhole(${JSON.stringify(path)}, pieces());
  `);

test("what a killed process left unfinished goes when the next one writes there; the old file stays until then", async () => {
  const path = fresh();
  writeFileSync(path, "old");
  await expect(endsInTheMiddle(path, 'process.kill(process.pid, "SIGKILL")')).rejects.toThrow();
  expect(readdirSync(dirname(path))).toHaveLength(2);
  await writeFileWhole(join(dirname(path), "other.bin"), [Uint8Array.of(1)]);
  expect(readdirSync(dirname(path)).sort()).toEqual(["file.bin", "other.bin"]);
});

test("an exit in the middle leaves nothing", async () => {
  const path = fresh();
  await expect(endsInTheMiddle(path, "process.exit(3)")).rejects.toThrow();
  expect(readdirSync(dirname(path))).toEqual([]);
});

test("left alone: what a living process writes, what another machine's does, and what is called otherwise", () => {
  const mine = beginUnfinished(fresh());
  const directory = dirname(mine);
  writeFileSync(mine, "");
  const [, host] = /skipstone-(\w+)-/.exec(mine.slice(directory.length))!;
  const theirs = mine.replace(`-${process.pid}-`, `-${process.ppid}-`);
  const elsewhere = mine.replace(host, "00000000").replace(`-${process.pid}-`, "-999999999-");
  const dead = mine.replace(`-${process.pid}-`, "-999999999-");
  const other = join(directory, "movie.999999999.part");
  for (const path of [theirs, elsewhere, dead, other]) writeFileSync(path, "");
  removeLeftovers(directory);
  expect([mine, theirs, elsewhere, dead, other].map((path) => existsSync(path))).toEqual([
    true,
    true,
    true,
    false,
    true,
  ]);
  // After a day it is nobody's: numbers are used again, and machines go.
  const longAgo = Date.now() / 1000 - 25 * 3600;
  for (const path of [theirs, elsewhere, other]) utimesSync(path, longAgo, longAgo);
  removeLeftovers(directory);
  expect([mine, theirs, elsewhere, other].map((path) => existsSync(path))).toEqual([true, false, false, true]);
  endUnfinished(mine);
  expect(existsSync(mine)).toBe(false);
});

test("this process's own number from before it began, as in a container: a leftover", () => {
  const mine = beginUnfinished(fresh());
  endUnfinished(mine);
  writeFileSync(mine, "");
  const before = Date.now() / 1000 - process.uptime() - 60;
  utimesSync(mine, before, before);
  removeLeftovers(dirname(mine));
  expect(existsSync(mine)).toBe(false);
});

test("a directory that is not there is no error", () => {
  removeLeftovers(join(folder, "nothing"));
});
