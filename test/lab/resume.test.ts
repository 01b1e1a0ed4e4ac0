/** The real command, killed at random moments and started again until it ends: the results are those of one run. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { fromJson, toJson } from "../../lab/json.ts";
import type { RunRecord } from "../../lab/record.ts";
import { Rng } from "../../src/tensor/index.ts";
import { compile, execute, type Outcome } from "./compiled.ts";
import { writeTinyDirectory } from "./tiny-data.ts";

const data = writeTinyDirectory(mkdtempSync(join(tmpdir(), "skipstone-data-")));
const tiny = ["--image-size", "whole", "--test-images", "10", "--data", data];
const common = [...tiny, "--batch-size", "8", "--threads", "2"];
let build = "";

beforeAll(() => {
  build = compile("resume-test");
}, 120_000);

const lab = (args: readonly string[], whileRunning?: Parameters<typeof execute>[2]): Promise<Outcome> =>
  execute(join(build, "lab", "lab.js"), args, whileRunning);
const outDirectory = (): string => join(mkdtempSync(join(tmpdir(), "skipstone-out-")), "out");
/** The tasks of a run and their results, without times. */
function numbersOf(out: string, name: string): unknown {
  const { results } = fromJson(readFileSync(join(out, name, "run.json"), "utf8")) as RunRecord;
  return JSON.parse(toJson(results.map(({ task, result }) => ({ task, result }))), (key, value) =>
    key === "seconds" ? 0 : value,
  );
}

/** Ends the process some milliseconds after it has saved a training for the first time. */
function ender(
  folder: string,
  milliseconds: number,
  signal: NodeJS.Signals = "SIGKILL",
): (child: ChildProcess) => void {
  let watching = false;
  return (child) => {
    if (watching) return;
    watching = true;
    const started = Date.now();
    const look = (): void => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      if (hasSaved(folder, started)) setTimeout(() => child.kill(signal), milliseconds);
      else setTimeout(look, 5);
    };
    look();
  };
}

function hasSaved(folder: string, since: number): boolean {
  if (!existsSync(folder)) return false;
  const files = readdirSync(folder).filter((name) => name.endsWith(".training"));
  // A file may go between the two looks: its task is done.
  return files.some((name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) > since);
}

describe.each([
  ["twins", ["--depth", "14", "--width", "2", "--steps", "300"]],
  ["expand", ["--depth", "20", "--width", "2", "--steps", "200", "--orders", "front", "--seeds", "1"]],
  ["stochastic-depth", ["--depths", "14", "--survival", "0.5", "--width", "2", "--steps", "300", "--seeds", "1"]],
  [
    "landscape",
    ["--depths", "8", "--width", "2", "--steps", "200", "--points", "3", "--parts", "2", "--line-points", "3"],
  ],
])("%s", (name, own) => {
  test("killed three times, and gone on with: the same numbers; nothing is left over", async () => {
    const rng = new Rng(name.length);
    const args = [name, ...own, ...common];
    const [whole, out] = [outDirectory(), outDirectory()];
    const once = await lab([...args, "--out", whole]);
    expect(once.code).toBe(0);
    let resumed = 0;
    for (let kills = 0; kills < 3; kills++) {
      const { stdout } = await lab(
        [...args, "--out", out, "--save-every", "0.05"],
        ender(join(out, name, "unfinished"), rng.uniform(0, 500)),
      );
      resumed += stdout.match(/ resumes at step [\d,]+\.\n/g)?.length ?? 0;
    }
    const last = await lab([...args, "--out", out]);
    expect(last.stderr).toBe("");
    expect(last.code).toBe(0);
    expect(resumed).toBeGreaterThan(1);
    expect(numbersOf(out, name)).toEqual(numbersOf(whole, name));
    expect(readdirSync(join(out, name))).not.toContain("unfinished");
  }, 600_000);
});

test("stopped on two threads, killed on three, ended on one: the numbers of one thread", async () => {
  const args = ["twins", "--depth", "14", "--width", "8", "--steps", "50", "--batch-size", "32", ...tiny];
  const [whole, out] = [outDirectory(), outDirectory()];
  const once = await lab([...args, "--workers", "1", "--threads", "1", "--out", whole]);
  expect(once.code).toBe(0);
  const goOn = [...args, "--workers", "1", "--out", out, "--save-every", "0.05"];
  const folder = join(out, "twins", "unfinished");
  const stopped = await lab([...goOn, "--threads", "2"], ender(folder, 50, "SIGINT"));
  expect([stopped.stderr, stopped.code]).toEqual(["", 130]);
  const killed = await lab([...goOn, "--threads", "3"], ender(folder, 50, "SIGKILL"));
  const last = await lab([...goOn, "--threads", "1"]);
  expect([last.stderr, last.code]).toEqual(["", 0]);
  expect(killed.stdout + last.stdout).toMatch(/ resumes at step [\d,]+\.\n/);
  expect(numbersOf(out, "twins")).toEqual(numbersOf(whole, "twins"));
}, 600_000);
