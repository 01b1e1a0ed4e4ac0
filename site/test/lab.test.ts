import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { PRESETS } from "../lab/presets.ts";
import { LIMITS, ORDER_NAMES, SHORTCUT_KINDS, STARTS } from "../lab/state.ts";
import { siteIn } from "./browsers.ts";
import { type LabPage, openLab, placeOf, SMALL, setField } from "./lab-page.ts";

const site = siteIn("chrome", "/a/b/");
let lab: LabPage;

beforeAll(async () => {
  lab = await openLab(site.browser, site.address);
});

afterEach(() => {
  expect(lab.faults).toEqual([]);
});

/** The small run anew. */
async function small(more = ""): Promise<void> {
  await lab.page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await lab.go("#v1&d=8&w=2&b=4&p=1");
  await lab.until((page) => (page.state() as { pace: string }).pace === "1");
  await lab.go(SMALL + more);
  await lab.until((page) => (page.state() as { pace: string }).pace === "free");
  await lab.reach(1);
}

describe("training", () => {
  test("starts by itself, pauses, makes one step, begins again", async () => {
    await lab.reach(20);
    await lab.click("Pause");
    const step = await lab.paused();
    await lab.click("One step");
    await lab.until((page, value) => page.step === Number(value), String(step + 1));
    await lab.click("Again, with the same first weights");
    await lab.until((page, value) => page.step < Number(value) && page.status === "running", String(step));
  });

  test("K, the full stop and R, only in the laboratory", async () => {
    await small();
    await (await lab.button("Pause")).focus();
    await lab.page.keyboard.press("k");
    const step = await lab.paused();
    await lab.page.keyboard.press(".");
    await lab.until((page, value) => page.step === Number(value), String(step + 1));
    await lab.page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await lab.page.keyboard.press("k");
    expect((await lab.state()).status).toBe("paused");
    await (await lab.button("Go on")).focus();
    await lab.page.keyboard.press("r");
    await lab.until((page) => page.status === "running");
  });

  test("each speed, and it is in the address", async () => {
    await small();
    for (const pace of ["1", "5", "20", "free"]) {
      await lab.page.select(".lab-bar select", pace);
      await lab.until((page, value) => (page.state() as { pace: string }).pace === value, pace);
    }
    await lab.page.select(".lab-bar select", "5");
    await lab.until(() => location.hash.includes("p=5"));
  });
});

