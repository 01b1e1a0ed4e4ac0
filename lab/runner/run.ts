/** One run of an experiment, from the request to the page, in order of events. */
import { join, resolve } from "node:path";
import { tierInUse, useKernels } from "../../src/tensor/index.ts";
import { checkPaperData, readImages } from "../data/images.ts";
import { engineName } from "../engine.ts";
import { messageOf, RunError, UsageError } from "../errors.ts";
import type { AnyExperiment, FinishedTask, Seeded } from "../experiment.ts";
import { ensureWritable, packageVersion, saveSomewhere, shownPath } from "../files.ts";
import type { ImageSummary, RunRecord } from "../record.ts";
import { createStopper } from "../stop.ts";
import { codeChecksum } from "./code.ts";
import type { RunRequest } from "./command-line.ts";
import { compute, type Work } from "./compute.ts";
import { fingerprintOf, type Origin, RESULTS_FILE, ResultsFile, readResults } from "./results.ts";
import { inWords, sharesOf } from "./shares.ts";
import { casesOf, tasksOf } from "./tasks.ts";
import { UnfinishedTrainings } from "./unfinished.ts";

/** Runs the request and returns the exit code: 0, or the signal's after a signal. `say` prints a line. */
export async function run(request: RunRequest, say: (line: string) => void): Promise<number> {
  const { experiment, preset, options } = request;
  const started = new Date();
  // Before reading the images, which takes a second.
  say(`${experiment.title} (${experiment.name})`);
  const tasks = tasksOf(experiment, options, request.seeds);
  if (preset === "full") checkPaperData(experiment, request.data);
  const { images, summary } = await readImages({ directory: request.data, size: request.imageSize });
  // An absolute path, so that it stays valid whatever happens to the current directory.
  const out = resolve(request.out);
  // A default, a quick and a full run do not overwrite each other's pages.
  const folder = preset === "default" ? experiment.name : `${experiment.name}-${preset}`;
  ensureWritable(out);
  ensureWritable(join(out, folder));
  const origin = originOf(request, summary);
  const path = join(out, folder, RESULTS_FILE);
  const { finished, otherCode } = findEarlier(path, origin, tasks, request, say);
  const file = new ResultsFile(path, origin, finished.values());
  const isMissing = (task: Seeded<object>): boolean => !finished.has(fingerprintOf(origin, task));
  const missing = tasks.filter(isMissing);
  const unfinished = new UnfinishedTrainings(join(out, folder), origin, experiment);
  if (request.earlier === "fresh") unfinished.remove(tasks, []);
  // A run that was killed may have left those of finished tasks.
  if (request.earlier === "resume") unfinished.remove(tasks, missing);
  const stopper = createStopper();
  // By fingerprint, like `finished`: results of tasks that were told to end. Shown, never kept.
  const early = new Map<string, FinishedTask>();
  let failure: RunError | undefined;
  if (missing.length > 0 && request.earlier !== "redraw") {
    const { kind, imageShape } = summary;
    const many = `${missing.length} ${missing.length === 1 ? "task" : "tasks"}`;
    say(`${many} on ${kind} of ${imageShape.join("×")}: ${inWords(sharesOf(missing.length, request))}.`);
    const keep = { placeOf: (task: Seeded<object>) => unfinished.placeOf(task), every: request.saveEvery };
    failure = await computeTasks({ ...request, tasks: missing, images, stopper, keep }, (done, isEarly) => {
      (isEarly ? early : finished).set(fingerprintOf(origin, done.task), done);
      if (isEarly) return;
      file.add(done);
      unfinished.remove([done.task], tasks.filter(isMissing));
    });
  }
  unfinished.end();

  const results = tasks.flatMap((task) => finished.get(fingerprintOf(origin, task)) ?? []);
  const shown = tasks.flatMap((task) => {
    const fingerprint = fingerprintOf(origin, task);
    return finished.get(fingerprint) ?? early.get(fingerprint) ?? [];
  });
  if (shown.length === 0) {
    if (failure) throw failure;
    say("Nothing is finished yet, so there is nothing to show.");
    return stopper.exitCode;
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
    unfinished: shown
      .filter((one) => !results.includes(one))
      .map(({ task }) => `${experiment.label(task)}, seed ${task.seed}`),
    report: experiment.report(casesOf(experiment, shown), options),
  };
  // Imported this late because Plot and jsdom take a second to load; an error in an option should not wait for that.
  const { writeRun } = await import("../page/write-run.ts");
  const { summarizeRun } = await import("../page/summary.ts");
  const { saved, problem } = saveSomewhere(out, (place) => {
    if (request.earlier !== "redraw") file.save(join(place, folder, RESULTS_FILE));
    return writeRun(record, join(place, folder), place);
  });
  stopper.release();
  say(`\n${summarizeRun(record)}`);
  for (const remark of saved.remarks) say(`\n${remark}`);
  say(`\nThe page: ${shownPath(saved.page)}${saved.problem ? "" : `; all runs: ${shownPath(saved.index)}`}`);
  const problems = [failure, problem, saved.problem].flatMap((error) => (error ? [error.message] : []));
  if (problems.length > 0) throw new RunError(problems.join("; "));
  return stopper.exitCode;
}

