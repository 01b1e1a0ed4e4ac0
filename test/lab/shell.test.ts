/** What a shell may do to the real commands: take their output away, end them, pull their directory from under them. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile, execute, type Outcome } from "./compiled.ts";
import { writeTinyDirectory } from "./tiny-data.ts";

const data = writeTinyDirectory(mkdtempSync(join(tmpdir(), "skipstone-data-")));
const small = ["--width", "2", "--data", data];
const twins = ["lab", "twins", "--depth", "8", "--batch-size", "8", "--steps", "3", ...small];
const vanish = ["lab", "vanish", "--depths", "8", "--batch-size", "8", "--gains", "1", "--seeds", "1", ...small];
const degradation = ["lab", "degradation", "--depths", "8", "--batch-size", "8", "--image-size", "whole", ...small];
const endless = [...twins, "--steps", "1000000"];
const long = [...degradation, "--steps", "30", "--seeds", "20"];
let build = "";

beforeAll(() => {
  build = compile("shell-test");
}, 120_000);

const outDirectory = (): string => join(mkdtempSync(join(tmpdir(), "skipstone-out-")), "out");
const read = (...path: string[]): string => readFileSync(join(...path), "utf8");
const program = (name: string): string => join(build, "lab", `${name}.js`);
const run = ([name, ...args]: readonly string[], whileRunning?: Parameters<typeof execute>[2]): Promise<Outcome> =>
  execute(program(name), args, whileRunning);

/** Does something once, when the output says so. */
function once(pattern: RegExp, act: Parameters<typeof execute>[2]): Parameters<typeof execute>[2] {
  let done = false;
  return (child, stdout) => {
    if (done || !pattern.test(stdout)) return;
    done = true;
    act?.(child, stdout);
  };
}

describe.skipIf(process.platform === "win32")("a standard output", () => {
  /** Runs a program within a line of the shell, where `"$@"` is the program; the exit code is the last line. */
  const shell = (line: string, [name, ...args]: readonly string[]): string[] => {
    const command = [process.execPath, program(name), ...args];
    const { stderr } = spawnSync("sh", ["-c", line, "sh", ...command], { encoding: "utf8" });
    return stderr.trimEnd().split("\n");
  };
  const unread = '{ "$@"; echo $? >&2; } | true';
  const full = '"$@" > /dev/full; echo $? >&2';
  const gone = "skipstone: nobody reads the standard output any more; the work continues, and its results are written";
  const noSpace = "skipstone: cannot write to the standard output: no space left (ENOSPC)";

  test("that nobody reads: a text ends quietly; a run goes on and says so, once", () => {
    expect(shell(unread, ["lab", "--list"])).toEqual(["0"]);
    const out = outDirectory();
    expect(shell(unread, [...twins, "--out", out])).toEqual([gone, "0"]);
    expect(existsSync(join(out, "twins", "twins.html"))).toBe(true);
  });

  test.skipIf(!existsSync("/dev/full"))("that is full: one line, exit code 1, and the results are there", () => {
    expect(shell(full, ["lab", "--list"])).toEqual([noSpace, "1"]);
    const out = outDirectory();
    expect(shell(full, [...vanish, "--out", out])).toEqual([noSpace, "1"]);
    expect(existsSync(join(out, "vanish", "vanish.html"))).toBe(true);
  });

  test("and a standard error that cannot be written to either: the exit code is left", () => {
    expect(shell('"$@" 2> /dev/null >&-; echo $? >&2', ["lab", "--nothing"])).toEqual(["1"]);
  });
});

