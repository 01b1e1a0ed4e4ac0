import { expect, test } from "vitest";
import { siteIn, watchedPage } from "./browsers.ts";

const site = siteIn("firefox", "/a/b/");

test.each(["", "docs/tour.html", "docs/experiments.html", "networks/resnet56.html", "api/nn/functions/fit.html"])(
  "/a/b/%s",
  async (path) => {
    const { page, faults } = await watchedPage(site.browser, site.address);
    await page.goto(site.address + path, { waitUntil: "load" });
    await page.waitForSelector("h1");
    expect(await page.evaluate(() => document.title)).toMatch(/Skipstone/);
    expect(faults).toEqual([]);
    await page.close();
  },
);
