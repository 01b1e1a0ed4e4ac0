/** One run of an experiment, from the request to the page. This file is the order of events. */
import { join, relative } from "node:path";
import { kernels, useKernels } from "../../src/tensor/index.ts";
import { checkPaperData, type ImageSummary, readImages } from "../data/images.ts";
import { engineName } from "../engine.ts";
import { UsageError } from "../errors.ts";
import { ensureWritable, packageVersion } from "../files.ts";
import { INTERRUPTED } from "../stop.ts";
import { codeChecksum } from "./code.ts";
import type { RunRequest } from "./command-line.ts";
import { compute } from "./compute.ts";
import type { AnyExperiment, Seeded } from "./experiment.ts";
import { type RunRecord, wasInterrupted } from "./record.ts";
import { appendResult, type FinishedTask, fingerprintOf, type Origin, readResults } from "./results.ts";
import { casesOf, tasksOf } from "./tasks.ts";

/** Runs what is asked for and returns the exit code: 0, or after Ctrl-C that of an interrupt. `say` prints a line. */
export async function run(request: RunRequest, say: (line: string) => void): Promise<number> {
  const { experiment, preset, options } = request;
  const started = new Date();
  const tasks = tasksOf(experiment, options, request.seeds);
  if (preset === "full") checkPaperData(experiment, request.data);
  const { images, summary } = await readImages({ directory: request.data, size: request.imageSize });
  // A default run, a quick one and one of full size do not overwrite each other's pages.
  const directory = join(request.out, preset === "default" ? experiment.name : `${experiment.name}-${preset}`);
  ensureWritable(directory);
  const origin = originOf(request, summary);
  const path = join(directory, "results.jsonl");
  const { finished, otherCode } = findEarlier(path, origin, tasks, request.earlier, say);
  const missing = tasks.filter((task) => !finished.has(fingerprintOf(origin, task)));
  if (missing.length > 0 && request.earlier !== "redraw") {
    say(introduction(experiment, missing, summary));
    await compute(
      {
        experiment,
        tasks: missing,
        images,
        kernels: request.kernels,
        workers: request.workers,
        onInterrupt: "What is finished is kept and shown; the same command goes on from there.",
      },
      (done) => {
        appendResult(path, origin, done);
        finished.set(fingerprintOf(origin, done.task), done);
      },
    );
  }

  const results = tasks.flatMap((task) => finished.get(fingerprintOf(origin, task)) ?? []);
  if (results.length === 0) {
    say("Nothing is finished yet: there is nothing to show.");
    return INTERRUPTED;
  }
  const record: RunRecord = {
    program: "skipstone",
    command: request.command,
    experiment: experiment.name,
    title: experiment.title,
    about: experiment.about,
    papers: experiment.papers,
    version: origin.version,
    code: origin.code,
    otherCode,
    engine: engineName(),
    kernels: request.kernels,
    startedAt: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    taskSeconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
    planned: tasks.length,
    preset,
    options,
    seeds: request.seeds,
    data: summary,
    results,
    report: experiment.report(casesOf(experiment, results), options),
  };
  // Imported this late because Plot and jsdom take a second to load, which an error in an option need not wait for.
  const { writeRun } = await import("../report/write-run.ts");
  const { summarizeRun } = await import("../report/summary.ts");
  const { page, index } = writeRun(record, directory, request.out);
  say(`\n${summarizeRun(record)}`);
  say(`\nThe page: ${relative(process.cwd(), page)}; all runs: ${relative(process.cwd(), index)}`);
  return wasInterrupted(record) && request.earlier !== "redraw" ? INTERRUPTED : 0;
}

/** What results depend on besides their tasks. Chooses the kernels, in this thread too, so that their name is known. */
export function originOf(
  { experiment, kernels: tier }: Pick<RunRequest, "experiment" | "kernels">,
  { checksum, size }: ImageSummary,
): Origin {
  useKernels(tier);
  return {
    experiment: experiment.name,
    version: packageVersion(),
    code: codeChecksum(experiment.name),
    kernels: `${kernels.name}, ${kernels.arithmetic}`,
    data: `${checksum} ${size}`,
  };
}

function findEarlier(
  path: string,
  origin: Origin,
  tasks: readonly Seeded<object>[],
  earlier: RunRequest["earlier"],
  say: (line: string) => void,
): { finished: Map<string, FinishedTask>; otherCode: number } {
  if (earlier === "fresh") return { finished: new Map(), otherCode: 0 };
  const mine = readResults(path, origin, tasks);
  const { finished, stale, damaged } =
    earlier === "resume" ? mine : readResults(path, origin, tasks, { anyCode: true });
  if (damaged > 0) say(`${path}: ${damaged} damaged lines left aside.`);
  if (earlier === "redraw") {
    if (finished.size === 0) throw new UsageError(`--redraw: ${path} has no results of this run's tasks`);
    return { finished: new Map(finished), otherCode: finished.size - mine.finished.size };
  }
  if (finished.size > 0) say(`${finished.size} of ${tasks.length} tasks are done already, in ${path}.`);
  if (stale > 0) say(`${stale} results there are of other code, kernels or data: not used (--redraw would draw them).`);
  return { finished: new Map(finished), otherCode: 0 };
}

function introduction(
  { title, name }: AnyExperiment,
  tasks: readonly object[],
  { kind, imageShape }: ImageSummary,
): string {
  return `${title} (${name}): ${tasks.length} ${tasks.length === 1 ? "task" : "tasks"} on ${kind} of ${imageShape.join("×")}.`;
}
