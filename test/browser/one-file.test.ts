/** dist/skipstone.js, the file that a page takes from a network of copies of npm (`unpkg`, `jsdelivr`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cifarResNet, crossEntropy, Rng, randn, useKernels } from "../../src/index.ts";
import { buildPackage } from "../project/build.ts";
import { findBrowser, visit } from "./browser.ts";

const browser = findBrowser();

/** A page's program with its import, as a person writes it. */
const PROGRAM = `
import { cifarResNet, crossEntropy, Rng, randn, useKernels } from "/skipstone.js";
useKernels("plain");
const rng = new Rng(1);
const loss = crossEntropy(cifarResNet(8, { width: 4, rng }).forward(randn([2, 3, 32, 32], rng)), [0, 1]);
document.body.dataset.loss = String(loss.item());
document.body.dataset.state = "done";
`;

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  let script = "";
  beforeAll(async () => {
    script = readFileSync(join(await buildPackage("one-file"), "dist/skipstone.js"), "utf8");
  }, 120_000);

  test("a page loads the library with one request, and computes what Node computes", async () => {
    const requests: string[] = [];
    const { body } = await visit(browser!, (path) => {
      requests.push(path);
      if (path === "/skipstone.js") return script;
      if (path !== "/") return undefined;
      return `<!doctype html><html><head></head><body><script type="module">${PROGRAM}</script></body></html>`;
    });
    expect(requests).toEqual(["/", "/skipstone.js"]);

    useKernels("plain");
    const rng = new Rng(1);
    const loss = crossEntropy(cifarResNet(8, { width: 4, rng }).forward(randn([2, 3, 32, 32], rng)), [0, 1]);
    expect(body.dataset["loss"]).toBe(String(loss.item()));
  });
});
