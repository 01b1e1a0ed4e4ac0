import { expect, test } from "vitest";
import { siteIn, watchedPage } from "./browsers.ts";

const site = siteIn("chrome", "/a/b/");

/** Pages that are opened with their scripts; all others are read. */
const OPENED = [
  "",
  "README.html",
  "docs/tour.html",
  "docs/experiments.html",
  "docs/decisions/index.html",
  "networks/resnet56.html",
  "api/index.html",
  "api/nn/functions/fit.html",
  "source/src/flow/index.html",
];

/** Addresses of the links and of everything else that a page's text names. */
function named(html: string, address: string): string[] {
  return [...html.matchAll(/ (?:href|src)="([^"#]+)[^"]*"/g)]
    .map(([, target]) => target.replaceAll("&amp;", "&"))
    .filter((target) => !/^(https?|mailto|data):/.test(target))
    .map((target) => new URL(target, address).href);
}

test("every page that can be reached by links is there, with every file that it names", async () => {
  const found = new Map<string, string>([[site.address, ""]]);
  const missing: string[] = [];
  for (const [address, from] of found) {
    const response = await fetch(address);
    if (!response.ok || !address.startsWith(site.address)) missing.push(`${address} in ${from}`);
    const text = await response.text();
    if (!response.headers.get("content-type")?.startsWith("text/html")) continue;
    for (const target of named(text, address)) if (!found.has(target)) found.set(target, address);
  }
  expect(missing).toEqual([]);
  expect(found.size).toBeGreaterThan(900);
});

test.each(OPENED)("/a/b/%s works: nothing in the console, no missing file, no other host", async (path) => {
  const { page, faults } = await watchedPage(site.browser, site.address);
  await page.goto(site.address + path, { waitUntil: "networkidle2" });
  expect(await page.title()).toMatch(/Skipstone/);
  expect(faults).toEqual([]);
  const links = await page.$$eval("a[href]", (all) => all.map((a) => (a as HTMLAnchorElement).href));
  const outside = links.filter(
    (href) => href.startsWith(new URL(site.address).origin) && !href.startsWith(site.address),
  );
  expect(outside).toEqual([]);
  await page.close();
});

test("from page to page without loading anew, over folders of different depth, and back", async () => {
  const { page, faults } = await watchedPage(site.browser, site.address);
  await page.goto(`${site.address}docs/experiments.html`, { waitUntil: "networkidle2" });
  await page.evaluate("window.stayed = true");
  const go = async (selector: string, path: string): Promise<void> => {
    // The address changes before the page does.
    await page.waitForSelector(selector);
    await page.$eval(selector, (link) => (link as HTMLElement).click());
    await page.waitForFunction((end: string) => location.pathname.endsWith(end), {}, path);
    await page.waitForFunction(
      () => document.querySelector("h1") !== null && document.querySelector(".NotFound") === null,
    );
  };
  await go(".VPNavBarMenu a[href$='/networks/']", "/a/b/networks/");
  await go(".vp-doc a[href$='resnet110.html']", "/a/b/networks/resnet110.html");
  await go(".vp-doc a[href$='weights.html']", "/a/b/docs/weights.html");
  await go(".VPNavBarMenu a[href$='/api/']", "/a/b/api/");
  await page.goBack();
  await page.waitForFunction(() => location.pathname.endsWith("/docs/weights.html"));
  expect(await page.evaluate("window.stayed")).toBe(true);
  expect(faults).toEqual([]);
  await page.close();
});

test("what is not there is said at any depth, with a link to the site's first page", async () => {
  const page = await site.browser.newPage();
  const response = await page.goto(`${site.address}docs/no/such/page.html`, { waitUntil: "networkidle2" });
  expect(response!.status()).toBe(404);
  await page.waitForFunction(() => document.querySelector<HTMLAnchorElement>("#home")!.pathname !== "/");
  expect(await page.$eval("#home", (link) => (link as HTMLAnchorElement).href)).toBe(site.address);
  await page.close();
});

test("the search finds a function and goes to its page", async () => {
  const { page, faults } = await watchedPage(site.browser, site.address);
  await page.goto(`${site.address}docs/how-to.html`, { waitUntil: "networkidle2" });
  await page.click(".DocSearch-Button");
  await page.waitForSelector(".search-input");
  await page.type(".search-input", "identityShares");
  await page.waitForSelector(".results a[href*='identityShares']");
  await page.click(".results a[href*='identityShares']");
  await page.waitForFunction(() => location.pathname.includes("/a/b/api/flow/functions/identityShares"));
  expect(faults).toEqual([]);
  await page.close();
});

test("the pages of examples are no pages of VitePress, and find the service worker all the same", async () => {
  const page = await site.browser.newPage();
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(`${site.address}examples/in-a-worker/index.html`, { waitUntil: "load" });
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready).scope !== "", { timeout: 20_000 });
  expect(errors).toEqual([]);
  await page.close();
});

test("what was read works without a network: the front page and a page that was visited", async () => {
  const { page } = await watchedPage(site.browser, site.address);
  await page.goto(site.address, { waitUntil: "networkidle2" });
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.goto(`${site.address}docs/theory.html`, { waitUntil: "networkidle2" });
  await page.setOfflineMode(true);
  site.stop();
  await page.goto(`${site.address}docs/theory.html`);
  expect(await page.$eval("h1", (title) => title.textContent)).toContain("certificate implies");
  await page.goto(site.address);
  expect(await page.$eval("h1", (title) => title.textContent)).toContain("gradient");
  await page.close();
});
