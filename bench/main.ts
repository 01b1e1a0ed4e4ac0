/**
 * `npm run bench`: how fast the kernels are on this machine, compared with naive loops in the same run; their targets
 * (`--targets`, targets.ts); and other libraries (`--peers`, peers.ts).
 *
 * This process makes no float64 tensor, because a kernel that has seen both kinds of array stays slower.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import { path, realNumber, wholeNumber } from "../lab/arguments.ts";
import { UsageError } from "../lab/errors.ts";
import { ensureWritable, isDirectory, saveSomewhere, writeTogether } from "../lab/files.ts";
import { runProgram, say } from "../lab/program.ts";
import { allCores } from "../lab/threads.ts";
import type { Rounds } from "./contender.ts";
import { describeMachine, machine } from "./machine.ts";
import { type Effort, measure, type Timing } from "./measure.ts";
import { peak } from "./peak.ts";
import { measurePeers, peerNames } from "./peers.ts";
import { profile } from "./profile.ts";
import { formatTable, markdownTable, milliseconds, type Result, terminalTable } from "./report.ts";
import { type Row, rows } from "./rows.ts";
import { measureTargets } from "./targets.ts";
import { measureThreads } from "./threads.ts";
import { clearResidents, engine, NotCovered, tier, tierNames } from "./tiers.ts";
import type { TargetRow } from "./verdict.ts";
import { cifarStep, flopsOf, nameOf } from "./works.ts";

interface Measuring {
  tier?: string;
  json?: string;
  quick?: boolean;
  naive: boolean;
}

interface Options extends Measuring {
  filter?: string;
  list?: true;
  targets?: true;
  threads?: number | true;
  against?: string;
  large?: true;
  peers?: true;
  profile?: true;
  markdown?: true;
  patience: number;
  without: string[];
}

const THOROUGH: Effort = { warmup: 0.3, duration: 1.5, samples: 9 };
const QUICK: Effort = { warmup: 0.1, duration: 0.2, samples: 3 };
const PEAK: Effort = { warmup: 0.05, duration: 0.3, samples: 5 };
/** The naive loops take long and gain little from more samples. */
const NAIVE: Effort = { warmup: 0.05, duration: 0.2, samples: 2 };
const SLOW: Effort = { warmup: 0, duration: 0, samples: 2 };

/** For processes in turns: how many rounds, and how long each turn. */
const ROUNDS: Rounds = { rounds: 9, seconds: 0.4 };
const QUICK_ROUNDS: Rounds = { rounds: 3, seconds: 0.2 };

/** Runs one row on every tier, and on the naive loops on request. Returns the results and adds to the sink. */
function run(row: Row, { quick = false, naive }: { quick?: boolean; naive: boolean }): [Result[], number] {
  let sink = 0;
  // Clock and load change, so the peak is measured again beside each row.
  const peakTime = engine ? measure(peak(engine), quick ? QUICK : PEAK).median : Number.NaN;
  const peakGflops = (flopsOf({ kind: "peak" }) as number) / peakTime / 1e6;
  const time = (name: string, effort: Effort): (Timing & { flops?: number }) | undefined => {
    try {
      const { run, result, flops } = row.prepare(tier(name, !row.slow));
      const timing = measure(run, effort);
      sink += result();
      return { ...timing, ...(flops === undefined ? {} : { flops }) };
    } catch (error) {
      if (error instanceof NotCovered) return undefined;
      throw error;
    } finally {
      clearResidents();
    }
  };
  const timings = row.tiers.map((name) => {
    return time(name, row.slow && name === "plain" ? SLOW : quick ? QUICK : THOROUGH);
  });
  const wanted = naive && row.naive && !(row.slow && quick);
  const reference = wanted ? time("naive", row.slow ? SLOW : NAIVE)?.median : undefined;
  const results = timings.flatMap((timing, i): Result[] => {
    if (!timing) return [];
    const { flops, ...rest } = timing;
    const gflops = flops === undefined ? undefined : flops / rest.median / 1e6;
    return [
      {
        row: row.name,
        tier: row.tiers[i],
        ...rest,
        ...(gflops === undefined ? {} : { gflops, share: gflops / peakGflops }),
        ...(reference === undefined ? {} : { naive: reference, ratio: reference / rest.median }),
      },
    ];
  });
  return [results, sink];
}

/** The benches proper. */
function measureRows(all: readonly Row[], { tier: only, json, quick = false, naive }: Measuring): void {
  const tiersOf = ({ tiers }: Row): readonly string[] => tiers.filter((name) => only === undefined || name === only);
  const chosen = all.map((row) => ({ ...row, tiers: tiersOf(row) })).filter(({ tiers }) => tiers.length > 0);
  const results: Result[] = [];
  let sink = 0;
  chosen.forEach((row, i) => {
    process.stderr.write(`[${i + 1}/${chosen.length}] ${row.name}`);
    const [measured, used] = run(row, { naive, quick });
    results.push(...measured);
    sink += used;
    for (const { tier, median, gflops } of measured) {
      process.stderr.write(
        `  ${tier} ${milliseconds(median)} ms${gflops === undefined ? "" : `, ${gflops.toFixed(2)} GFLOP/s`}`,
      );
    }
    process.stderr.write("\n");
  });
  say(`\n${describeMachine()}`);
  say(formatTable(results));
  keep(json, { machine: machine(), quick, sink, results });
}

/** Writes the results as JSON to the requested file or, if that fails, says where else they are. */
function keep(json: string | undefined, results: object): void {
  if (json === undefined) return;
  const contents = new Map([[basename(json), `${JSON.stringify(results, null, 2)}\n`]]);
  const { problem } = saveSomewhere(dirname(resolve(json)), (directory) => writeTogether(directory, contents));
  if (problem) throw problem;
}