/** What the first Ctrl-C does, by what happens to the running tasks. */
const ON_INTERRUPT = {
  dropped: "Finished tasks are kept and shown; the same command goes on, within a training too.",
  shown: "What has been trained so far is tested and shown; the same command goes on with it.",
} as const;

/**
 * Computes tasks, and passes each to `keep` as it ends. If a task fails, its error is returned, not thrown, so that
 * finished tasks are still shown. If results cannot be written for now, the work continues.
 */
async function computeTasks(
  work: Omit<Work, "onInterrupt">,
  keep: (finished: FinishedTask, early: boolean) => void,
): Promise<RunError | undefined> {
  let warned = false;
  const onDone = (finished: FinishedTask, early: boolean): string | undefined => {
    try {
      keep(finished, early);
      warned = false;
      return undefined;
    } catch (error) {
      const first = !warned;
      warned = true;
      return first ? `${messageOf(error)}; it will be tried again with each following result.` : undefined;
    }
  };
  try {
    await compute({ ...work, onInterrupt: ON_INTERRUPT[work.experiment.endsEarly ? "shown" : "dropped"] }, onDone);
    return undefined;
  } catch (error) {
    if (error instanceof RunError) return error;
    throw error;
  }
}

/**
 * Everything that results depend on besides their tasks. Chooses the kernels in this thread too, so that their name is
 * known.
 */
export function originOf(
  { experiment, kernels: tier }: Pick<RunRequest, "experiment" | "kernels">,
  { checksum, size }: ImageSummary,
): Origin {
  useKernels(tier);
  const { name, arithmetic } = tierInUse();
  return {
    experiment: experiment.name,
    version: packageVersion(),
    code: codeChecksum(experiment.name),
    kernels: `${name}, ${arithmetic}`,
    data: `${checksum} ${size}`,
  };
}

function findEarlier(
  path: string,
  origin: Origin,
  tasks: readonly Seeded<object>[],
  { earlier, experiment, options }: RunRequest,
  say: (line: string) => void,
): { finished: Map<string, FinishedTask>; otherCode: number } {
  const mine = readResults(path, origin, tasks);
  if (earlier === "fresh") return { finished: new Map(), otherCode: 0 };
  const { finished, stale, damaged } =
    earlier === "resume" ? mine : readResults(path, origin, tasks, { anyCode: true });
  if (damaged > 0) say(`${shownPath(path)}: ${damaged} damaged ${damaged === 1 ? "line" : "lines"} ignored.`);
  if (earlier === "redraw") {
    const drawn = [...finished].filter(([, one]) => canShow(experiment, one, options));
    const strange = finished.size - drawn.length;
    if (strange > 0) say(`${strange} results there have a shape that this version cannot show: ignored.`);
    if (drawn.length === 0) throw new UsageError(`--redraw: ${path} has no results for this run's tasks`);
    return { finished: new Map(drawn), otherCode: drawn.filter(([key]) => !mine.finished.has(key)).length };
  }
  if (finished.size > 0) say(`${finished.size} of ${tasks.length} tasks are done already, in ${shownPath(path)}.`);
  if (stale > 0)
    say(`${stale} results there come from other code, kernels or data: not used (--redraw would draw them).`);
  return { finished: new Map(finished), otherCode: 0 };
}

/** Whether a result, perhaps from another version, has what the report needs. */
function canShow(experiment: AnyExperiment, finished: FinishedTask, options: object): boolean {
  try {
    experiment.report(casesOf(experiment, [finished]), options);
    return true;
  } catch {
    return false;
  }
}
