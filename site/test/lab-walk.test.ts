import { expect, test } from "vitest";
import { walkCards } from "../lab/ui/walk.ts";
import { siteIn } from "./browsers.ts";
import { type LabPage, type LabState, openLab } from "./lab-page.ts";

const site = siteIn("chrome", "/a/b/");

/** Waits until this card is there, from 1, and its place is outlined. */
async function card(lab: LabPage, number: number): Promise<void> {
  const { title, place } = walkCards[number - 1]!;
  await lab.page.waitForSelector(".lab-walk", { visible: true });
  await lab.until((_, value) => document.querySelector("#lab-walk-title")?.textContent === value, title);
  expect(await lab.page.$$eval("[data-pointed]", (all) => all.map((one) => one.getAttribute("data-place")))).toEqual([
    place,
  ]);
  await lab.until((_, value) => location.hash.includes(`walk=${value}`), String(number));
}

test("by mouse, from the first card to the last", async () => {
  const lab = await openLab(site.browser, site.address, "");
  await lab.click("Take the walk →");
  await card(lab, 1);
  await lab.until((page) => page.status === "paused" && page.step === 0);
  // What stands in the card's way is away: the row of examples.
  await lab.page.waitForSelector(".lab-presets", { hidden: true });
  await lab.page.evaluate(() => document.querySelector<HTMLElement>(".lab-walk .main")!.click());
  await lab.reach(1);
  await lab.click("Next →");
  await card(lab, 2);
  // Steps for which there was leave already are still made.
  await lab.until((page) => page.step >= 40 && page.step < 50 && page.status === "paused");
  await lab.click("Next →");
  await card(lab, 3);
  await lab.click("Show how much each layer changes");
  await lab.until((page) => (page.state() as LabState).view === "ratio");
  await lab.click("Next →");
  await card(lab, 4);
  await lab.until((page) => page.step === 400 && page.status === "paused");
  await lab.click("Next →");
  await card(lab, 5);
  await lab.until((page) => (page.state() as LabState).chosen?.first === 17);
  await lab.click("Cut this arc");
  await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks[17]?.cut === "shortcut");
  await lab.click("Cut the box of the next block");
  await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks[18]?.cut === "branch");
  await lab.until(() => document.querySelector(".lab-walk")?.hasAttribute("data-done"));
  await lab.click("Next →");
  await card(lab, 6);
  await lab.click("Cut all arcs");
  await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks.every(({ cut }) => cut === "shortcut"));
  await lab.click("Rejoin all");
  await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks.every(({ cut }) => cut === "none"));
  await lab.until(() => document.querySelector(".lab-walk")?.hasAttribute("data-done"));
  await lab.click("Next →");
  await card(lab, 7);
  await lab.until((page) => (page.state() as LabState).run.b.shortcut === "scale" && page.step > 1);
  await lab.click("Done");
  await lab.page.waitForSelector(".lab-walk", { hidden: true });
  expect((await lab.state()).run.b.shortcut).toBe("scale");
  expect(lab.faults).toEqual([]);
  await lab.page.close();
  // Some 600 steps of 74 layers: twelve seconds on a machine with nothing else to do.
}, 300_000);

test("by keyboard: arrows go on and back, Escape leaves and keeps the run; Back leads to the card", async () => {
  const lab = await openLab(site.browser, site.address, "#v1&walk=1");
  await card(lab, 1);
  for (const to of [2, 3, 4, 5, 6, 7]) {
    await lab.page.keyboard.press("ArrowRight");
    await card(lab, to);
  }
  await lab.page.keyboard.press("ArrowLeft");
  await card(lab, 6);
  await lab.page.keyboard.press("Escape");
  await lab.page.waitForSelector(".lab-walk", { hidden: true });
  await lab.until(() => !location.hash.includes("walk="));
  await lab.page.evaluate(() => history.back());
  await card(lab, 6);
  expect(lab.faults).toEqual([]);
  await lab.page.close();
});
