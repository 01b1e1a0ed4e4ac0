/** Builds the package as `npm run build` does, into a folder of the test's own. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** Runs the project's own TypeScript compiler. Throws an error that carries its messages. */
export function tsc(...args: readonly string[]): void {
  try {
    execFileSync(process.execPath, [resolve("node_modules/typescript/bin/tsc"), ...args], { stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    throw new Error(`tsc ${args.join(" ")}:\n${stdout}${stderr}`);
  }
}

/** A folder with package.json and dist/, where `import "skipstone"` finds the built package. */
export function buildPackage(name: string): string {
  const root = resolve("build", name);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  cpSync("package.json", join(root, "package.json"));
  tsc("-p", "tsconfig.build.json", "--outDir", join(root, "dist"));
  return root;
}
