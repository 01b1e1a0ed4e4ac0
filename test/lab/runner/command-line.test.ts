import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { depth, flag, listOf, oneOf, wholeNumber } from "../../../lab/arguments.ts";
import { type Experiment, option } from "../../../lab/experiment.ts";
import { parseCommandLine, type RunRequest } from "../../../lab/runner/command-line.ts";

interface Options {
  readonly depths: readonly number[];
  readonly batchSize: number;
  readonly mode: "a" | "b";
}

const sample: Experiment<Options, object, number> = {
  name: "sample",
  title: "Does it work?",
  about: "It is tried.",
  papers: "Someone 2020, Fig. 1",
  options: {
    depths: option("of nets", listOf(depth), { quick: [8], default: [8, 14], full: [20] }),
    batchSize: option("images", wholeNumber(1, 100), 32),
    mode: option("how", oneOf("a", "b"), "a"),
  },
  seeds: { quick: 1, default: 3, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",
  plan: () => [],
  label: () => "",
  run: () => 0,
  report: () => ({ found: "", paper: "", charts: [], tables: [] }),
};

function parse(text: string): ReturnType<typeof parseCommandLine> {
  return parseCommandLine(text.split(" ").filter(Boolean), "1.2.3", { experiments: [sample], addCommands: () => {} });
}

function parseRun(text: string): RunRequest {
  const request = parse(text);
  if (request.kind !== "run") throw new Error(`expected a run, got ${request.kind}`);
  return request.run;
}

test("an experiment without options: its default preset", () => {
  expect(parseRun("sample")).toMatchObject({
    command: "npm run lab -- sample",
    preset: "default",
    options: { depths: [8, 14], batchSize: 32, mode: "a" },
    seeds: [1, 2, 3],
    imageSize: "half",
    data: undefined,
    out: "out",
    threads: availableParallelism(),
    workers: undefined,
    kernels: "auto",
    earlier: "resume",
  });
});

test("--quick and --full choose the other presets, and options go before them", () => {
  expect(parseRun("sample --quick")).toMatchObject({ preset: "quick", options: { depths: [8] }, seeds: [1] });
  const full = parseRun("sample --full --depths 56,110 --batch-size 7 --mode b --image-size half --seeds 2");
  expect(full).toMatchObject({
    preset: "full",
    options: { depths: [56, 110], batchSize: 7, mode: "b" },
    seeds: [1, 2],
    imageSize: "half",
  });
});

test("--seeds: how many, or which", () => {
  expect(parseRun("sample --seeds 4").seeds).toEqual([1, 2, 3, 4]);
  expect(parseRun("sample --seeds 9,7").seeds).toEqual([7, 9]);
  expect(parseRun("sample --seeds 7,").seeds).toEqual([7]);
});

test("--data, --out, --threads, --workers, --kernels, --fresh, --redraw arrive", () => {
  expect(parseRun("sample --data d --out o --threads 5 --workers 3 --kernels plain --fresh")).toMatchObject({
    data: "d",
    out: "o",
    threads: 5,
    workers: 3,
    kernels: "plain",
    earlier: "fresh",
  });
  expect(parseRun("sample --redraw").earlier).toBe("redraw");
});

test("what npm start called its options is understood still, and not in the help", () => {
  expect(parseRun("sample --batch 7 --seed 0")).toMatchObject({ options: { batchSize: 7 }, seeds: [0] });
  expect(parse("sample --help")).toHaveProperty("text", expect.not.stringMatching(/--batch <|--seed </));
});

test("an option without a value is off until it is given", () => {
  const flagged = { ...sample, options: { ...sample.options, loud: option("says it", flag, false) } };
  const offer = { experiments: [flagged], addCommands: () => {} };
  const options = (...args: string[]): unknown => parseCommandLine(["sample", ...args], "1", offer);
  expect(options()).toHaveProperty("run.options.loud", false);
  expect(options("--loud")).toHaveProperty("run.options.loud", true);
});

test("reproduce", () => {
  expect(parse("reproduce f --threads 3 --workers 2")).toEqual({
    kind: "reproduce",
    reproduce: { file: "f", data: undefined, threads: 3, workers: 2 },
  });
});

test("--list, --version, --help, nothing at all, and an experiment's own --help are texts", () => {
  expect(parse("--list")).toEqual({ kind: "text", text: "sample  Does it work? Someone 2020, Fig. 1.\n" });
  expect(parse("--version")).toEqual({ kind: "text", text: "1.2.3\n" });
  for (const args of ["--help", ""]) {
    expect(parse(args)).toHaveProperty(
      "text",
      expect.stringMatching(/sample \[options\] +Does it work\?[\s\S]+reproduce/),
    );
  }
  const help = parse("sample --help");
  for (const part of [
    "It is tried.",
    "--depths <list>",
    "(default: 8,14; quick: 8; full: 20)",
    "--seeds",
    "CIFAR-10",
  ]) {
    expect(help).toHaveProperty("text", expect.stringContaining(part));
  }
});

describe("errors are one line that names option and value", () => {
  test.each([
    ["smaple", "unknown command 'smaple' (Did you mean sample?)"],
    ["sample --depth 8", "unknown option '--depth' (Did you mean --depths?)"],
    ["sample --depths 8,9", "option '--depths <list>' argument '8,9' is invalid. the depth must be 6n+2"],
    ["sample --depths 8,8", "a value appears twice"],
    ["sample --batch-size 0", "argument '0' is invalid. expected a whole number from 1 to 100"],
    ["sample --mode c", "argument 'c' is invalid. expected one of a, b"],
    ["sample --seeds 0", "argument '0' is invalid. expected a whole number from 1 to 1000"],
    ["sample --seeds 1,x", "expected a whole number from 0 to 4294967295"],
    ["sample --seeds 3,3", "a seed appears twice"],
    ["sample --image-size small", "expected one of whole, half"],
    ["sample --quick --full", "option '--quick' cannot be used with option '--full'"],
    ["sample --fresh --redraw", "option '--fresh' cannot be used with option '--redraw'"],
    ["sample --out=", "argument '' is invalid. expected a path"],
    ["reproduce f --data=", "argument '' is invalid. expected a path"],
    ["sample --threads 0", "option '--threads <n>' argument '0' is invalid. expected a whole number from 1 to 256"],
    ["sample --threads two", "argument 'two' is invalid. expected a whole number from 1 to 256"],
    ["sample --threads 1000", "argument '1000' is invalid. expected a whole number from 1 to 256"],
    ["reproduce f --threads 0", "expected a whole number from 1 to 256"],
    ["sample --workers 0", "expected a whole number from 1 to 256"],
    ["sample --kernels fast", "Allowed choices are auto, simd, plain"],
    ["sample more", "too many arguments"],
    ["reproduce", "missing required argument 'file'"],
  ])("%s", (args, message) => {
    let caught: unknown;
    try {
      parse(args);
    } catch (error) {
      caught = error;
    }
    expect(caught).toHaveProperty("name", "UsageError");
    expect(caught).toHaveProperty("message", expect.stringContaining(message));
    expect((caught as Error).message).not.toContain("\n");
  });
});
