/** The program in a runtime that prints: Node, Bun, Deno, and the engines' own shells. */
import { MARK } from "../mark.ts";
import { program, reportOf } from "../program.ts";

interface Shell {
  readonly performance?: { now(): number };
  /** The clock of JavaScriptCore's shell, in seconds. */
  preciseTime?(): number;
  readonly console?: { log(text: string): void };
  /** A function of the engines' shells. */
  print?(text: string): void;
}

const { performance, preciseTime, console, print } = globalThis as unknown as Shell;
const now = performance ? () => performance.now() : preciseTime ? () => 1000 * preciseTime() : Date.now;
(print ?? console!.log)(`${MARK}${JSON.stringify(reportOf(program(now)))}`);
