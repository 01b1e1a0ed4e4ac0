/**
 * `npm run bench`: how fast the kernels are, on this machine, beside the naive loops in the same run.
 *
 * No float64 tensor is made in this process: a kernel that has seen both kinds of array is slower ever after.
 */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command } from "commander";
import { plainKernels } from "../src/tensor/kernels/index.ts";
import type { Kernels } from "../src/tensor/kernels.ts";
import { type Effort, measure } from "./measure.ts";
import { naiveKernels } from "./naive-kernels.ts";
import { formatTable, milliseconds, type Result } from "./report.ts";
import { type Row, rows } from "./rows.ts";

/** The tiers that are measured. Each is compared with the naive loops. */
const tiers: readonly Kernels[] = [plainKernels];

interface Options {
  filter?: string;
  json?: string;
  quick?: true;
  naive: boolean;
  list?: true;
}

const THOROUGH: Effort = { warmup: 0.3, duration: 1.5, samples: 9 };
const QUICK: Effort = { warmup: 0.1, duration: 0.2, samples: 3 };
/** The naive loops take long and have little to gain from more samples. */
const NAIVE: Effort = { warmup: 0.05, duration: 0.2, samples: 2 };
const SLOW: Effort = { warmup: 0, duration: 0, samples: 2 };

/** Runs one row on every tier, and on the naive loops where asked. Returns the results and adds to the sink. */
function run(row: Row, { quick = false, naive }: { quick?: boolean; naive: boolean }): [Result[], number] {
  const { run, result, flops } = row.prepare();
  let sink = 0;
  const time = (tier: Kernels, effort: Effort): ReturnType<typeof measure> => {
    const timing = measure(() => run(tier), effort);
    sink += result();
    return timing;
  };
  const timings = tiers.map((tier) => time(tier, row.slow ? SLOW : quick ? QUICK : THOROUGH));
  const reference = naive && !(row.slow && quick) ? time(naiveKernels, row.slow ? SLOW : NAIVE).median : undefined;
  const results = timings.map(
    (timing, i): Result => ({
      row: row.name,
      tier: tiers[i].name,
      ...timing,
      ...(flops === undefined ? {} : { gflops: flops / timing.median / 1e6 }),
      ...(reference === undefined ? {} : { naive: reference, ratio: reference / timing.median }),
    }),
  );
  return [results, sink];
}

function main({ filter = "", json, quick, naive, list }: Options): void {
  const words = filter.toLowerCase().split(/\s+/);
  const chosen = rows.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  if (chosen.length === 0) throw new Error(`no row contains "${filter}"; --list shows all of them`);
  if (list) {
    console.log(chosen.map(({ name }) => name).join("\n"));
    return;
  }
  // A file that cannot be written should be known before the measurements, not after.
  if (json !== undefined) closeSync(openSync(json, "a"));
  const results: Result[] = [];
  let sink = 0;
  chosen.forEach((row, i) => {
    process.stderr.write(`[${i + 1}/${chosen.length}] ${row.name}`);
    const [measured, used] = run(row, { quick: quick ?? false, naive });
    results.push(...measured);
    sink += used;
    for (const { tier, median, gflops } of measured) {
      process.stderr.write(
        `  ${tier} ${milliseconds(median)} ms${gflops === undefined ? "" : `, ${gflops.toFixed(2)} GFLOP/s`}`,
      );
    }
    process.stderr.write("\n");
  });
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
  console.log(`\n${machine.cpu}, Node ${machine.node}, ${machine.platform}`);
  console.log(formatTable(results));
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ machine, quick: quick ?? false, sink, results }, null, 2)}\n`);
}

const program = new Command("npm run bench --")
  .description("Measures the kernels: median time, spread, GFLOP/s, and the ratio to the naive loops in the same run.")
  .option("--filter <words>", 'only rows whose name contains all of these words, such as "conv2d forward"')
  .option("--json <file>", "write the results to this file, too")
  .option("--quick", "fewer samples: a glance in a minute instead of a measurement in five")
  .option("--no-naive", "leave the naive loops out")
  .option("--list", "show the rows' names and stop")
  .allowExcessArguments(false)
  .parse();

try {
  main(program.opts<Options>());
} catch (error) {
  program.error(`bench: ${error instanceof Error ? error.message : error}`);
}