describe("settings", () => {
  test("numbers: a new run with the value, also in the address", async () => {
    await small();
    await lab.click("all …");
    for (const [field, value, key] of [
      ["depth", "14", "d=14"],
      ["width", "3", "w=3"],
      ["batch", "6", "b=6"],
      ["seed", "12", "s=12"],
    ] as const) {
      await setField(lab, field, value);
      await lab.until((page, wanted) => location.hash.includes(wanted) && page.step > 0, key);
      expect((await lab.state()).run).toMatchObject({ [field]: Number(value) });
    }
    await lab.click("Another seed");
    expect((await lab.state()).run.seed).not.toBe(12);
    await setField(lab, "pixels", "28");
    await lab.until((page) => page.step > 0 && location.hash.includes("px=28"));
  });

  test.each(SHORTCUT_KINDS.map((kind) => [kind]))(
    "shortcut %s: the networks and their certificates are there",
    async (kind) => {
      await small();
      await lab.click("all …");
      await setField(lab, "a.shortcut", kind);
      await lab.until((page, value) => {
        const { run, sides } = page.state() as Awaited<ReturnType<LabPage["state"]>>;
        return (
          run.a.shortcut === value &&
          page.step > 0 &&
          sides.a.network?.blocks.some(({ shortcut }) => shortcut === (value === "conv1x1" ? "project" : value))
        );
      }, kind);
      const { sides, run } = await lab.state();
      expect(sides.a.certificate!.blocks).toHaveLength(3);
      expect(run.events).toEqual([]);
      await lab.click("Close");
    },
  );

  test.each(ORDER_NAMES.map((order) => [order]))("order %s trains", async (order) => {
    await small();
    await lab.click("all …");
    await setField(lab, "a.order", order);
    await lab.until((page, value) => {
      const { run, sides } = page.state() as Awaited<ReturnType<LabPage["state"]>>;
      return run.a.order === value && page.step > 2 && sides.a.network?.blocks[0]?.order === value;
    }, order);
    await lab.click("Close");
  });

  test("what the library refuses is greyed, with its sentence, and does not start", async () => {
    await small();
    await lab.click("all …");
    await lab.page.waitForSelector('[name="b.start"] option[value="fixup"]:disabled');
    const words = await lab.text('[name="b.start"] option[value="fixup"]');
    expect(words).toMatch(/^Fixup \(.*shortcut/);
    await setField(lab, "b.start", "fixup");
    expect((await lab.state()).run.b.start).toBe("default");
    expect(await lab.text(".lab-settings .why")).not.toBe("");
    for (const start of STARTS.slice(1)) {
      expect(
        await lab.page.$eval(
          `[name="a.start"] option[value="${start}"]`,
          (option) => (option as HTMLOptionElement).disabled,
        ),
      ).toBe(start === "fixup");
    }
    await lab.click("Close");
  });

  test("the learning rate changes while it runs; batch norm and the twin begin anew", async () => {
    await small();
    await lab.reach(5);
    await lab.click("all …");
    await setField(lab, "a.learningRate", "-2");
    await lab.until(() => /e=\d+\.lr0\.01/.test(location.hash));
    const { step, run } = await lab.state();
    expect(step).toBeGreaterThanOrEqual(5);
    expect(run.events).toMatchObject([{ side: "both", change: { kind: "rate", value: 0.01 } }]);
    await setField(lab, "a.batchNorm", false);
    await lab.until((page) => !(page.state() as Awaited<ReturnType<LabPage["state"]>>).run.b.batchNorm);
    await setField(lab, "twin", false);
    await lab.until(() => location.hash.includes("za=scale"));
    await lab.click("Close");
  });

  test("images that this site was built without: clear words, and a way back", async () => {
    await small();
    await lab.go(`${SMALL}&x=fashion`);
    await lab.until(() => document.querySelector(".lab-notice")?.textContent?.includes("could not be started"));
    expect(await lab.text(".lab-notice")).toContain("built without the images");
    await lab.click("Close this notice");
    await small();
    await lab.reach(3);
  });
});

test.each(PRESETS.map((preset) => [preset.title, preset] as const))("preset %s", async (title, preset) => {
  await lab.click(title);
  await lab.until((page, value) => {
    const { run } = page.state() as Awaited<ReturnType<LabPage["state"]>>;
    return JSON.stringify(run) === value && page.step >= 2;
  }, JSON.stringify(preset.run));
  expect(await lab.text(".lab-presets .sentence")).toBe(preset.sentence);
  expect(await lab.text(".lab-a h2")).toContain(preset.cards.a);
  expect(
    await lab.page.$$eval(".lab-presets [aria-pressed=true]", (all) => all.map(({ textContent }) => textContent)),
  ).toEqual([title]);
  const { sides } = await lab.state();
  expect(sides.a.network!.layers).toHaveLength(preset.run.depth - 1);
});

describe("cuts", () => {
  const cutOf = async (block: number): Promise<string> => (await lab.state()).sides.a.network!.blocks[block]!.cut;
  const isCut = (block: number, part: string): Promise<void> =>
    lab.until((page, value) => {
      const [at, wanted] = value.split(" ");
      return (
        (page.state() as Awaited<ReturnType<LabPage["state"]>>).sides.a.network?.blocks[Number(at)]?.cut === wanted
      );
    }, `${block} ${part}`);

  test("by mouse on the arc, seen in certificate, words, address; and joined again", async () => {
    await small();
    await lab.reach(5);
    await lab.until(() => document.querySelectorAll("#lab-a-block-1, #lab-a-block-2, #lab-a-block-3").length === 2);
    const arc = await lab.page.$("#lab-a-block-1");
    await arc!.scrollIntoView();
    // The words above may still come and go.
    await lab.until(() => {
      const top = String(document.querySelector("#lab-a-block-1")!.getBoundingClientRect().top);
      const { dataset } = document.body;
      const still = dataset["top"] === top;
      dataset["top"] = top;
      return still;
    });
    const place = await placeOf(arc!);
    await lab.page.mouse.click(place.x + place.width / 2, place.y + 24);
    await isCut(1, "shortcut");
    await lab.until(() => /e=\d+\.ac1/.test(location.hash));
    expect((await lab.state()).sides.a.certificate!.holds).toBe(false);
    await lab.until(() =>
      document.querySelector("#lab-a-block-1")?.getAttribute("aria-label")?.includes("shortcut cut"),
    );
    await lab.click("Rejoin all");
    await isCut(1, "none");
    expect((await lab.state()).sides.a.certificate!.holds).toBe(true);
  });

  test("by keyboard: arrows, Shift, a stage, S, B, J", async () => {
    await small();
    await lab.reach(5);
    await lab.page.focus(".lab-flow [role=listbox]");
    const press = async (...keys: readonly string[]): Promise<void> => {
      for (const key of keys) await lab.page.keyboard.press(key as "Home");
    };
    await press("Home", "ArrowRight", "s");
    await isCut(1, "shortcut");
    await press("j");
    await isCut(1, "none");
    await press("3", "b");
    await isCut(2, "branch");
    await press("Home");
    await lab.page.keyboard.down("Shift");
    await press("End");
    await lab.page.keyboard.up("Shift");
    expect((await lab.state()).chosen).toEqual({ side: "a", first: 0, last: 2 });
    await press("j");
    await isCut(2, "none");
    expect(await cutOf(0)).toBe("none");
  });

  test("buttons: branch, stage, all; dragging chooses several", async () => {
    await small();
    await lab.click("Cut its branch");
    await isCut((await lab.state()).chosen!.first, "branch");
    await lab.click("Cut all 3");
    await isCut(0, "shortcut");
    await isCut(2, "shortcut");
    await lab.page.$eval(".lab-flow", (element) => element.scrollIntoView({ block: "center" }));
    const [from, to] = await Promise.all(
      ["#lab-a-block-0", "#lab-a-block-2"].map(async (id) => placeOf((await lab.page.$(id))!)),
    );
    await lab.page.mouse.move(from!.x + from!.width / 2, from!.y + 50);
    await lab.page.mouse.down();
    await lab.page.mouse.move(to!.x + to!.width / 2, to!.y + 50, { steps: 8 });
    await lab.page.mouse.up();
    expect((await lab.state()).chosen).toEqual({ side: "a", first: 0, last: 2 });
    await lab.click("Rejoin");
    await isCut(0, "none");
  });
});

test("limits of the settings are those of the address", async () => {
  for (const key of ["depth", "width", "batch"] as const) {
    const [min, max] = await lab.page.$eval(`.lab-settings [name="${key}"]`, (field) => [
      (field as HTMLInputElement).min,
      (field as HTMLInputElement).max,
    ]);
    expect([min, max].map(Number)).toEqual([LIMITS[key].min, LIMITS[key].max]);
  }
});
