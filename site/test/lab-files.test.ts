/// <reference lib="dom" />
/** What the laboratory takes and gives: drawings, networks and pictures as files, tables; by mouse, finger and keyboard. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { readSafetensors } from "../../src/io/index.ts";
import { siteIn } from "./browsers.ts";
import { type LabPage, type LabState, openLab, placeOf, SMALL } from "./lab-page.ts";

const site = siteIn("chrome", "/a/b/");
let lab: LabPage;
const folder = mkdtempSync(join(tmpdir(), "skipstone-lab-"));

beforeAll(async () => {
  lab = await openLab(site.browser, site.address);
  const session = await site.browser.target().createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
  await lab.reach(10);
});

afterEach(() => {
  expect(lab.faults).toEqual([]);
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
});

/** The bytes of a file that the page has given. */
async function given(name: string): Promise<Buffer> {
  const path = join(folder, name);
  await vi.waitUntil(() => existsSync(path), { timeout: 10_000 });
  const bytes = readFileSync(path);
  rmSync(path);
  return bytes;
}

/** The words under the buttons of files. */
const said = (pattern: string): Promise<void> =>
  lab.until(
    (_, value) => new RegExp(value).test(document.querySelector(".lab-more .quiet")?.textContent ?? ""),
    pattern,
  );

/** Chooses a file for "Load safetensors". */
async function load(name: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const input = (await lab.page.$(
    ".lab-more input[type=file]",
  )) as import("puppeteer-core").ElementHandle<HTMLInputElement>;
  await input.uploadFile(path);
}

describe("networks as files", () => {
  test("safetensors: saved, read by the library, loaded into the other network, trained on", async () => {
    await lab.page.select('.lab-more [aria-label="Which network"]', "a");
    await lab.click("Save safetensors");
    await said("Saved as");
    const bytes = await given("skipstone-8.safetensors");
    expect(Object.keys(readSafetensors(bytes).stateDict()).length).toBeGreaterThan(10);
    await load("mine.safetensors", bytes);
    await said("mine.safetensors is loaded");
    const { step } = await lab.state();
    await lab.reach(step + 5);
  });

  test("a file that is none, and one of another network: refused in the library's words", async () => {
    await load("none.safetensors", new TextEncoder().encode("this is no file of weights"));
    await said("safetensors|header|bytes");
    expect(await lab.text(".lab-more .quiet")).not.toContain("is loaded");
    await lab.click("Save safetensors");
    await said("Saved as");
    const bytes = await given("skipstone-8.safetensors");
    await lab.go("#v1&d=14&w=2&b=4&p=free");
    await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks.length === 6 && page.step > 2);
    await load("other.safetensors", bytes);
    await lab.until(
      () => !/a moment|Saved/.test(document.querySelector(".lab-more .quiet")?.textContent ?? "a moment"),
    );
    expect(await lab.text(".lab-more .quiet")).toMatch(/layer|missing|does not/);
    await lab.go(SMALL);
    await lab.until((page) => (page.state() as LabState).sides.a.network?.blocks.length === 3 && page.step > 2);
  });

  test("ONNX, and all rows as CSV", async () => {
    await lab.click("Save ONNX");
    await said("Saved as skipstone-8.onnx");
    expect((await given("skipstone-8.onnx")).length).toBeGreaterThan(1000);
    await lab.click("All rows as CSV");
    const rows = (await given("gradients-a.csv")).toString().trim().split("\n");
    expect(rows[0]!.split(",").length).toBeGreaterThanOrEqual(8);
    expect(rows.length).toBeGreaterThan(2);
  });
});

test.each(["flow", "loss", "history"])("the picture of %s as SVG and PNG, and its numbers", async (name) => {
  const section = `[data-place="${name}"]`;
  await lab.page.select(`${section} select.save`, "svg");
  const svg = (await given(`${name}.svg`)).toString();
  expect(svg).toMatch(/^<svg[\s\S]*aria-label=[\s\S]*<\/svg>\s*$/);
  expect(svg).not.toContain("NaN");
  await lab.page.select(`${section} select.save`, "png");
  expect((await given(`${name}.png`)).subarray(1, 4).toString()).toBe("PNG");
  await lab.page.$eval(`${section} .head button[aria-expanded]`, (button) => (button as HTMLElement).click());
  const cells = await lab.page.$$eval(`${section} .numbers tbody td`, (all) =>
    all.map(({ textContent }) => textContent),
  );
  expect(cells.length).toBeGreaterThan(10);
  expect(cells.join()).not.toMatch(/NaN|undefined/);
  await lab.page.$eval(`${section} .head button[aria-expanded]`, (button) => (button as HTMLElement).click());
});

