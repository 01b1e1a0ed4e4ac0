import { beforeAll, expect, test } from "vitest";
import { walkCards } from "../lab/ui/walk.ts";
import { siteIn } from "./browsers.ts";
import { type LabPage, type LabState, openLab, placeOf } from "./lab-page.ts";

const site = siteIn("firefox", "/a/b/");
let lab: LabPage;

beforeAll(async () => {
  lab = await openLab(site.browser, site.address);
});

test("it starts, pauses and goes on", async () => {
  await lab.reach(20);
  await lab.click("Pause");
  await lab.until((page) => page.status === "paused");
  await lab.click("Go on");
  const { step } = await lab.state();
  await lab.reach(step + 5);
});

test("a cut, and it is joined again", async () => {
  await lab.click("Cut all 3");
  await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks.every(({ cut }) => cut === "shortcut"));
  await lab.click("Rejoin all");
  await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks.every(({ cut }) => cut === "none"));
});

test("a drawing", async () => {
  const canvas = await lab.page.$(".lab-pad .board canvas");
  await canvas!.scrollIntoView();
  const box = await placeOf(canvas!);
  await lab.page.mouse.move(box.x + box.width / 2, box.y + 40);
  await lab.page.mouse.down();
  await lab.page.mouse.move(box.x + box.width / 2, box.y + box.height - 40, { steps: 8 });
  await lab.page.mouse.up();
  await lab.until(() =>
    [...document.querySelectorAll(".lab-pad .large")].every(({ textContent }) => textContent !== "–"),
  );
});

test("a preset", async () => {
  await lab.click("20 layers");
  await lab.until((page) => (page.state() as LabState).run.depth === 20 && page.step > 1);
});

test("the first cards of the walk", async () => {
  await lab.click("Take the walk →");
  for (const number of [1, 2]) {
    await lab.until(
      (_, value) => document.querySelector("#lab-walk-title")?.textContent === value,
      walkCards[number - 1]!.title,
    );
    await lab.until((page, value) => page.step >= Number(value) && page.status === "paused", number === 1 ? "0" : "40");
    await lab.click("Next →");
  }
  expect(lab.faults).toEqual([]);
});
