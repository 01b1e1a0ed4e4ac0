/** `useThreads` in Node, Deno and Bun, in the process and in a worker of the program's own: the same bits, and the process ends. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { execute } from "../../bench/runtimes/execute.ts";
import { bundle } from "../browser/browser.ts";
import { findCommand } from "./commands.ts";
import type { Report } from "./threads-program.ts";

const commands: readonly (readonly [string, string | undefined, readonly string[]])[] = [
  ["Node 20", findCommand("node20", "bin/node"), []],
  ["Node 22", findCommand("node22", "bin/node"), []],
  ["Node 24", findCommand("node24", "bin/node"), []],
  ["Node 26", findCommand("node26", "bin/node"), []],
  ["Deno", findCommand("deno", "deno"), ["run", "--allow-read"]],
  ["Bun", findCommand("bun", "bin/bun"), []],
];

describe.each(commands)("%s", (_, command, args) => {
  test.skipIf(!command)("computes on three threads, on one again and on two, and ends by itself", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skipstone-threads-"));
    const program = join(folder, "program.mjs");
    writeFileSync(program, await bundle("test/runtimes/threads-program.ts"));
    const output = await execute(command!, [...args, program], 150).finally(() => rmSync(folder, { recursive: true }));
    const reports = JSON.parse(output) as Report[];
    expect(reports).toHaveLength(2);
    for (const { threads, fingerprints, warnings } of reports) {
      expect(threads).toEqual([3, 1, 2].map((n) => ({ threads: n, why: null })));
      expect(fingerprints).toEqual(Array.from({ length: 4 }, () => reports[0].fingerprints[0]));
      expect(warnings).toEqual([]);
    }
  });
});
