/** A tensor is a value in a browser, too: clones, messages to a worker and back, and what the console shows. */
import { describe, expect, test } from "vitest";
import { cifarResNet, mul, noGrad, Rng, randn, softmax, tensor } from "../../src/index.ts";
import { bundle, findBrowser, visit } from "./browser.ts";
import { consoleOf } from "./devtools.ts";

const browser = findBrowser();

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  test("a picture and a network's state go to a worker and back, to the bit", async () => {
    const files: Record<string, string> = {
      "/": '<!doctype html><html><head></head><body><script type="module" src="/page.js"></script></body></html>',
      "/page.js": await bundle("test/browser/values-page.ts"),
      "/worker.js": await bundle("test/browser/values-worker.ts"),
    };
    const { body } = await visit(browser!, (path) => files[path]);
    const { refusal, ...results } = JSON.parse(body.dataset["results"]!);
    const { clone, picture, own, fromWorker, withStateFromWorker } = Object.fromEntries(
      Object.entries(results).map(([name, t]) => [name, tensor(t as { shape: number[]; data: number[] })]),
    );
    expect(picture).toEqual(mul(randn([1, 3, 8, 8], new Rng(4)), 2));
    expect(clone).toEqual(picture);
    const model = cifarResNet(8, { width: 2, rng: new Rng(3) }).eval();
    const here = noGrad(() => softmax(model.forward(picture)));
    here.data.forEach((p, i) => {
      expect(own.data[i]).toBeCloseTo(p, 5);
    });
    expect(fromWorker).toEqual(own);
    expect(withStateFromWorker).toEqual(own);
    expect(refusal).toMatch(/gone with the step/);
  });

  test("the console shows shape and data at first sight, and what prints the numbers", async () => {
    const shown = await consoleOf(browser!, await bundle("test/browser/console-page.ts"));
    const [[matrix], [, formatted], [text], [inside]] = shown;
    expect(matrix.preview?.properties.map(({ name, value }) => [name, value])).toEqual([
      ["#print", "String(tensor) shows the numbers"],
      ["#inner", "Object"],
      ["shape", "Array(2)"],
      ["data", undefined],
    ]);
    expect(formatted.value).toBe("[[1. 2.]\n [3. 4.]]");
    expect(text.value).toBe("[[1. 2.]\n [3. 4.]]");
    expect(inside.preview?.properties.map(({ name }) => name)).toEqual(["matrix"]);
  });
});
