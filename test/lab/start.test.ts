/** The real command, compiled and run as a process of its own. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Experiment } from "../../lab/start/experiment.ts";
import { compile, execute, type Outcome } from "./compiled.ts";
import { tinyFiles, writeTinyDirectory } from "./tiny-data.ts";

const data = writeTinyDirectory(mkdtempSync(join(tmpdir(), "skipstone-data-")));
const small = ["--depth", "8", "--width", "2", "--batch", "8", "--steps", "3", "--data", data];
let build = "";

beforeAll(() => {
  build = compile("start-test");
}, 120_000);

const start = (
  args: readonly string[],
  whileRunning?: (child: ChildProcess, stdout: string) => void,
): Promise<Outcome> => execute(join(build, "lab", "start.js"), args, whileRunning);

const outDirectory = (): string => join(mkdtempSync(join(tmpdir(), "skipstone-out-")), "out");
const readExperiment = (out: string): Experiment =>
  JSON.parse(readFileSync(join(out, "gradient-flow.json"), "utf8")) as Experiment;

describe("a run", () => {
  test("trains both nets and writes the report", async () => {
    const out = outDirectory();
    const { code, stdout, stderr } = await start([...small, "--out", out]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/ResNet-8: [\d.]+ % of 24 test images right after 3 steps/);
    expect(stdout).toMatch(/plain-8: Not certified: no skip connection in all 3 blocks/);
    expect(stdout).toContain("gradient norm at");
    expect(readdirSync(out).sort()).toEqual([
      "gradient-flow-blocks.csv",
      "gradient-flow-certificate.csv",
      "gradient-flow-layers.csv",
      "gradient-flow-loss.csv",
      "gradient-flow-loss.svg",
      "gradient-flow-norms.svg",
      "gradient-flow-shares.svg",
      "gradient-flow.html",
      "gradient-flow.json",
    ]);
    const experiment = readExperiment(out);
    expect(experiment.runs.map(({ net }) => net)).toEqual(["residual", "plain"]);
    expect(experiment.interrupted).toBe(false);
    expect(experiment.data.trainImages).toBe(64);
  });

  test("--epochs counts in passes over the data, --nets picks, the seed decides", async () => {
    const [a, b, c] = [outDirectory(), outDirectory(), outDirectory()];
    const args = ["--depth", "8", "--width", "2", "--batch", "16", "--epochs", "2", "--nets", "plain", "--data", data];
    await Promise.all([
      start([...args, "--out", a]),
      start([...args, "--out", b]),
      start([...args, "--out", c, "--seed", "2"]),
    ]);
    const losses = (out: string): number[] => readExperiment(out).runs[0].steps.map(({ loss }) => loss);
    expect(losses(a)).toHaveLength(8);
    expect(losses(a)).toEqual(losses(b));
    expect(losses(a)).not.toEqual(losses(c));
    expect(readExperiment(a).runs).toHaveLength(1);
  });

  test.each([
    ["--zero-init", "--order", "post"],
    ["--shortcut", "project", "--schedule", "one-cycle", "--augment", "crop-flip", "--test-images", "5"],
  ])("with %s %s %s …", async (...options) => {
    const out = outDirectory();
    const { code, stderr } = await start([...small, "--out", out, ...options]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(readExperiment(out).runs[0].steps).toHaveLength(3);
  });
});

test("colour images: a directory of CIFAR-10 binaries", async () => {
  const directory = mkdtempSync(join(tmpdir(), "skipstone-cifar-"));
  const records = (N: number): Uint8Array =>
    Uint8Array.from({ length: 3073 * N }, (_, i) => (i % 3073 === 0 ? (i / 3073) % 10 : (i * 7) & 255));
  writeFileSync(join(directory, "data_batch_1.bin"), records(16));
  writeFileSync(join(directory, "test_batch.bin"), records(10));
  const out = outDirectory();
  const { code, stderr } = await start([...small, "--data", directory, "--out", out]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(readExperiment(out).data).toMatchObject({ kind: "CIFAR-10", imageShape: [3, 32, 32], trainImages: 16 });
});

describe("Ctrl-C", () => {
  test("ends after the current step and still writes the report; exit code 130", async () => {
    const out = outDirectory();
    let sent = false;
    const { code, stdout, stderr } = await start([...small, "--steps", "1000000", "--out", out], (child, stdout) => {
      if (sent || !/residual +\d+\/1000000 steps/.test(stdout) || !/plain +\d+\/1000000 steps/.test(stdout)) return;
      sent = true;
      // Twice, as npm does it.
      child.kill("SIGINT");
      child.kill("SIGINT");
    });
    expect(stderr).toBe("");
    expect(code).toBe(130);
    expect(stdout).toContain("Stopping after the current step");
    const experiment = readExperiment(out);
    expect(experiment.interrupted).toBe(true);
    for (const { steps, last, test } of experiment.runs) {
      expect(steps.length).toBeGreaterThan(0);
      expect(steps.length).toBeLessThan(1000000);
      expect(last.step).toBe(steps.length);
      expect(test?.images).toBe(24);
    }
    expect(readFileSync(join(out, "gradient-flow.html"), "utf8")).toContain("The run was interrupted");
  });
});

describe("errors: one line, exit code 1, no stack trace, no report", () => {
  const file = join(mkdtempSync(join(tmpdir(), "skipstone-")), "file");
  writeFileSync(file, "");
  const truncated = writeTinyDirectory(mkdtempSync(join(tmpdir(), "skipstone-")), {
    "t10k-images-idx3-ubyte": tinyFiles(24, 2).images.subarray(0, 500),
  });

  test.each([
    [["--data", join(tmpdir(), "skipstone-does-not-exist")], "does not exist"],
    [["--data", truncated], "t10k-images-idx3-ubyte: truncated: the data of shape [24,8,8]"],
    [
      ["--out", join(file, "out")],
      `cannot write to the directory ${join(file, "out")}: a part of the path is not a directory`,
    ],
    [["--depth", "9"], "the nearest are 8 and 14"],
    [["--dept", "8"], "unknown option '--dept' (Did you mean --depth?)"],
    [["--batch", "65"], "--batch 65 is more than the 64 training images there are"],
    [
      ["--lr", "100", "--weight-decay", "1", "--momentum", "0", "--schedule", "constant", "--steps", "1000"],
      /the (residual|plain) net: .*(NaN|Infinity) at step \d+ \(learning rate 100\)/,
    ],
  ])("%j", async (args, message) => {
    const out = outDirectory();
    const { code, stdout, stderr } = await start([...small, "--out", out, ...args]);
    expect(stderr).toMatch(/^skipstone: [^\n]+\n$/);
    if (typeof message === "string") expect(stderr).toContain(message);
    else expect(stderr).toMatch(message);
    expect(code).toBe(1);
    expect(stdout).not.toContain("The report");
    expect(existsSync(join(out, "gradient-flow.html"))).toBe(false);
  });
});
