/** Running a program in a process of its own, where its memory can be measured. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

/** Runs a TypeScript program, whose imports start at the project's root; returns what it printed, as JSON. */
export async function runProgram(program: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "skipstone-program-"));
  try {
    const outfile = join(folder, "program.mjs");
    const stdin = { contents: program, resolveDir: process.cwd(), loader: "ts" } as const;
    await build({ stdin, bundle: true, format: "esm", platform: "node", target: "es2022", outfile });
    return JSON.parse(execFileSync(process.execPath, ["--expose-gc", outfile], { encoding: "utf8" }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
