/// <reference lib="dom" />
/** The laboratory's address and its surroundings: links, Back and Forward, what a browser lacks, tabs that are hidden or left. */
import type { Page } from "puppeteer-core";
import { describe, expect, test } from "vitest";
import { siteIn } from "./browsers.ts";
import { type LabPage, type LabState, openLab, SMALL } from "./lab-page.ts";

const site = siteIn("chrome", "/a/b/");

/** Opens, does, and wants a silent console. */
async function at(hash: string, work: (lab: LabPage) => Promise<void>, before?: (page: Page) => Promise<unknown>) {
  const lab = await openLab(site.browser, site.address, hash, before);
  await work(lab);
  expect(lab.faults).toEqual([]);
  await lab.page.close();
}

/** The address that "Copy a link" shows or has copied. */
async function linkOf(lab: LabPage): Promise<string> {
  await lab.click("Copy a link to this moment");
  await lab.until(() => /Copied|copy it/.test(document.querySelector(".lab-more .quiet")?.textContent ?? ""));
  return lab.page.$eval(".lab-more input[type=text]", (input) => (input as HTMLInputElement).value);
}

describe("links", () => {
  test("a link leads to the same bits, twice", async () => {
    let link = "";
    await at(SMALL, async (lab) => {
      await lab.reach(12);
      await lab.click("Cut all 3");
      await lab.reach(30);
      link = await linkOf(lab);
    });
    expect(link).toMatch(/#v1&.*e=\d+\.ac0-2.*&t=\d+&f=[sp][0-9a-f]{8}/);
    for (const _ of [1, 2]) {
      await at(link.slice(link.indexOf("#")), async (lab) => {
        await lab.until(() =>
          document.querySelector(".lab-notice")?.textContent?.includes("the same bits as the sender's"),
        );
        expect((await lab.state()).step).toBe(Number(/t=(\d+)/.exec(link)![1]));
        expect(await linkOf(lab)).toBe(link);
      });
    }
    const other = link.slice(link.indexOf("#")).replace(/f=(.)......../, "f=$100000000");
    await at(other, (lab) =>
      lab.until(() => document.querySelector(".lab-notice")?.textContent?.includes("other last bits")),
    );
  });

  test("what is out of range is clamped, with a note; what is unknown is kept", async () => {
    await at(`${SMALL.replace("d=8", "d=900").replace("w=2", "w=99")}&lr=7&o=sideways&zz=9`, async (lab) => {
      const { run } = await lab.state();
      expect(run).toMatchObject({ depth: 110, width: 16, a: { learningRate: 1, order: "pre" } });
      const notes = await lab.text(".lab-notice");
      for (const word of ["depth", "width", "learning rate", "order"]) expect(notes).toContain(word);
      await lab.page.select(".lab-bar select", "5");
      await lab.until(() => location.hash.includes("p=5") && location.hash.includes("zz=9"));
    });
  });

  test("view, block, pace and card are in the address and come from it", async () => {
    await at(`${SMALL}&view=ratio&block=1`, async (lab) => {
      await lab.reach(3);
      expect(await lab.state()).toMatchObject({
        view: "ratio",
        pace: "free",
        chosen: { side: "a", first: 1, last: 1 },
      });
      expect(await lab.text(".lab-flow h2")).toContain("changes in a step");
      await lab.click("gradient");
      await lab.until(() => !location.hash.includes("view="));
    });
  });
});

test("Back and Forward go from run to run", async () => {
  await at(SMALL, async (lab) => {
    await lab.reach(3);
    await lab.click("20 layers");
    await lab.until((page) => (page.state() as LabState).run.depth === 20 && page.step > 0);
    await lab.page.evaluate(() => history.back());
    await lab.until((page) => (page.state() as LabState).run.depth === 8 && page.step > 0);
    await lab.page.evaluate(() => history.forward());
    await lab.until((page) => (page.state() as LabState).run.depth === 20 && page.step > 0);
  });
});

describe("a page that is left", () => {
  test("a hidden tab pauses, says so, and goes on", async () => {
    await at(SMALL, async (lab) => {
      await lab.reach(5);
      const show = (state: string): Promise<void> =>
        lab.page.evaluate((value) => {
          Object.defineProperty(document, "visibilityState", { value, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }, state);
      await show("hidden");
      await lab.until((page) => page.status === "away");
      expect(await lab.text(".lab-notice")).toContain("Paused while you are away");
      const { step } = await lab.state();
      await show("visible");
      await lab.reach(step + 5);
      expect(await lab.text(".lab-notice")).not.toContain("Paused");
    });
  });

  test("workers end; a page from the back-forward cache goes on from its state", async () => {
    await at(SMALL, async (lab) => {
      await lab.reach(20);
      expect(lab.page.workers()).toHaveLength(2);
      await lab.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
      await lab.until((page) => page.status === "ended");
      await expect.poll(() => lab.page.workers().length).toBe(0);
      await lab.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
      await lab.reach(30);
      expect(await lab.state()).toMatchObject({ run: { depth: 8 }, status: "running" });
    });
  });

  test("another page and Back: the run of the address begins again", async () => {
    await at(SMALL, async (lab) => {
      await lab.reach(5);
      await lab.page.goto("about:blank");
      expect(lab.page.workers()).toHaveLength(0);
      await lab.page.goBack({ waitUntil: "load" });
      await lab.reach(5);
      expect((await lab.state()).run.depth).toBe(8);
    });
  });
});

describe("readers who want less", () => {
  test("reduced motion: waits for Start, and trains", async () => {
    const reduce = (page: Page) => page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    await at(
      SMALL,
      async (lab) => {
        expect((await lab.state()).status).toBe("idle");
        await lab.click("Start");
        await lab.reach(5);
        await lab.until(() => document.querySelector(".lab-bar .step")?.textContent !== "step 0");
      },
      reduce,
    );
  });

  test("Save-Data: nothing is fetched before Start", async () => {
    const asked: string[] = [];
    await at(
      SMALL,
      async (lab) => {
        expect((await lab.state()).status).toBe("idle");
        expect(asked.filter((url) => url.endsWith(".bin"))).toEqual([]);
        await lab.click("Start");
        await lab.reach(3);
      },
      async (page) => {
        page.on("request", (request) => asked.push(request.url()));
        await page.evaluateOnNewDocument(() => {
          Object.defineProperty(navigator, "connection", { value: { saveData: true } });
        });
      },
    );
  });
});

describe("browsers that lack something", () => {
  test("no Worker: the page trains itself, and says so", async () => {
    await at(
      SMALL,
      async (lab) => {
        await lab.reach(5);
        expect(await lab.text(".lab-notice")).toMatch(/worker/i);
        await lab.click("Pause");
        await lab.until((page) => page.status === "paused");
      },
      (page) => page.evaluateOnNewDocument(() => Object.defineProperty(window, "Worker", { value: undefined })),
    );
  });

  test("no WebAssembly: plain kernels, slower, and it says so", async () => {
    await at(
      SMALL,
      async (lab) => {
        await lab.reach(3);
        const { sides } = await lab.state();
        expect([sides.a, sides.b].map(({ network }) => network!.tier)).toEqual([
          expect.stringContaining("plain"),
          expect.stringContaining("plain"),
        ]);
        expect(await lab.text(".lab-notice")).toContain("no WebAssembly");
        // Each worker's library says it, too, as it should.
        for (const fault of lab.faults.splice(0)) expect(fault).toContain("this platform has no WebAssembly");
      },
      (page) =>
        page.evaluateOnNewDocument(() => {
          Object.defineProperty(window, "WebAssembly", { value: undefined });
          const { Worker: Usual } = window;
          // The worker has none either.
          const without = "data:text/javascript,Object.defineProperty(self,'WebAssembly',{value:undefined})";
          window.Worker = class extends Usual {
            constructor(url: string | URL, options?: WorkerOptions) {
              const text = `import ${JSON.stringify(without)}; import ${JSON.stringify(String(new URL(url, location.href)))};`;
              super(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), options);
            }
          };
        }),
    );
  });
});

test("a network whose loss is no number any more: where it stopped and why; the other goes on", async () => {
  await at("#v1&d=50&w=4&b=8&n=0&i=skipInit&lr=0.05&za=identity&zi=default&zlr=1&p=free", async (lab) => {
    await lab.until((page) => (page.state() as LabState).sides.b.failed !== null);
    const { sides } = await lab.state();
    await lab.until(() => document.querySelector(".lab-b .words")?.textContent?.includes("Stopped at step"));
    expect(await lab.text(".lab-b .words")).toContain(sides.b.failed!.message);
    expect(sides.a.failed).toBeNull();
    await lab.reach(sides.b.failed!.step + 5);
  });
});
