import { describe, expect, test } from "vitest";
import { type CommandLine, DEFAULT_STEPS, parseCommandLine } from "../../../lab/start/options.ts";

function parse(...args: string[]): CommandLine {
  const parsed = parseCommandLine(args, "1.2.3");
  if ("text" in parsed) throw new Error(`expected a run, got the text ${parsed.text}`);
  return parsed.commandLine;
}

test("without arguments: both nets, depth 20", () => {
  const { run, length, data, out } = parse();
  expect(run.nets).toEqual(["residual", "plain"]);
  expect(run.depth).toBe(20);
  expect(run.seed).toBe(1);
  expect(run.testImages).toBeNull();
  expect(length).toEqual({ steps: DEFAULT_STEPS });
  expect(data).toBeUndefined();
  expect(out).toBe("out");
});

test("every option arrives", () => {
  const args =
    "--depth 56 --width 8 --nets plain --shortcut project --order post --zero-init --epochs 3 --batch 64 --lr 0.2 --schedule cosine --momentum 0.5 --weight-decay 0 --augment crop-flip --seed 7 --test-images 100 --kernels plain --data d --out o";
  expect(parse(...args.split(" "))).toEqual({
    run: {
      nets: ["plain"],
      depth: 56,
      width: 8,
      shortcut: "project",
      order: "post",
      zeroInit: true,
      batchSize: 64,
      learningRate: 0.2,
      schedule: "cosine",
      momentum: 0.5,
      weightDecay: 0,
      augment: "crop-flip",
      seed: 7,
      testImages: 100,
      kernels: "plain",
    },
    length: { epochs: 3 },
    data: "d",
    out: "o",
  });
  expect(parse("--steps", "5").length).toEqual({ steps: 5 });
});

test("numbers as JavaScript writes them, the last of several, and −0 as 0", () => {
  expect(parse("--steps", "1e3").length).toEqual({ steps: 1000 });
  expect(parse("--steps", "5", "--steps", "7").length).toEqual({ steps: 7 });
  expect(parse("--seed", "-0", "--momentum", "-0").run).toMatchObject({ seed: 0, momentum: 0 });
});

test("--help names every option, --version the version", () => {
  const help = parseCommandLine(["--help"], "1.2.3");
  const options =
    "depth width nets shortcut order zero-init steps epochs batch lr schedule momentum weight-decay augment seed test-images kernels data out";
  for (const option of options.split(" ")) expect(help).toHaveProperty("text", expect.stringContaining(`--${option}`));
  expect(parseCommandLine(["--version"], "1.2.3")).toEqual({ text: "1.2.3\n" });
});

describe("errors are one line that names option and value", () => {
  test.each([
    ["--dept 20", "unknown option '--dept' (Did you mean --depth?)"],
    [
      "--depth 9",
      "option '--depth <layers>' argument '9' is invalid. the depth must be 6n+2 (8, 14, 20, 32, 44, 56, 110 …): the nearest are 8 and 14",
    ],
    ["--depth 2", "the smallest is 8"],
    ["--depth 20.5", "expected a whole number"],
    ["--width 0", "argument '0' is invalid. expected a whole number from 1 to 1024"],
    ["--nets residual,wide", 'there is no net "wide"'],
    ["--nets plain,plain", "a net is named twice"],
    ["--shortcut none", "Allowed choices are pad, project"],
    ["--order last", "Allowed choices are pre, post"],
    ["--steps 0", "expected a whole number from 1"],
    ["--steps abc", "argument 'abc' is invalid"],
    ["--steps 5 --epochs 5", "option '--steps <n>' cannot be used with option '--epochs <n>'"],
    ["--batch 1", "expected a whole number from 2"],
    ["--lr 0", "expected a number above 0"],
    ["--lr NaN", "expected a number above 0"],
    ["--schedule linear", "Allowed choices are constant, step, cosine, warmup-cosine, one-cycle"],
    ["--momentum 1", "expected a number from 0"],
    ["--seed -1", "expected a whole number from 0"],
    ["--seed 1e99", "expected a whole number"],
    ["--seed=", "argument '' is invalid. expected a whole number"],
    ["--out=", "option '--out <directory>' argument '' is invalid. expected a path"],
    ["--data=", "option '--data <directory>' argument '' is invalid. expected a path"],
    ["--lr Infinity", "expected a number above 0 and up to 100"],
    ["--augment turn", "Allowed choices are none, crop, crop-flip"],
    ["--depth", "option '--depth <layers>' argument missing"],
    ["extra", "too many arguments"],
  ])("%s", (args, message) => {
    let caught: unknown;
    try {
      parse(...args.split(" "));
    } catch (error) {
      caught = error;
    }
    expect(caught).toHaveProperty("name", "UsageError");
    expect(caught).toHaveProperty("message", expect.stringContaining(message));
    expect((caught as Error).message).not.toContain("\n");
  });
});
