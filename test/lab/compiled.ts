/** The real commands, compiled and run as processes of their own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Compiles everything into a folder of the test's own below build/, so that it never reads what `npm start` is writing, and
 * returns the folder.
 */
export function compile(name: string): string {
  const build = join(root, "build", name);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const output = ["--outDir", build, "--tsBuildInfoFile", join(build, ".tsbuildinfo")];
  try {
    execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json"), ...output], { cwd: root, stdio: "pipe" });
  } catch (error) {
    // Type errors are another test's subject; what matters here is that the program was emitted.
    if (!existsSync(join(build, "lab", "lab.js"))) throw error;
  }
  return build;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a compiled program to its end. */
export function execute(
  program: string,
  args: readonly string[],
  whileRunning: (child: ChildProcess, stdout: string) => void = () => {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: root });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part) => {
      stdout += part;
      whileRunning(child, stdout);
    });
    child.stderr.on("data", (part) => {
      stderr += part;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
