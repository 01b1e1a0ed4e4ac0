/** What consoles show of a tensor: its shape and its numbers. In Node, Deno and Bun, each as it is; browsers: test/browser. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { execute } from "../../bench/runtimes/execute.ts";
import { bundle } from "../browser/browser.ts";
import { findCommand } from "./commands.ts";

const commands: readonly (readonly [string, string | undefined, readonly string[]])[] = [
  ["Node", process.execPath, []],
  ["Deno", findCommand("deno", "deno"), ["run"]],
  ["Bun", findCommand("bun", "bin/bun"), []],
];

describe.each(commands)("%s", (_, command, args) => {
  test.skipIf(!command)("prints shape and numbers, alone and inside other things", async () => {
    const folder = mkdtempSync(join(tmpdir(), "printing-"));
    const program = join(folder, "program.mjs");
    writeFileSync(program, await bundle("test/runtimes/printing-program.ts"));
    const output = await execute(command!, [...args, program], 60).finally(() => rmSync(folder, { recursive: true }));
    const [matrix, several, format, ended, object, map, ...rest] = output.split("\n---\n");
    expect(matrix).toBe("Tensor [2,2]\n[[1. 2.]\n [3. 4.]]");
    expect(several).toBe("Tensor [] 5.0 and Tensor [2]\n[ 0.5 -1. ]");
    expect(format).toBe("[[1. 2.]\n [3. 4.]]");
    expect(ended).toBe("Tensor [2,2] (its values are gone with the step that computed them)");
    // Each console breaks lines in its own way.
    const words = (text: string): string => text.replace(/\s+/g, " ");
    expect(words(object)).toContain("a: Tensor [2] [1. 2.],");
    expect(words(object)).toContain("b: [ Tensor [1] [3.] ]");
    expect(words(map)).toMatch(/k["'](:| =>) Tensor \[2\] \[1\. 2\.\]/);
    expect(rest).toEqual(["[1. 2.]", '{"shape":[2,2],"data":[1,2,3,4]}', "Tensor [2,2]\n[[1. 2.]\n [3. 4.]]", ""]);
  });
});
