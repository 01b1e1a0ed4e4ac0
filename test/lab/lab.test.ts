/** The real command of the laboratory, on images that are learned in seconds. What needs no process is tested in runner/. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { fromJson, toJson } from "../../lab/json.ts";
import type { RunRecord } from "../../lab/record.ts";
import { compile, execute, type Outcome } from "./compiled.ts";
import { writeTinyDirectory } from "./tiny-data.ts";

const data = writeTinyDirectory(mkdtempSync(join(tmpdir(), "skipstone-data-")));
const vanish = ["vanish", "--depths", "8", "--width", "2", "--batch-size", "8", "--gains", "1", "--data", data];
const small = ["--depths", "8", "--width", "2", "--batch-size", "8", "--image-size", "whole", "--data", data];
const degradation = ["degradation", ...small];
let build = "";

beforeAll(() => {
  build = compile("lab-test");
}, 120_000);

const lab = (args: readonly string[], whileRunning?: Parameters<typeof execute>[2]): Promise<Outcome> =>
  execute(join(build, "lab", "lab.js"), args, whileRunning);
const outDirectory = (): string => join(mkdtempSync(join(tmpdir(), "skipstone-out-")), "out");
const read = (...path: string[]): string => readFileSync(join(...path), "utf8");
const readRecord = (...path: string[]): RunRecord => fromJson(read(...path, "run.json")) as RunRecord;

test("a run writes page, figures, tables, record and index; `reproduce` finds every number the same, and one that is not", async () => {
  const out = outDirectory();
  const { code, stdout, stderr } = await lab([...vanish, "--seeds", "2", "--out", out]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(readdirSync(join(out, "vanish")).sort()).toEqual([
    "batch-norm.csv",
    "batch-norm.svg",
    "growth.csv",
    "no-batch-norm.csv",
    "no-batch-norm.svg",
    "results.jsonl",
    "run.json",
    "vanish.html",
  ]);
  expect(stdout).toContain("8/8  ");
  expect(stdout).toMatch(/plain-8, no batch norm +│/);
  const record = readRecord(out, "vanish");
  expect(record).toMatchObject({ experiment: "vanish", preset: "default", seeds: [1, 2], planned: 8 });
  expect(record.results).toHaveLength(8);
  expect(record.data).toMatchObject({ kind: "IDX images", imageShape: [1, 8, 8], size: "whole", trainImages: 64 });
  expect(record.data.checksum).toMatch(/^[0-9a-f]{64}$/);
  expect(record.engine).toContain(`Node ${process.versions.node}`);
  expect(stdout).toContain(record.report.found);
  expect(read(out, "index.html")).toContain('href="vanish/vanish.html"');

  const file = join(out, "vanish", "run.json");
  const same = await lab(["reproduce", file]);
  expect(same.stderr).toBe("");
  // Of each of 8 tasks: the loss, and the norms of 7 convolutions.
  expect(same.stdout).toContain("Reproduced: 64 of 64 numbers are the same");
  expect(same.code).toBe(0);
  expect(read(out, "vanish", "reproduction.csv").trim().split("\r\n")).toHaveLength(65);

  const changed = readRecord(out, "vanish") as unknown as { results: { result: { norms: number[] } }[]; code: string };
  changed.results[3].result.norms[2] *= 1.0000001;
  changed.code = "0123456789abcdef";
  writeFileSync(file, toJson(changed));
  const other = await lab(["reproduce", file]);
  expect(other.code).toBe(1);
  expect(other.stdout).toMatch(/The code is not the same: then \S+ \(0123456789abcdef\)/);
  expect(other.stdout).toMatch(/residual-8, batch norm, seed 2: norms\[2\] was [\d.e-]+, is [\d.e-]+\n/);
  expect(other.stdout).toContain("Not reproduced: 63 of 64 numbers are the same");
});

test("the same numbers however many threads compute, in all and each task, and from seeds in another order", async () => {
  // Wide enough to be shared.
  const args = [...degradation, "--steps", "3", "--width", "8", "--batch-size", "32"];
  const run = async (...how: readonly string[]): Promise<string> => {
    const out = outDirectory();
    const { code, stdout, stderr } = await lab([...args, ...how, "--out", out]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain("threads:");
    const { results } = readRecord(out, "degradation");
    expect(results).toHaveLength(4);
    const said = /: (.*)\.$/m.exec(stdout)?.[1];
    return `${said} ${toJson(results.map(({ task, result }) => ({ task, result })))}`;
  };
  const one = await run("--seeds", "1,2", "--threads", "1");
  const numbers = one.replace("on one thread ", "");
  expect(numbers).toMatch(/^\[/);
  expect(await run("--seeds", "1,2", "--threads", "2", "--workers", "1")).toBe(`on 2 threads ${numbers}`);
  const shared = ["--threads", "3", "--workers", "2"];
  expect(await run("--seeds", "2,1", ...shared)).toBe(`2 at once, on 3 threads ${numbers}`);
});

test("Ctrl-C: what is finished is kept and shown, exit code 130; the same command goes on, with more seeds too", async () => {
  const out = outDirectory();
  const args = [...degradation, "--steps", "30", "--workers", "2", "--out", out];
  let sent = false;
  const stopped = await lab([...args, "--seeds", "20"], (child, stdout) => {
    if (sent || !/^ +2\/40 /m.test(stdout)) return;
    sent = true;
    // Twice, as npm does it.
    child.kill("SIGINT");
    child.kill("SIGINT");
  });
  expect(stopped.stderr).toBe("");
  expect(stopped.code).toBe(130);
  expect(stopped.stdout).toContain("Stopping. Finished tasks are kept");
  const finished = readRecord(out, "degradation").results;
  expect(finished.length).toBeGreaterThanOrEqual(2);
  expect(finished.length).toBeLessThan(40);
  expect(read(out, "degradation", "degradation.html")).toContain(`Interrupted: ${finished.length} of 40 tasks`);

  const rest = await lab([...args, "--seeds", "21"]);
  expect(rest.code).toBe(0);
  expect(rest.stdout).toContain(`${finished.length} of 42 tasks are done already`);
  const { results } = readRecord(out, "degradation");
  expect(results).toHaveLength(42);
  for (const kept of finished) expect(results).toContainEqual(kept);
});

test.each([
  [["vansih"], "unknown command 'vansih' (Did you mean vanish?)"],
  [["nothing-like-it"], "unknown command 'nothing-like-it': --list shows all"],
  [["vanish", "--full"], "vanish --full is the paper's size and needs CIFAR-10: name its directory with --data"],
  [[...vanish, "--out", outDirectory(), "--redraw"], "results.jsonl has no results for this run's tasks"],
  [["reproduce", join(data, "train-images-idx3-ubyte")], "is not the record of a run: expected an out/NAME/run.json"],
  [
    [...degradation, "--out", outDirectory(), "--steps", "2", "--batch-size", "65"],
    /plain-8, seed \d: batches: 64 images do not fill one batch of 65/,
  ],
])("an error is one line, exit code 1: %j", async (args, message) => {
  const { code, stderr } = await lab(args);
  expect(stderr).toMatch(/^skipstone: [^\n]+\n$/);
  if (typeof message === "string") expect(stderr).toContain(message);
  else expect(stderr).toMatch(message);
  expect(code).toBe(1);
});
