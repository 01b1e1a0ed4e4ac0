/**
 * `npm run consumers`: packs the package, installs it beside pinned bundlers, test runners and compilers in a folder of its
 * own, outside of this project, and builds and runs a small program with each.
 *
 *     npm run consumers                # all of them: two to four minutes
 *     npm run consumers -- Jest Vite   # those whose names contain one of the words
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Consumer, consumers } from "./consumers.ts";
import { TRAINS } from "./programs.ts";

const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "skipstone-consumers");

/** Installs the pinned packages, and the package as npm would publish it. */
function install(): void {
  mkdirSync(cache, { recursive: true });
  cpSync("publish/consumers/packages.json", join(cache, "package.json"));
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", "--no-package-lock", "--prefer-offline", ...quiet], { cwd: cache, stdio: "inherit" });

  for (const file of readdirSync(cache)) if (file.endsWith(".tgz")) rmSync(join(cache, file));
  execFileSync("npm", ["pack", "--silent", "--pack-destination", cache], { stdio: ["ignore", "ignore", "inherit"] });
  const tarball = readdirSync(cache).find((file) => file.endsWith(".tgz"))!;
  // No cache of npm's: the version stays the same while the content changes.
  execFileSync("npm", ["install", "--no-save", "--no-package-lock", "--force", ...quiet, `./${tarball}`], {
    cwd: cache,
  });
}

function node(folder: string, [script, ...args]: readonly string[]): { readonly text: string; readonly ok: boolean } {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [script, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
    timeout: 120_000,
  });
  return { text: `${stdout}${stderr}${error ?? ""}`, ok: status === 0 };
}

/** Undefined if all went well, else what was printed. */
function failure({ name, files, commands, prints }: Consumer, losses: string): string | undefined {
  const folder = join(cache, `with-${name.replaceAll(/[^\w.]+/g, "-")}`);
  rmSync(folder, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  // Where README's program looks for its data.
  symlinkSync("../node_modules", join(folder, "node_modules"), "dir");
  let text = "";
  for (const command of commands) {
    const result = node(folder, command);
    text = result.text;
    if (!result.ok) return `${command.join(" ")}: ${text}`;
  }
  return (prints ? prints.test(text) : text.includes(losses)) ? undefined : `expected ${prints ?? losses}, got ${text}`;
}

const words = process.argv.slice(2);
const chosen = consumers.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
install();

// What the sources themselves compute.
const library = pathToFileURL(fileURLToPath(new URL("../../src/index.js", import.meta.url))).href;
const reference = resolve("build/publish/reference.mjs");
writeFileSync(reference, TRAINS.replace('"skipstone"', JSON.stringify(library)));
const losses = node(".", [reference]).text.trim();
if (!/^losses \d/.test(losses)) throw new Error(losses);

let failed = 0;
for (const consumer of chosen) {
  const start = performance.now();
  const reason = failure(consumer, losses);
  const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  console.log(`${reason === undefined ? "ok     " : "FAILED "} ${consumer.name} (${seconds})`);
  if (reason !== undefined) {
    failed++;
    console.log(reason);
  }
}
console.log(`${chosen.length - failed} of ${chosen.length} consumers work; they computed ${losses}`);
process.exitCode = failed > 0 || chosen.length === 0 ? 1 : 0;
