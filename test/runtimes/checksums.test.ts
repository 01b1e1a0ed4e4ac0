/**
 * The promise of equal bits: random numbers, schedules and the plain tier everywhere; the SIMD tier in two groups, those
 * whose WebAssembly rounds x·y + z once and those that round twice.
 *
 * Here in this Node, and in browsers where they are installed; `npm run runtimes` compares them all.
 */
import { describe, expect, test } from "vitest";
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

test("this process gives the same bits a second time", () => {
  expectSameBits("this process", here);
  expectSameBits("this process again", report());
});

describe.each(["chromium", "firefox"] as const)("in %s", (kind) => {
  const browser = findBrowser(kind);

  test.skipIf(!browser)("a page gives the same bits", { timeout: 120_000 }, async () => {
    const files: Record<string, string> = {
      "/": '<!doctype html><html><head></head><body><script type="module" src="/page.js"></script></body></html>',
      "/page.js": await bundle("test/runtimes/checksums-page.ts"),
    };
    const { body } = await visit(browser!, (path) => files[path], { seconds: 100 });
    expectSameBits(kind, JSON.parse(body.dataset["report"]!) as Report);
  });
});
