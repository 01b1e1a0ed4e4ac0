/**
 * Builds dist/, all that npm gets beside the sources:
 *
 * - ES modules with declarations, one for each file of src;
 * - dist/cjs, the same as CommonJS, for `require` where it cannot load ES modules;
 * - dist/skipstone.js, everything in one file, for pages (`unpkg` and `jsdelivr` in package.json);
 * - dist/threads-worker.js, the program of `useThreads`' workers, for pages whose policy forbids `blob:` URLs.
 *
 * Why there are three, and which one is loaded where: docs/decisions/0016-one-instance-for-import-and-require.md.
 */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, transform } from "esbuild";

/** Runs the project's own TypeScript compiler. Throws an error that carries its messages. */
export function tsc(...args: readonly string[]): void {
  try {
    execFileSync(process.execPath, [resolve("node_modules/typescript/bin/tsc"), ...args], { stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    throw new Error(`tsc ${args.join(" ")}:\n${stdout}${stderr}`);
  }
}

/** Builds the package into `dist`, which is emptied first. Runs in the project's root. */
export async function buildDist(dist: string): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  tsc("-p", "tsconfig.build.json", "--outDir", dist);
  tsc("-p", "tsconfig.cjs.json", "--outDir", join(dist, "cjs"));
  writeFileSync(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
  await build({
    entryPoints: [join(dist, "index.js")],
    outfile: join(dist, "skipstone.js"),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    sourcemap: true,
    sourcesContent: false,
  });
  const start = pathToFileURL(resolve(dist, "tensor/simd/threads/start.js")).href;
  const { workerProgram } = (await import(start)) as typeof import("../src/tensor/simd/threads/start.ts");
  const { code } = await transform(workerProgram(), { minify: true, target: "es2022" });
  writeFileSync(join(dist, "threads-worker.js"), code);
}
