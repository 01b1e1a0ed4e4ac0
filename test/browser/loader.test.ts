/** A loader that works ahead, in a real browser: a page trains with batches that a Web Worker augments. */
import { beforeAll, describe, expect, test } from "vitest";
import { bundle, findBrowser, visit } from "./browser.ts";
import { augmented, train } from "./loader-training.ts";

const browser = findBrowser();

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  let results: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    const files: Record<string, string> = {
      "/": '<!doctype html><html><head></head><body><script type="module" src="/page.js"></script></body></html>',
      "/page.js": await bundle("test/browser/loader-page.ts"),
      "/worker.js": await bundle("test/browser/loader-worker.ts"),
    };
    const { body } = await visit(browser!, (path) => files[path]);
    results = JSON.parse(body.dataset["results"]!) as typeof results;
  });

  test("the training has the bits of Node's with batches made there; resumed with another worker, which begins late, too", async () => {
    const { losses, weights } = await train((_, rng) => augmented(rng));
    expect(losses).toHaveLength(9);
    expect(results["whole"]).toEqual([losses, weights]);
    expect(results["resumed"]).toEqual([losses, weights]);
  });

  test("batches of any form arrive; none is no error; a source without an end ends with the loop", () => {
    const x = (...data: number[]): object => ({ shape: [data.length], data });
    expect(results["forms"]).toEqual([{ x: x(1, 2), labels: [{ 0: 3, 1: 4 }, { of: { 0: 0 } }] }, { x: x(5) }]);
    expect(results["none"]).toEqual([]);
    const counted = (count: number): object[] => Array.from({ length: count }, (_, i) => ({ x: x(i) }));
    expect(results["endless"]).toEqual([counted(3), counted(2), counted(1)]);
  });

  test("an error of the source, and a module that is not there, are thrown in the page", () => {
    expect(results["fails"]).toEqual([
      { x: expect.anything() },
      "WorkerError: batchesFrom: the worker failed: RangeError: picture 7 is not a picture",
    ]);
    expect(results["missing"]).toEqual(["WorkerError: batchesFrom: the worker failed: its module was not loaded"]);
  });
});
