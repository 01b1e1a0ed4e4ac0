/**
 * The laboratory, `npm run lab -- NAME`: experiments that train or measure what they need and end with a page,
 * `reproduce`, and commands on single networks. `npm start` is `npm run lab -- twins`, the first experiment.
 *
 *   experiments/   what each of them computes and shows               runner/   options, threads, results, reproduction
 *   training/      what trainings have in common                      report/   what is shown, as data: charts, tables, numbers in words
 *   data/          finds and prepares images                          page/     draws it
 *   models/        what a network costs, other formats, a photograph
 */
import { experimentNamed, experiments } from "./experiments/index.ts";
import { packageVersion } from "./files.ts";
import { addModelCommands } from "./models/commands.ts";
import { runProgram, say } from "./program.ts";
import { parseCommandLine } from "./runner/command-line.ts";
import { reproduce } from "./runner/reproduce.ts";
import { run } from "./runner/run.ts";

async function main(): Promise<number> {
  const request = parseCommandLine(process.argv.slice(2), packageVersion(), {
    experiments,
    addCommands: addModelCommands,
  });
  switch (request.kind) {
    case "text":
      process.stdout.write(request.text);
      return 0;
    case "run":
      return await run(request.run, say);
    case "other": {
      const { text, exitCode } = await request.task();
      say(text);
      return exitCode;
    }
    case "reproduce":
      return await reproduce(request.reproduce, experimentNamed, say);
  }
}

await runProgram("skipstone", main);
