/** `--threads`: how many threads compute. */
import { availableParallelism } from "node:os";
import { Option } from "commander";
import { type Argument, wholeNumber } from "./arguments.ts";

/** Its default. */
export const allCores: number = availableParallelism();

export const threadCount: Argument<number> = wholeNumber(1, 256);

/** The option, for a command that `description` is about. */
export function threadsOption(description: string): Option {
  return new Option("--threads <n>", description)
    .argParser(threadCount.parse)
    .default(allCores, `all cores, ${allCores}`);
}

/** `on 2 threads` */
export function onThreads(count: number): string {
  return count === 1 ? "on one thread" : `on ${count} threads`;
}
