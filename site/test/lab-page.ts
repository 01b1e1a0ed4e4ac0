/// <reference lib="dom" />
/** The laboratory's page under test: opens it, waits for what it says of itself, and uses it as a reader does. */
import type { BoundingBox, Browser, ElementHandle, Page } from "puppeteer-core";
import type { Model } from "../lab/ui/model.ts";
import { watchedPage } from "./browsers.ts";

/** What `window.skipstoneLab.state()` tells. */
export type LabState = Pick<
  Model,
  "run" | "view" | "pace" | "walk" | "chosen" | "playing" | "step" | "status" | "sides"
>;

/** A small run, quick to train; more of an address may follow. */
export const SMALL = "#v1&d=8&w=2&b=4&p=free";

/** A page with the laboratory in it. */
export interface LabPage {
  readonly page: Page;
  /** Whatever went wrong, as lines of text. */
  readonly faults: string[];
  state(): Promise<LabState>;
  /** Waits until a condition of the page holds. @throws Error with the condition's text. */
  until(condition: (lab: NonNullable<Window["skipstoneLab"]>, value: string) => unknown, value?: string): Promise<void>;
  /** Waits until both networks have made so many steps. */
  reach(step: number): Promise<void>;
  /** A button or link that can be seen, by its words or its name for a screen reader. @throws Error if there is none. */
  button(name: string): Promise<ElementHandle<HTMLElement>>;
  /** Clicks it. */
  click(name: string): Promise<void>;
  /** Waits until the run has been paused and stands; gives the step. */
  paused(): Promise<number>;
  /** The text of the first element of this selector. */
  text(selector: string): Promise<string>;
  /** Another address in the same page, as a typed one. */
  go(hash: string): Promise<void>;
}

/** Opens the laboratory at an address. `before`: what is done to the page before it loads. */
export async function openLab(
  browser: Browser,
  address: string,
  hash: string = SMALL,
  before: (page: Page) => Promise<unknown> = async () => {},
): Promise<LabPage> {
  const { page, faults } = await watchedPage(browser, address);
  await page.setViewport({ width: 1280, height: 900 });
  await before(page);
  await page.goto(address + hash, { waitUntil: "load" });
  await page.waitForFunction(() => window.skipstoneLab !== undefined, { timeout: 30_000 });
  return { page, faults, ...usesOf(page) };
}

function usesOf(page: Page): Omit<LabPage, "page" | "faults"> {
  const until: LabPage["until"] = async (condition, value = "") => {
    const text = condition.toString();
    try {
      await page.waitForFunction(
        (source: string, given: string) =>
          Boolean(new Function("lab", "value", `return (${source})(lab, value)`)(window.skipstoneLab, given)),
        { timeout: 90_000, polling: 100 },
        text,
        value,
      );
    } catch (error) {
      const notice = await page.$eval(".lab-notice", (found) => found.textContent).catch(() => "");
      throw new Error(`never: ${text} (${value}) ${notice}`, { cause: error });
    }
  };
  const button: LabPage["button"] = async (name) => {
    // A button's words may come a moment later: they change at most four times a second.
    const found = await page.waitForFunction(
      (wanted: string) => {
        const all = [...document.querySelectorAll<HTMLElement>(".lab button, .lab a")];
        return all.find(
          (element) =>
            element.offsetParent !== null &&
            (element.getAttribute("aria-label") === wanted || element.textContent?.trim() === wanted),
        );
      },
      { timeout: 10_000, polling: 50 },
      name,
    );
    const element = found.asElement();
    if (element === null) throw new Error(`no button "${name}"`);
    return element as ElementHandle<HTMLElement>;
  };
  return {
    until,
    button,
    state: () => page.evaluate(() => window.skipstoneLab!.state()) as Promise<LabState>,
    reach: (step) => until((lab, value) => lab.step >= Number(value), String(step)),
    // Not by the mouse: words that come meanwhile move what is below them. Where the mouse matters, tests move it.
    click: async (name) => (await button(name)).evaluate((element) => element.click()),
    paused: async () => {
      await until((lab) => lab.status === "paused");
      // Steps that were granted before are still made.
      let [last, step] = [-1, -2];
      while (step !== last) {
        last = step;
        await new Promise((resolve) => setTimeout(resolve, 1000));
        step = await page.evaluate(() => window.skipstoneLab!.step);
      }
      return step;
    },
    text: (selector) => page.$eval(selector, (element) => element.textContent ?? ""),
    go: async (hash) => {
      await page.evaluate((to: string) => {
        location.hash = to;
      }, hash);
    },
  };
}

/** Where an element is, once nothing above it moves any more. */
export async function placeOf(element: ElementHandle): Promise<BoundingBox> {
  let [last, now]: [BoundingBox | null, BoundingBox | null] = [null, null];
  do {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
    now = await element.boundingBox();
  } while (now === null || last === null || now.x !== last.x || now.y !== last.y || now.height !== last.height);
  return now;
}

/** Sets a field of the settings as a reader does: the value, then the events of a field that is left. */
export async function setField({ page }: LabPage, name: string, value: string | boolean): Promise<void> {
  await page.$eval(
    `.lab-settings [name="${name}"]`,
    (element, wanted) => {
      const field = element as HTMLInputElement;
      if (typeof wanted === "boolean") field.checked = wanted;
      else field.value = wanted;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    },
    value,
  );
}
