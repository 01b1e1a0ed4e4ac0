/** The pages of examples/, opened in a real browser as they are; only their scripts are bundled on the way. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
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

/** Runs serve.ts of examples/in-a-page-threads while `use` asks it for its page. */
async function withServer<T>(use: (url: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "skipstone-serve-"));
  const outfile = join(folder, "serve.mjs");
  await build({
    entryPoints: ["examples/in-a-page-threads/serve.ts"],
    bundle: true,
    format: "esm",
    platform: "node",
    outfile,
  });
  const server = spawn(process.execPath, [outfile, "0"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.once("data", (line: Buffer) => resolve(line.toString().trim()));
      server.once("exit", () => reject(new Error("the server ended")));
    });
    return await use(url);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
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

  test("examples/in-a-page-threads: on one thread, then on all that there are, the same losses", async () => {
    const headers = await withServer(async (url) => Object.fromEntries((await fetch(url)).headers));
    const visitIt = (sent: Readonly<Record<string, string>>): Promise<Document> =>
      visit(browser!, serve, { path: "/examples/in-a-page-threads/", headers: sent, seconds: 150 });
    const rowsOf = (document: Document): (string | null)[][] =>
      Array.from(document.querySelectorAll("#results tr"), (row) =>
        Array.from(row.children, (cell) => cell.textContent),
      );
    const opener = "cross-origin-opener-policy";
    const embedder = "cross-origin-embedder-policy";
    const isolated = await visitIt({ [opener]: headers[opener], [embedder]: headers[embedder] });
    const [one, all] = rowsOf(isolated);
    expect([one[0], all[0]]).toEqual(["1", `${availableParallelism()}`]);
    expect(Number(one[2])).toBeLessThan(1);
    expect(all[2]).toBe(one[2]);
    expect(Number(all[1])).toBeGreaterThan(0);
    expect(isolated.querySelector("#why")!.textContent).toBe("");

    const alone = await visitIt({});
    expect(rowsOf(alone).map(([threads, , loss]) => [threads, loss])).toEqual(Array(2).fill(["1", one[2]]));
    expect(alone.querySelector("#why")!.textContent).toMatch(
      /^Not on all cores: this page is not cross-origin isolated/,
    );
  }, 310_000);

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
