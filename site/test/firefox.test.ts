/// <reference lib="dom" />
/** The site in Firefox: each kind of page opens, without a word in the console. */
import type { Browser } from "puppeteer-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, startSite, watchedPage } from "./browsers.ts";

let browser: Browser;
let site: Awaited<ReturnType<typeof startSite>>;

beforeAll(async () => {
  site = await startSite("/a/b/");
  browser = await launch("firefox");
});

afterAll(async () => {
  await browser?.close();
  site?.stop();
});

test.each(["", "docs/tour.html", "docs/experiments.html", "networks/resnet56.html", "api/nn/functions/fit.html"])(
  "/a/b/%s",
  async (path) => {
    const { page, faults } = await watchedPage(browser, site.address);
    await page.goto(site.address + path, { waitUntil: "load" });
    await page.waitForSelector("h1");
    expect(await page.evaluate(() => document.title)).toMatch(/Skipstone/);
    expect(faults).toEqual([]);
    await page.close();
  },
);
