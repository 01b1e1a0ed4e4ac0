/**
 * The main job, `npm start`: trains a residual network and its plain twin side by side and writes a report on how their
 * gradients flow. This file is the order of events; each event has a file of its own.
 *
 *   start/options.ts        the command line     start/run-nets.ts    one thread per net
 *   data/dataset-files.ts   finds the data       start/train-net.ts   what a thread does
 *   stop.ts                 Ctrl-C and kill      start/progress.ts    what one sees meanwhile
 *   start/report.ts         the files            start/summary.ts     what one sees at the end
 *   program.ts              errors, exit code    files.ts             where the files go
 */
import { resolve } from "node:path";
import { channelStatistics, type Dataset } from "../src/data/index.ts";
import { useKernels } from "../src/tensor/index.ts";
import { defaultDataDirectory, readDirectory, type TrainAndTest } from "./data/dataset-files.ts";
import { engineName } from "./engine.ts";
import { UsageError } from "./errors.ts";
import { ensureWritable, packageVersion, saveSomewhere, shownPath } from "./files.ts";
import { runProgram, say } from "./program.ts";
import { grouped } from "./report/format.ts";
import type { DataSummary, RunOptions } from "./start/experiment.ts";
import { type CommandLine, parseCommandLine } from "./start/options.ts";
import { createProgress } from "./start/progress.ts";
import { runNets } from "./start/run-nets.ts";
import { summarize } from "./start/summary.ts";
import { createStopFlag, createStopper, requestStop, stopRequested } from "./stop.ts";

async function main(): Promise<number> {
  const version = packageVersion();
  const parsed = parseCommandLine(process.argv.slice(2), version);
  if ("text" in parsed) {
    process.stdout.write(parsed.text);
    return 0;
  }
  const { commandLine } = parsed;
  const directory = commandLine.data ?? defaultDataDirectory();
  const found = await readDirectory(directory);
  const options = completeOptions(commandLine, found.train);
  const normalization = channelStatistics(found.train);
  // In full, so that it stays the same place whatever becomes of the directory the program was started in.
  const out = resolve(commandLine.out);
  ensureWritable(out);
  useKernels(options.kernels);

  const started = new Date();
  const stopper = createStopper();
  say(introduction(options, found));
  const progress = createProgress(options, process.stdout);
  const stop = createStopFlag();
  const onStop = (): void => {
    requestStop(stop);
    progress.say("Stopping after the current step; the report will still be written. Ctrl-C again quits at once.");
  };
  stopper.signal.addEventListener("abort", onStop);
  let runs: Awaited<ReturnType<typeof runNets>>;
  try {
    runs = await runNets({ options, train: found.train, test: found.test, normalization }, progress, stop);
  } finally {
    stopper.signal.removeEventListener("abort", onStop);
    progress.end();
  }

  const experiment = {
    program: "skipstone" as const,
    version,
    engine: engineName(),
    startedAt: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    interrupted: stopRequested(stop),
    options,
    data: describeData(directory, found),
    runs,
  };
  // Imported this late because Plot and jsdom take a second to load, which an error in an option need not wait for.
  const { writeReport } = await import("./start/report.ts");
  const { saved, problem } = saveSomewhere(out, (directory) => writeReport(experiment, directory));
  stopper.release();
  say(`\n${summarize(experiment)}`);
  say(`\nThe report: ${shownPath(saved[0])}`);
  if (problem) throw problem;
  return stopper.exitCode;
}

/** The run's options, now that the number of training images is known. */
function completeOptions({ run, length }: CommandLine, { shape: [images] }: Dataset): RunOptions {
  const stepsPerEpoch = Math.floor(images / run.batchSize);
  if (stepsPerEpoch === 0) {
    throw new UsageError(`--batch ${run.batchSize} is more than the ${grouped(images)} training images there are`);
  }
  return { ...run, steps: "steps" in length ? length.steps : length.epochs * stepsPerEpoch };
}

function introduction({ depth, width, nets, steps, batchSize }: RunOptions, { train, kind }: TrainAndTest): string {
  const what =
    nets.length === 2 ? "A residual net and its plain twin" : nets[0] === "plain" ? "A plain net" : "A residual net";
  return `${what}: ${depth} layers, ${width} channels, ${grouped(steps)} steps of ${batchSize} out of ${grouped(train.shape[0])} images (${kind}).`;
}

function describeData(directory: string, { kind, train, test }: TrainAndTest): DataSummary {
  return {
    directory: shownPath(directory),
    kind,
    trainImages: train.shape[0],
    testImages: test.shape[0],
    imageShape: train.shape.slice(1),
    classes: train.classes.length,
  };
}

await runProgram("skipstone", main);
