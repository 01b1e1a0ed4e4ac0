/**
 * The promise of equal bits, kept by every runtime there is: random numbers, schedules and the plain tier everywhere; the
 * SIMD tier in two groups, those whose WebAssembly rounds x·y + z once and those that round twice.
 *
 * Browsers are used where they are installed, this Node always. SKIPSTONE_RUNTIMES=required fetches the others from npm.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { bundle, findBrowser, visit } from "../browser/browser.ts";
import { type Checksums, type Report, report } from "./checksums.ts";
import { hashOf } from "./hash.ts";

/** Of this process. */
const here = report();
/** The SIMD tier's, by whether multiply-add is fused: of the first runtime of that kind, and its name. */
const groups = new Map<boolean, { readonly name: string; readonly checksums: Checksums }>();

function expectSameBits(name: string, { everywhere, simd }: Report): void {
  expect(everywhere, name).toEqual(here.everywhere);
  if (!simd) return;
  const first = groups.get(simd.fused);
  if (first) expect(simd.checksums, `${name} against ${first.name}`).toEqual(first.checksums);
  else groups.set(simd.fused, { name, checksums: simd.checksums });
}

test("the checksums are of something: none is that of nothing, and no two are equal", () => {
  const all = Object.values(here.everywhere);
  expect(all.length).toBeGreaterThan(30);
  expect(new Set([...all, hashOf(() => {})]).size).toBe(all.length + 1);
});

test("this process, a second time", () => {
  expectSameBits("this process", here);
  expectSameBits("this process again", report());
});

describe.runIf(process.env["SKIPSTONE_RUNTIMES"] === "required")("from npm", () => {
  let script = "";
  beforeAll(async () => {
    script = join(mkdtempSync(join(tmpdir(), "skipstone-checksums-")), "checksums.mjs");
    writeFileSync(script, await bundle("test/runtimes/print-checksums.ts"));
  });

  test.each([["node@20"], ["node@22"], ["node@24"], ["node@26"], ["deno@2.9", "run"], ["bun@1.4"]])(
    "%s",
    { timeout: 600_000 },
    async (...command) => {
      const { stdout } = await promisify(execFile)("npx", ["-y", ...command, script]);
      expectSameBits(command[0], JSON.parse(stdout) as Report);
    },
  );

  test("the SIMD tier knows two groups: Node 20 and Bun, which round twice, and the others", () => {
    expect([...groups.keys()].sort()).toEqual([false, true]);
    expect(groups.get(true)!.checksums).not.toEqual(groups.get(false)!.checksums);
  });
});

describe.each(["chromium", "firefox"] as const)("in %s", (kind) => {
  const browser = findBrowser(kind);

  test.skipIf(!browser)("a page", { timeout: 120_000 }, async () => {
    const files: Record<string, string> = {
      "/": '<!doctype html><html><head></head><body><script type="module" src="/page.js"></script></body></html>',
      "/page.js": await bundle("test/runtimes/checksums-page.ts"),
    };
    const { body } = await visit(browser!, (path) => files[path], { seconds: 100 });
    expectSameBits(kind, JSON.parse(body.dataset["report"]!) as Report);
  });
});