test("go there: back to a step, forward to another, and it pauses", async () => {
  const field = '[aria-label="Step to go to"]';
  for (const step of ["7", "60"]) {
    await lab.page.$eval(
      field,
      (input, value) => {
        (input as HTMLInputElement).value = value;
      },
      step,
    );
    await lab.click("Go there");
    await lab.until((page, value) => page.step === Number(value) && page.status === "paused", step);
  }
  const box = await placeOf((await lab.page.$('[data-place="history"] canvas'))!);
  await lab.page.$eval('[data-place="history"]', (element) => element.scrollIntoView({ block: "center" }));
  const there = await placeOf((await lab.page.$('[data-place="history"] canvas'))!);
  await lab.page.mouse.click(there.x + 14, there.y + box.height / 4);
  await lab.until((page) => page.step < 60 && page.status === "paused");
  await lab.click("Go on");
});

describe("the pad", () => {
  const board = ".lab-pad .board canvas";
  const answered = (): Promise<void> =>
    lab.until(() => [...document.querySelectorAll(".lab-pad .large")].every(({ textContent }) => textContent !== "–"));
  const emptied = async (): Promise<void> => {
    await lab.click("Clear");
    await lab.until(() =>
      [...document.querySelectorAll(".lab-pad .large")].every(({ textContent }) => textContent === "–"),
    );
  };

  test("a stroke by mouse: both answer, and show where they look; undo takes it back", async () => {
    const canvas = await lab.page.$(board);
    await canvas!.scrollIntoView();
    const box = await placeOf(canvas!);
    await lab.page.mouse.move(box.x + box.width / 2, box.y + 40);
    await lab.page.mouse.down();
    await lab.page.mouse.move(box.x + box.width / 2, box.y + box.height - 40, { steps: 10 });
    await lab.page.mouse.up();
    await answered();
    await lab.until(() => document.querySelectorAll(".lab-pad .pair figure:not([hidden])").length === 3);
    await lab.click("Undo");
    await lab.until(() => document.querySelector(".lab-pad .large")?.textContent === "–");
  });

  test("by keyboard: arrows, space, Backspace, Delete", async () => {
    await lab.page.focus(board);
    for (const key of ["ArrowDown", "Space", "ArrowDown", "Space", "ArrowDown", "Space"] as const)
      await lab.page.keyboard.press(key);
    await answered();
    await lab.page.keyboard.press("Delete");
    await lab.until(() => document.querySelector(".lab-pad .large")?.textContent === "–");
    await lab.page.keyboard.press("Space");
    await answered();
    await lab.page.keyboard.press("Backspace");
    await lab.until(() => document.querySelector(".lab-pad .large")?.textContent === "–");
  });

  test("one of the twelve goes onto the pad; added to the training, the link says that it lacks it", async () => {
    await lab.page.$eval(".lab-digits li:nth-child(4) button", (button) => (button as HTMLElement).click());
    await answered();
    await lab.page.select('.lab-pad [aria-label="The right answer"]', "3");
    await lab.click("Add to the training");
    await lab.until(() => document.querySelector(".lab-pad .quiet[role=status]")?.textContent?.startsWith("Added"));
    const { step } = await lab.state();
    await lab.reach(step + 10);
    await lab.click("Copy a link to this moment");
    await said("Copied|copy it");
    expect(await lab.page.$eval(".lab-more input[type=text]", (input) => (input as HTMLInputElement).value)).toContain(
      "drawings",
    );
    await lab.click("Go on");
    await emptied();
  });
});

test("on a phone a finger chooses blocks and draws; it cuts nothing", async () => {
  const phone = await openLab(site.browser, site.address, SMALL, (page) =>
    page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true }),
  );
  await phone.reach(5);
  const block = await phone.page.$("#lab-a-block-2");
  await block!.scrollIntoView();
  const box = await placeOf(block!);
  await phone.page.touchscreen.tap(box.x + box.width / 2, box.y + 24);
  await phone.until((page) => (page.state() as LabState).chosen?.first === 2);
  expect((await phone.state()).run.events).toEqual([]);
  const canvas = await phone.page.$(".lab-pad .board canvas");
  await canvas!.scrollIntoView();
  const pad = await placeOf(canvas!);
  const touch = await phone.page.touchscreen.touchStart(pad.x + 100, pad.y + 60);
  for (let y = 80; y < 200; y += 20) await touch.move(pad.x + 100, pad.y + y);
  await touch.end();
  await phone.until(() =>
    [...document.querySelectorAll(".lab-pad .large")].every(({ textContent }) => textContent !== "–"),
  );
  expect(phone.faults).toEqual([]);
  await phone.page.close();
});
