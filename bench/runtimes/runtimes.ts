/** The runtimes that Skipstone is tested in: where each comes from, and how it runs the program. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { visit } from "../../test/browser/browser.ts";
import { bundle, type Host, lower } from "./bundle.ts";
import { complaint, execute } from "./execute.ts";
import { MARK } from "./mark.ts";
import { type DebianPackage, debianVersion, fileOf, type NpmPackage } from "./packages.ts";
import type { Report } from "./program.ts";
import { askWorker } from "./workerd.ts";

export interface Runtime {
  /** For `--only`. */
  readonly id: string;
  /** The name in the table, without the version. */
  readonly name: string;
  readonly needs: readonly (NpmPackage | DebianPackage)[];
  /** Undefined if unknown. */
  readonly version: () => string | undefined;
  /** Printed after the version. */
  readonly note?: string;
  /**
   * Uses both tiers at once when it says SIMD: SIMD for the kernels that were compiled in time, plain for the rest, so
   * its bits match no other runtime.
   */
  readonly mixed?: boolean;
  /** Checksums of the SIMD tier that are wrong because the runtime computes wrongly; the note says how. */
  readonly wrong?: readonly string[];
  /** Runs the program. Throws an Error of one line. */
  readonly run: (seconds: number) => Promise<Report>;
}

const { platform, arch } = process;

/** A program from npm whose packages have a different name on each platform. */
function npmRuntime(
  id: string,
  name: string,
  needed: NpmPackage,
  run: (file: (path: string) => string, seconds: number) => Promise<Report>,
  rest: { needs?: readonly NpmPackage[]; note?: string; mixed?: boolean } = {},
): Runtime {
  const { needs = [], ...other } = rest;
  const version = (): string => needed.version;
  return {
    id,
    name,
    needs: [needed, ...needs],
    version,
    run: (seconds) => run((path) => fileOf(needed, path), seconds),
    ...other,
  };
}

/** A command from Debian. */
function debianRuntime(
  id: string,
  name: string,
  needed: DebianPackage,
  run: (seconds: number) => Promise<Report>,
  rest: { note?: string; wrong?: readonly string[] } = {},
): Runtime {
  return { id, name, needs: [needed], version: () => debianVersion(needed), run, ...rest };
}

function node(version: string): Runtime {
  const major = version.split(".")[0];
  const name = `node-${platform === "win32" ? "win" : platform}-${arch}`;
  return npmRuntime(`node${major}`, "Node", { alias: `node${major}`, name, version }, (file, seconds) =>
    inShell(file("bin/node"), [], seconds),
  );
}

const bun: NpmPackage = {
  alias: "bun",
  name: `@oven/bun-${platform === "win32" ? "windows" : platform}-${arch === "arm64" ? "aarch64" : arch}`,
  version: "1.4.5",
};

const deno: NpmPackage = {
  alias: "deno",
  name: `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`,
  version: "2.9.6",
};

const workerd: NpmPackage = {
  alias: "workerd",
  name: `@cloudflare/workerd-${platform === "win32" ? "windows" : platform}-${arch === "x64" ? "64" : arch}`,
  version: "1.20261117.1",
};

const quickjs: NpmPackage = { alias: "quickjs-emscripten", name: "quickjs-emscripten", version: "0.32.0" };
const hermes: NpmPackage = { alias: "hermes-engine-cli", name: "hermes-engine-cli", version: "0.12.0" };
/** The last TypeScript that writes ES5. */
const typescript: NpmPackage = { alias: "typescript", name: "typescript", version: "5.9.3" };
const hermesFolder = platform === "darwin" ? "osx-bin" : platform === "win32" ? "win64-bin" : "linux64-bin";

export const runtimes: readonly Runtime[] = [
  node("20.20.2"),
  node("22.23.3"),
  node("24.21.0"),
  node("26.10.0"),
  npmRuntime("bun", "Bun", bun, (file, seconds) => inShell(file("bin/bun"), [], seconds)),
  npmRuntime("deno", "Deno", deno, (file, seconds) => inShell(file("deno"), ["run"], seconds)),
  inWorkerd("workerd", "worker", "in a request"),
  inWorkerd("workerd-top", "worker-top", "in a request after a run at top level"),
  inWorkerd("workerd-operation", "worker-operation", "in a request after one operation at top level", true),
  inBrowser("chromium", "Chromium", { debian: "chromium", command: "chromium" }),
  inBrowser("firefox", "Firefox", { debian: "firefox-esr", command: "firefox-esr" }),
  debianRuntime("jsc", "JavaScriptCore", { debian: "libjavascriptcoregtk-4.0-bin", command: "jsc" }, (seconds) =>
    inShell("jsc", [], seconds),
  ),
  // Only for vectors (findings/spidermonkey-vector-max.sh); Firefox, with a newer SpiderMonkey, computes it correctly.
  debianRuntime("gjs", "GJS", { debian: "gjs", command: "gjs" }, (seconds) => inShell("gjs", [], seconds), {
    note: "whose max(0, −0) is −0",
    wrong: ["special numbers"],
  }),
  npmRuntime(
    "quickjs",
    "QuickJS",
    quickjs,
    (file, seconds) => {
      const runner = fileURLToPath(new URL("quickjs.js", import.meta.url));
      return inShell(process.execPath, [runner, file("dist/index.js")], seconds);
    },
    { note: "itself in WebAssembly" },
  ),
  npmRuntime(
    "hermes",
    "Hermes",
    hermes,
    (file, seconds) => {
      const lowered = (code: string): Promise<string> => lower(code, fileOf(typescript, "lib/typescript.js"));
      return inShell(file(`${hermesFolder}/hermes`), ["-O", "-w"], seconds, lowered);
    },
    { needs: [typescript], note: "lowered to ES5" },
  ),
];

/** Runs the program with a command that takes a script as its last argument and prints. */
async function inShell(
  command: string,
  args: readonly string[],
  seconds: number,
  rewrite: (code: string) => string | Promise<string> = (code) => code,
): Promise<Report> {
  const code = await rewrite(await bundle("shell"));
  return inFolder(async (folder) => {
    const script = join(folder, "program.js");
    writeFileSync(script, code);
    const output = await execute(command, [...args, script], seconds);
    const start = output.lastIndexOf(MARK);
    if (start < 0) throw new Error(`printed no report: ${complaint(output)}`);
    return JSON.parse(output.slice(start + MARK.length).split("\n")[0]) as Report;
  });
}

function inWorkerd(id: string, host: Host, note: string, mixed = false): Runtime {
  const run = async (file: (path: string) => string, seconds: number): Promise<Report> => {
    const code = await bundle(host);
    return inFolder(
      async (folder) => JSON.parse(await askWorker(file("bin/workerd"), code, folder, seconds)) as Report,
    );
  };
  return npmRuntime(id, "workerd", workerd, run, { note, mixed });
}

function inBrowser(id: string, name: string, needed: DebianPackage): Runtime {
  return debianRuntime(id, name, needed, async (seconds) => {
    const page = `<!doctype html><html><head><meta charset="utf-8"></head><body><script type="module" src="/page.js"></script></body></html>`;
    const files: Record<string, string> = { "/": page, "/page.js": await bundle("page") };
    const { body } = await visit(needed.command, (path) => files[path], { seconds });
    return JSON.parse(body.dataset["report"]!) as Report;
  });
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "skipstone-runtimes-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