describe("a signal ends a run with all that there is", () => {
  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s: tasks that can end early do, and what they have is shown", async (signal, code) => {
    const out = outDirectory();
    const stopped = await run(
      [...endless, "--out", out],
      once(
        // A line about a training that is running comes after some seconds.
        /residual-8, seed 1 +loss|plain-8, seed 1 +loss/,
        (child) => {
          child.kill(signal);
        },
      ),
    );
    expect(stopped).toMatchObject({ code, stderr: "" });
    const page = read(out, "twins", "twins.html");
    expect(page).toContain("Interrupted: 0 of 2 tasks are finished");
    expect(page).toContain("Unfinished, shown as far as they got: residual-8, seed 1; plain-8, seed 1.");
    expect(read(out, "twins", "run.json")).toContain('"results": []');
    expect(existsSync(join(out, "twins", "results.jsonl"))).toBe(false);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGQUIT", 131],
  ] as const)("%s: the laboratory writes its page", async (signal, code) => {
    const out = outDirectory();
    const stopped = await run(
      [...long, "--out", out],
      once(/^ +2\/40 /m, (child) => {
        child.kill(signal);
      }),
    );
    expect(stopped).toMatchObject({ code, stderr: "" });
    expect(read(out, "degradation", "degradation.html")).toMatch(/Interrupted: \d+ of 40 tasks/);
  });

  test("convert leaves nothing half-written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skipstone-convert-"));
    const source = join(folder, "resnet18.safetensors");
    const script = `
      import { saveWeightsFile } from "./src/node/index.js";
      import { createModel } from "./src/resnet/index.js";
      import { Rng } from "./src/tensor/index.js";
      const model = createModel("resnet18", { rng: new Rng(0), init: () => {} });
      await saveWeightsFile(${JSON.stringify(source)}, model.stateDict());`;
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: build });
    const to = join(folder, "to");
    mkdirSync(to);
    const child = spawn(process.execPath, [program("lab"), "convert", source, join(to, "x.pth")]);
    // What is being written is seen in the directory, not in the output.
    const watch = setInterval(() => {
      if (readdirSync(to).length > 0) child.kill("SIGTERM");
    }, 1);
    const code = await new Promise((resolve) => child.on("close", resolve));
    clearInterval(watch);
    expect(code).toBe(143);
    expect(readdirSync(to)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describe("--out, during the run", () => {
  test("is removed: it is made again, with the results from before", async () => {
    const out = outDirectory();
    const computed = await run(
      [...degradation, "--steps", "30", "--seeds", "6", "--out", out],
      once(/^ +2\/12 /m, () => rmSync(out, { recursive: true })),
    );
    expect(computed).toMatchObject({ code: 0, stderr: "" });
    expect(read(out, "degradation", "results.jsonl").trimEnd().split("\n")).toHaveLength(12);
    expect(read(out, "index.html")).toContain("degradation/degradation.html");
  });

  /** Makes a file of the directory. */
  const replace = (out: string): void => {
    rmSync(out, { recursive: true });
    writeFileSync(out, "");
  };
  const refuge = ({ code, stderr }: Outcome): string => {
    expect(code).toBe(1);
    const [, place] = /^skipstone: cannot write the results to [^\n]+; they are in (\S+) instead\n$/.exec(stderr) ?? [];
    expect(place, stderr).toBeDefined();
    return place;
  };

  test("becomes a file: one line says where the results are instead, all of them", async () => {
    const out = outDirectory();
    const computed = await run(
      [...degradation, "--steps", "30", "--seeds", "6", "--out", out],
      // Early enough for most results to be still to come.
      once(/^ +2\/12 /m, () => replace(out)),
    );
    expect(computed.stdout.match(/tried again/g)).toHaveLength(1);
    expect(read(refuge(computed), "degradation", "results.jsonl").trimEnd().split("\n")).toHaveLength(12);
  });

  test("has a directory where a file is to be: that is found before any file is replaced", async () => {
    const out = outDirectory();
    mkdirSync(join(out, "vanish", "run.json"), { recursive: true });
    const { code, stderr } = await run([...vanish, "--out", out]);
    expect(stderr).toMatch(/there is a directory called \S+run\.json; they are in \S+ instead\n$/);
    expect(code).toBe(1);
    expect(readdirSync(join(out, "vanish")).sort()).toEqual(["results.jsonl", "run.json"]);
  });
});

test("results of another shape, in a record and between results, neither end a run nor block the next", async () => {
  const out = outDirectory();
  expect((await run([...vanish, "--out", out])).code).toBe(0);
  const file = join(out, "vanish", "results.jsonl");
  const [first, ...rest] = read(file).trimEnd().split("\n");
  const broken = JSON.stringify({ ...(JSON.parse(first) as object), result: null });
  writeFileSync(file, [broken, "null", "[1]", ...rest, first.slice(0, 100)].join("\n"));
  mkdirSync(join(out, "strange"));
  writeFileSync(join(out, "strange", "run.json"), '{"program":"skipstone","report":{"charts":[]}}');
  const { code, stdout, stderr } = await run([...vanish, "--out", out]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("results.jsonl: 4 damaged lines ignored.");
  expect(stdout).toContain("3 of 4 tasks are done already");
  expect(stdout, "no terminal gets escapes").not.toContain("\x1b");
  expect(stdout).toMatch(/leaves out \S+strange\/run\.json: it is not the record of a run\./);
  expect(JSON.parse(read(out, "vanish", "run.json"))).toHaveProperty("results.length", 4);
  const refused = await run(["lab", "reproduce", join(out, "strange", "run.json")]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^skipstone: \S+run\.json is not the record of a run: [^\n]+\n$/);
});
