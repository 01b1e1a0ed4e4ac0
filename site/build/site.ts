/**
 * `npm run site`: builds the site into site/dist and serves it. What it needs beyond Skipstone's own packages (VitePress, TypeDoc)
 * is installed in site/ on the first run.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { benchPage } from "../bench/page.ts";
import { gaps, readReference, writeReference } from "./api.ts";
import { readClothes } from "./clothes.ts";
import { packData } from "./data.ts";
import { buildExamples, examplesPage } from "./examples.ts";
import { fillFront } from "./front.ts";
import { writeNetworks } from "./networks.ts";
import { makeOffline } from "./offline.ts";
import { gatherPages, writePage } from "./pages.ts";
import { makePicture } from "./picture.ts";
import { dist, fashion, MARKER, pages, site } from "./places.ts";
import { makeRelative, type Parse } from "./relative.ts";
import { serve } from "./serve.ts";
import { missingPage } from "./source.ts";

const report = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs one stage and says its name and how long it took. */
async function stage(name: string, work: () => void | Promise<void>): Promise<void> {
  const start = performance.now();
  report(`${name} …`);
  await work();
  report(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Installs the packages of a folder if its lockfile has changed since, or they are not there. */
function install(folder: string): void {
  const [lock, mark] = [readFileSync(`${folder}package-lock.json`, "utf8"), `${folder}node_modules/.skipstone-lock`];
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const result = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (result.status !== 0) throw new Error(`npm ci failed in ${folder}: it needs the npm registry, or a filled cache`);
  writeFileSync(mark, lock);
}

function buildPages(): void {
  execFileSync(process.execPath, [`${site}node_modules/vitepress/bin/vitepress.js`, "build", "."], {
    cwd: site,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --max-old-space-size=4096` },
  });
}

async function build(withFashion: boolean): Promise<void> {
  await stage("packages of site/", () => install(site));
  if (withFashion) await stage("packages of site/fashion", () => install(fashion));
  await stage("images", () => packData(withFashion ? readClothes() : undefined, report));
  await stage("documents", gatherPages);
  await stage("examples", async () => {
    writePage("examples.md", examplesPage());
    await buildExamples(`${pages}public`);
  });
  await stage("networks", () => writeNetworks(() => {}));
  await stage("reference", writeReference);
  const missing = gaps(readReference());
  if (missing.length > 0) report(`the reference has ${missing.length} gaps, which site/test names`);
  await stage("first picture", fillFront);
  rmSync(dist, { recursive: true, force: true });
  await stage("pages", buildPages);
  await stage("relative addresses", async () => {
    const rollup = createRequire(`${site}package.json`).resolve("rollup/parseAst");
    const { parseAst } = (await import(rollup)) as { parseAst: Parse };
    makeRelative(dist, MARKER, parseAst);
  });
  await stage("offline", () => {
    writeFileSync(`${dist}404.html`, missingPage());
    makeOffline(dist);
  });
}

const program = new Command("npm run site --")
  .description(
    "Build the site into site/dist and serve it: the laboratory in a page, the documentation, the reference.",
  )
  .option("--build", "only build")
  .option("--fashion", "with Fashion-MNIST too, which is installed for it (39 MB)")
  .option("--bench", "measure the site that is built, in the browsers that are installed")
  .option("--minutes <number>", "of --bench: how long the page trains while its memory is watched", Number, 1)
  .option("--picture", "make the README's moving picture from the site that is built, in Chromium")
  .option("--port <number>", "serve at this port; by default any that is free", Number, 0)
  .exitOverride();

try {
  program.parse();
  const flags = program.opts<{
    build?: boolean;
    fashion?: boolean;
    bench?: boolean;
    picture?: boolean;
    minutes: number;
    port: number;
  }>();
  if (!Number.isInteger(flags.port)) throw new Error("--port takes a whole number");
  if (!(flags.minutes >= 0)) throw new Error("--minutes takes a number");
  const measures = flags.bench === true || flags.picture === true;
  // A port that is taken is said before the work.
  if (!flags.build && !measures) (await serve(dist, { port: flags.port })).server.close();
  if (!measures || flags.build || !existsSync(`${dist}index.html`)) await build(flags.fashion ?? false);
  if (flags.bench) report(await benchPage(flags.minutes, report));
  if (flags.picture) report(await makePicture(report));
  if (flags.build) report(`built: ${dist}`);
  else if (!measures) report(`${(await serve(dist, { port: flags.port })).address} (Ctrl-C ends it)`);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    process.stderr.write(`npm run site: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
