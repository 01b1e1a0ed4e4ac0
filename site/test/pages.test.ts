/// <reference lib="dom" />
/** Each kind of page for a reader's eyes and for programs that read to them, light and dark, wide and on a phone; and what it weighs. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { filesOf } from "../build/relative.ts";
import { isText } from "../build/serve.ts";
import { dist, siteIn, watchedPage } from "./browsers.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const site = siteIn("chrome");

/** Every page that someone has written, and one of each kind that is generated. */
const written = filesOf(dist).filter((path) => /^(docs\/[^/]*|[\w-]*)\.html$/.test(path) && path !== "404.html");
const generated = [
  "docs/decisions/index.html",
  "docs/decisions/0021-the-site.html",
  "networks/index.html",
  "networks/resnet56.html",
  "networks/vgg16.html",
  "api/index.html",
  "api/index/index.html",
  "api/nn/index.html",
  "api/nn/functions/fit.html",
  "api/flow/interfaces/Certificate.html",
  "api/tensor/classes/Tensor.html",
  "source/src/flow/index.html",
  "source/src/resnet/block.ts.html",
];
const paths = [...written, ...generated];

/** What axe finds that matters, as lines of text. */
async function findings(path: string, width: number, theme: "light" | "dark"): Promise<string[]> {
  const { page, faults } = await watchedPage(site.browser, site.address);
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    // Nothing is caught half-way between two colours.
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await page.goto(site.address + path, { waitUntil: "networkidle2" });
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } }
    ).axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).slice(0, 3)}`);
  });
  await page.close();
  return [...faults, ...found];
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}

describe("axe finds nothing serious, and the console is silent", () => {
  test.each(paths)("%s, 1280 px, light", async (path) => {
    expect(await findings(path, 1280, "light")).toEqual([]);
  });

  // Colours and layout are the same on every page: the other combinations where there is most of both.
  test.each(["index.html", "api/nn/functions/fit.html", "docs/tour.html"])("%s, 390 px, dark", async (path) => {
    expect(await findings(path, 390, "dark")).toEqual([]);
  });

  test.each(["index.html", "networks/resnet56.html"])("%s, the other way round", async (path) => {
    expect(await findings(path, 1280, "dark")).toEqual([]);
    expect(await findings(path, 390, "light")).toEqual([]);
  });
});

test.each([390, 1280])("no page is wider than a window of %d px", async (width) => {
  const page = await site.browser.newPage();
  await page.setViewport({ width, height: 900 });
  const wide: string[] = [];
  for (const path of paths) {
    await page.goto(site.address + path, { waitUntil: "domcontentloaded" });
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1)) wide.push(path);
  }
  await page.close();
  expect(wide).toEqual([]);
});

test("the front page and its data weigh at most 1.5 MB over the wire, its scripts 250 KiB", async () => {
  const page = await site.browser.newPage();
  const asked = new Set<string>();
  page.on("request", (request) => {
    const { protocol, pathname } = new URL(request.url());
    if (protocol.startsWith("http")) asked.add(decodeURIComponent(pathname.slice(1)) || "index.html");
  });
  page.on("workercreated", (worker) => asked.add(new URL(worker.url()).pathname.slice(1)));
  // Without the service worker, which fetches what it keeps for later.
  await page.setBypassServiceWorker(true);
  await page.evaluateOnNewDocument(() => Object.defineProperty(navigator, "serviceWorker", { value: undefined }));
  await page.goto(site.address, { waitUntil: "networkidle2" });
  await page.close();
  const bytes = (path: string): number => {
    const own = readFileSync(dist + path);
    return isText(path) ? gzipSync(own).length : own.length;
  };
  const files = [...asked];
  const sum = (chosen: readonly string[]): number => chosen.reduce((total, path) => total + bytes(path), 0);
  expect(files.some((path) => path.includes("worker"))).toBe(true);
  expect(files.some((path) => path.endsWith(".bin"))).toBe(true);
  expect(sum(files.filter((path) => path.endsWith(".js")))).toBeLessThanOrEqual(250 * 1024);
  expect(sum(files)).toBeLessThanOrEqual(1.5e6);
});

test("without scripts the front page says what it is and where else to go", async () => {
  const page = await site.browser.newPage();
  await page.setJavaScriptEnabled(false);
  await page.goto(site.address);
  const text = await page.$eval("body", (body) => body.textContent);
  expect(text).toContain("Where does the gradient go?");
  expect(text).toContain("needs JavaScript");
  await page.close();
});
