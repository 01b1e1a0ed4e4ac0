/**
 * `npm run runtimes`: one program in every supported runtime, and the README's table: the tier that is chosen there,
 * the bits of the results, the time of a training step.
 */
import { Command } from "commander";
import { describeMachine } from "../machine.ts";
import { markdownTable, milliseconds, terminalTable } from "../report.ts";
import { differences, type Result, tableOf } from "./judge.ts";
import { type DebianPackage, install, isInstalled, type NpmPackage } from "./packages.ts";
import { type Runtime, runtimes } from "./runtimes.ts";

interface Options {
  only?: string;
  install?: true;
  required?: true;
  markdown?: true;
  list?: true;
  patience: string;
}

/** The runtimes whose ids start with one of these words; "node" matches four. */
function choose(only: string | undefined): readonly Runtime[] {
  const words = only?.split(",").map((word) => word.trim()) ?? [""];
  const unknown = words.filter((word) => !runtimes.some(({ id }) => id.startsWith(word)));
  if (unknown.length > 0) throw new Error(`no runtime is called ${unknown.join(", ")}; --list shows all of them`);
  return runtimes.filter(({ id }) => words.some((word) => id.startsWith(word)));
}

function nameOf({ name, version, note }: Runtime): string {
  const full = [name, version()].filter(Boolean).join(" ");
  return note ? `${full}, ${note}` : full;
}

const describe = (needed: NpmPackage | DebianPackage): string =>
  "debian" in needed ? `${needed.debian} of Debian` : `${needed.name}@${needed.version} of npm`;

async function main(options: Options): Promise<void> {
  const chosen = choose(options.only);
  if (options.list) {
    for (const runtime of chosen) console.log(`${runtime.id.padEnd(18)} ${runtime.needs.map(describe).join(", ")}`);
    return;
  }
  if (options.install) {
    const missing = chosen.flatMap(({ needs }) => needs).filter((needed) => !isInstalled(needed));
    const wanted = [...new Set(missing)];
    if (wanted.length > 0) process.stderr.write(`installing ${wanted.map(describe).join(", ")}\n`);
    install(wanted);
  }
  const results: Result[] = [];
  const faults: string[] = [];
  for (const runtime of chosen) {
    const missing = runtime.needs.filter((needed) => !isInstalled(needed));
    if (missing.length > 0) {
      const line = `${runtime.id}: not found; --install brings ${missing.map(describe).join(", ")}`;
      if (options.required) faults.push(line);
      else process.stderr.write(`${line}\n`);
      continue;
    }
    const name = nameOf(runtime);
    try {
      const report = await runtime.run(Number(options.patience));
      results.push({ ...runtime, name, report });
      process.stderr.write(`${name}: ${report.tier}, ${milliseconds(report.time)} ms per step\n`);
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
    }
  }
  const { head, lines } = tableOf(results);
  const table = (options.markdown ? markdownTable : terminalTable)(head, lines);
  if (results.length > 0) console.log(`\n${describeMachine()}\n\n${table}`);
  faults.push(...differences(results));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}

const program = new Command("npm run runtimes --")
  .description("Trains one small network in every runtime found: the tier chosen there, the bits, the time of a step.")
  .option("--only <ids>", "only runtimes whose ids start so, such as node,deno")
  .option("--install", "first install what is missing: from npm into a cache, from Debian by apt-get")
  .option("--required", "a missing runtime is a failure")
  .option("--markdown", "the table as Markdown")
  .option("--patience <seconds>", "how long one runtime may take", "120")
  .option("--list", "show the runtimes and what they need, and stop")
  .allowExcessArguments(false)
  .parse();

try {
  await main(program.opts<Options>());
} catch (error) {
  program.error(`runtimes: ${error instanceof Error ? error.message : error}`);
}
