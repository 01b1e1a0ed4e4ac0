/** The pages of examples/, opened in a real browser as they are; only their scripts are bundled on the way. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fineTuneWeights } from "../support/fine-tune-weights.ts";
import { bundle, findBrowser, visit } from "./browser.ts";

const browser = findBrowser();

type Served = string | Uint8Array | undefined;

/** Serves the repository; a script of build/ is made from its source, so that nothing must have been compiled before. */
function serve(path: string): Served | Promise<Served> {
  const script = /^\/build\/(examples\/[\w/-]+)\.js$/.exec(path);
  if (script) return bundle(`${script[1]}.ts`);
  if (path === "/out/fine-tune/resnet18.pth") return fineTuneWeights();
  const page = `.${path}index.html`;
  return path.endsWith("/") && existsSync(page) ? readFileSync(page, "utf8") : undefined;
}

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  test("examples/in-a-page learns, draws its losses, and names most shapes rightly", async () => {
    const document = await visit(browser!, serve, { path: "/examples/in-a-page/" });
    expect(document.querySelector("#status")!.textContent).toMatch(/^Step 100 of 100, loss 0\.\d+$/);
    expect(document.querySelector("#losses")!.getAttribute("points")!.split(" ")).toHaveLength(100);
    expect(document.querySelectorAll("#answers canvas")).toHaveLength(14);
    expect(document.querySelectorAll("#answers .right").length).toBeGreaterThanOrEqual(12);
  });

  test("examples/in-a-worker learns while the page goes on drawing", async () => {
    const document = await visit(browser!, serve, { path: "/examples/in-a-worker/" });
    expect(Number(document.body.dataset["accuracy"])).toBeGreaterThan(0.9);
    expect(document.querySelector("#status")!.textContent).toMatch(/^Done: \d+\.\d % of 300 unseen shapes/);
    expect(Number(document.querySelector("#frames")!.textContent)).toBeGreaterThan(10);
  });

  test("examples/resume-in-a-page, reloaded at ten random moments: the weights of one that was left alone", async () => {
    const weights: (string | null)[] = [];
    for (const reloads of [0, 10]) {
      const path = `/examples/resume-in-a-page/#reloads=${reloads}`;
      const document = await visit(browser!, serve, { path, seconds: 120 });
      expect(Number(document.body.dataset["lives"])).toBe(reloads + 1);
      // One more than a tenth step, or the end.
      const start = document.querySelector("#start")!.textContent;
      expect(start).toMatch(reloads === 0 ? /at step 1\.$/ : /at step \d*1\.$|^$/);
      weights.push(document.querySelector("#weights")!.textContent);
    }
    expect(weights[0]).toMatch(/^Weights: -?\d+\.\d+/);
    expect(weights[1]).toBe(weights[0]);
  }, 300_000);

  test("examples/onnx-in-a-page keeps a network in IndexedDB, and finds it at the next visit", async () => {
    const document = await visit(browser!, serve, { path: "/examples/onnx-in-a-page/#reload", seconds: 120 });
    expect(document.querySelector("#status")!.textContent).toMatch(/^Found a file of \d+ bytes\.$/);
    expect(Number.parseFloat(document.querySelector("#answers")!.textContent!)).toBeGreaterThan(85);
  }, 150_000);

  test("examples/fine-tune in a page: PyTorch's losses to 1e-4", async () => {
    const { losses } = JSON.parse(readFileSync("test/golden/fine-tune/losses.json", "utf8")) as { losses: number[] };
    const document = await visit(browser!, serve, { path: "/examples/fine-tune/#steps=8", seconds: 600 });
    const ours = document.querySelector<HTMLElement>("#losses")!.dataset["losses"]!.trim().split(" ").map(Number);
    expect(ours.length).toBe(8);
    ours.forEach((loss, i) => {
      expect(Math.abs(loss - losses[i])).toBeLessThan(1e-4);
    });
    expect(document.querySelectorAll("#answers canvas")).toHaveLength(20);
    expect(document.querySelector("#result a")!.getAttribute("download")).toBe("model.onnx");
  }, 620_000);
});
