/** profile: what it prints and writes, and what it refuses. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JSDOM } from "jsdom";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { addModelCommands } from "../../../lab/models/commands.ts";
import type { ProfileFile } from "../../../lab/models/profile.ts";
import { parseCommandLine } from "../../../lab/runner/command-line.ts";
import { useKernels } from "../../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-profile-"));
const small = ["--input", "3x16x16", "--batch", "2", "--out", folder];

async function run(...args: string[]): Promise<string> {
  const request = parseCommandLine(["profile", ...args], "0.0.0", { experiments: [], addCommands: addModelCommands });
  if (request.kind !== "other") throw new Error(`a request of kind ${request.kind}`);
  return (await request.task()).text;
}

beforeAll(() => {
  // What is said while one waits.
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterAll(() => {
  useKernels("auto");
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it("a training step: the rows as text, the picture, the page", async () => {
  const text = await run("resnet20", ...small);
  expect(text).toMatch(
    /^resnet20, one training step, 2 × 3×16×16: [\d.]+ ms in \d+ calls; the plain kernels computed /,
  );
  expect(text).toMatch(/\n… and \d+ more, on the page\n/);
  expect(readdirSync(folder).sort()).toEqual(["profile.html", "profile.json", "profile.svg"]);
  const { rows } = JSON.parse(readFileSync(join(folder, "profile.json"), "utf8")) as ProfileFile;
  const calls = (kernel: string): number =>
    rows.filter((row) => row.kernel === kernel).reduce((sum, row) => sum + row.calls, 0);
  // 19 convolutions; the images' gradient is nobody's wish.
  expect([calls("conv2d"), calls("conv2dInputGradient"), calls("conv2dWeightGradient")]).toEqual([19, 18, 19]);
  const page = new JSDOM(readFileSync(join(folder, "profile.html"), "utf8")).window.document;
  expect(page.querySelectorAll("tbody tr").length).toBe(rows.length);
  expect(page.querySelector("figure")?.textContent).toContain("conv2dWeightGradient");
  const picture = new JSDOM(readFileSync(join(folder, "profile.svg"), "utf8"), { contentType: "image/svg+xml" });
  expect(picture.window.document.documentElement.tagName).toBe("svg");
});

it("inference by the plain kernels, as JSON", async () => {
  const file: ProfileFile = JSON.parse(
    await run("resnet20", ...small, "--pass", "inference", "--kernels", "plain", "--json"),
  );
  expect(file).toMatchObject({ network: "resnet20", pass: "inference", input: [3, 16, 16], batch: 2 });
  expect(new Set(file.rows.map(({ tier }) => tier))).toEqual(new Set(["plain"]));
  expect(file.rows.some(({ kernel }) => kernel.includes("Gradient"))).toBe(false);
  expect(await run("resnet20", ...small, "--kernels", "plain")).toContain("all of them by the plain kernels");
});

it.each<[why: string, args: string[], error: RegExp]>([
  ["a network that does not exist", ["resnet19"], /no network is called "resnet19"; there are/],
  ["an input that is no image", ["resnet20", "--input", "3x32"], /resnet20 on 8 × \[3,32\]: conv2d/],
  ["another pass", ["resnet20", "--pass", "backward"], /--pass.*training, inference/],
])("%s is an error that names it", async (_, args, error) => {
  await expect(run(...args, "--out", folder)).rejects.toThrow(error);
});