/** A table of targets. `measureAll` calls `report` as each row is done. */
async function runTargets(
  times: string,
  measureAll: (report: (row: TargetRow) => void) => Promise<void>,
  { json, markdown, filter }: Options,
): Promise<void> {
  const measured: TargetRow[] = [];
  await measureAll((row) => {
    measured.push(row);
    const target = row.target && ` (${row.target})`;
    process.stderr.write(`${row.name}: ${row.measured}${target}, ${row.verdict} ${row.reason ?? ""}\n`);
  });
  if (measured.length === 0) throw new UsageError(`no target contains "${filter}"`);
  const head = ["", "target", "measured", `ms: ${times}`, ""];
  const lines = measured.map(({ name, target, measured, times, verdict, reason }) => {
    return [name, target, measured, times, reason ? `${verdict}: ${reason}` : verdict];
  });
  say(`\n${describeMachine()}\n\n${(markdown ? markdownTable : terminalTable)(head, lines)}`);
  keep(json, { machine: machine(), targets: measured });
}

function runProfile({ tier: name = "simd", quick, markdown }: Options): void {
  const work = cifarStep(32);
  const measured = profile(work, tier(name, false), quick ? { warmup: 3, steps: 5 } : { warmup: 10, steps: 25 });
  const [{ time: total }] = measured;
  const head = [`${nameOf(work)}, ${name}`, "calls", "ms", "share"];
  const lines = measured.map(({ name, calls, time }) => {
    return [name, `${calls}`, time.toFixed(2), `${((100 * time) / total).toFixed(1)} %`];
  });
  say(`${describeMachine()}\n\n${(markdown ? markdownTable : terminalTable)(head, lines)}`);
}

/** The folder of `--against`. */
function otherBuildIn(folder: string | undefined): string | undefined {
  if (folder === undefined || existsSync(join(folder, "bench", "skipstone.js"))) return folder;
  throw new UsageError(`--against ${folder}: has no bench/skipstone.js; npm run compile makes it, in build/`);
}

async function main(options: Options): Promise<number> {
  const { filter = "", json, quick, list, targets, peers, markdown, patience } = options;
  const words = filter.toLowerCase().split(/\s+/);
  const matches = (name: string): boolean => words.every((word) => name.toLowerCase().includes(word));
  // Find out before the measurements whether the file can be written.
  if (json !== undefined) {
    if (isDirectory(json)) throw new UsageError(`--json ${json}: is a directory`);
    ensureWritable(dirname(resolve(json)));
  }
  const turns = quick ? QUICK_ROUNDS : ROUNDS;
  if (targets) {
    const { tier, large = false } = options;
    const compared = { tier, large, otherBuild: otherBuildIn(options.against) };
    await runTargets(
      options.against === undefined ? "Skipstone / PyTorch" : "Skipstone / the other",
      (report) => measureTargets(matches, compared, turns, report),
      options,
    );
    return 0;
  }
  if (options.threads !== undefined) {
    const threads = options.threads === true ? Math.max(2, allCores) : options.threads;
    await runTargets(`${threads} threads / one`, (report) => measureThreads(threads, matches, turns, report), options);
    return 0;
  }
  if (options.profile) {
    runProfile(options);
    return 0;
  }
  if (peers) {
    const rounds = quick ? turns : { ...turns, rounds: 5 };
    const present = { patience, without: options.without };
    const comparison = await measurePeers(matches, rounds, present, (text) => process.stderr.write(text));
    say(`\n${describeMachine()}\n${comparison.versions.join("; ")}\n`);
    say((markdown ? markdownTable : terminalTable)(comparison.head, comparison.lines));
    keep(json, { machine: machine(), ...comparison });
    return 0;
  }
  const chosen = rows.filter(({ name }) => matches(name));
  if (chosen.length === 0) throw new UsageError(`no row contains "${filter}"; --list shows all of them`);
  if (list) say(chosen.map(({ name }) => name).join("\n"));
  else measureRows(chosen, options);
  return 0;
}

const program = new Command("npm run bench --")
  .description("Measures the kernels: median time, spread, GFLOP/s, and the ratio to the naive loops in the same run.")
  .option("--filter <words>", 'only rows whose name contains all of these words, such as "conv2d forward"')
  .option("--json <file>", "write the results to this file, too", path.parse)
  .option("--quick", "fewer samples: an overview in a few minutes")
  .option("--no-naive", "leave the naive loops out")
  .option("--targets", "Skipstone's targets, against PyTorch on as many threads in the same run")
  .option("--large", "with --targets: also a step larger than the memory, which takes minutes")
  .option(
    "--against <build>",
    "with --targets: also against another build of Skipstone, such as ../main/build",
    path.parse,
  )
  .addOption(
    new Option(
      "--threads [n]",
      `what n threads are worth (default: all cores, ${allCores}): their time relative to one's`,
    )
      .argParser(wholeNumber(2, 64).parse)
      .conflicts(["targets", "peers", "profile", "list"]),
  )
  .option("--peers", "other libraries, each in its own process, in the same run; installs them in bench/peers first")
  .addOption(new Option("--without <peers...>", "with --peers: leave these out").choices(peerNames).default([]))
  .addOption(new Option("--tier <name>", "only this tier, or SIMD with this algorithm everywhere").choices(tierNames))
  .option("--profile", "where the time of a ResNet-20 training step goes, by kernel")
  .option("--markdown", "with --targets, --threads and --peers: the table as Markdown")
  .option(
    "--patience <seconds>",
    "with --peers: how long a single answer may take",
    realNumber(0, 1e6, "above").parse,
    60,
  )
  .option("--list", "show the rows' names and stop")
  .allowExcessArguments(false)
  .parse();

await runProgram("bench", () => main(program.opts<Options>()));
