import { expect, test } from "vitest";
import { siteIn, watchedPage } from "./browsers.ts";

const site = siteIn("chrome");

test("the numbers of a figure stand in a grid, and light others when focused or pointed at", async () => {
  const { page, faults } = await watchedPage(site.browser, site.address);
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(`${site.address}docs/tour.html`, { waitUntil: "networkidle2" });
  await page.waitForSelector(".tour-cells");
  const displays = await page.$$eval(".tour-cells", (all) => all.map((cells) => getComputedStyle(cells).display));
  expect(new Set(displays)).toEqual(new Set(["grid"]));
  const columns = await page.$eval(".tour-cells", (cells) => getComputedStyle(cells).gridTemplateColumns.split(" "));
  expect(columns).toHaveLength(4);

  const sum = "[data-tour='branch'] [data-cell='x/6']";
  const lit = (): Promise<number> => page.$$eval(".tour-number.is-from, .tour-number.is-to", (all) => all.length);
  expect(await lit()).toBe(0);
  await page.focus(sum);
  expect(await lit()).toBeGreaterThan(0);
  await page.$eval(sum, (button) => (button as HTMLElement).blur());
  expect(await lit()).toBe(0);
  await page.hover(sum);
  expect(await lit()).toBeGreaterThan(0);
  expect(faults).toEqual([]);
  await page.close();
});
