/**
 * How programs of lab/ and bench/ run: an error is one line on the standard error. So is an output that cannot be
 * written to; the work continues without it, because results go to files. Next: stop.ts, signals.
 */
import { closeSync } from "node:fs";
import { isatty } from "node:tty";
import { messageOf } from "./errors.ts";
import { reasonOf } from "./files.ts";

/** The answer of a command that is not a run. */
export interface Answer {
  /** For the terminal. */
  readonly text: string;
  readonly exitCode: number;
}

/** Prints a line. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs a program; `main` returns its exit code. An error, or an output that cannot be written, makes it 1. */
export async function runProgram(name: string, main: () => Promise<number>): Promise<void> {
  const complain = (line: string): void => {
    process.stderr.write(`${name}: ${line}\n`);
  };
  let atWork = true;
  let lost = false;
  process.stdout.on("error", (error: Error & { code?: string }) => {
    if (lost) return;
    lost = true;
    if (error.code !== "EPIPE" && error.code !== "EIO") {
      complain(`cannot write to the standard output: ${reasonOf(error)}`);
      process.exitCode ||= 1;
    } else if (atWork) {
      // `| head` has seen enough, or the terminal was closed: not a failure, and worth a message only while there is
      // work.
      complain("nobody reads the standard output any more; the work continues, and its results are written");
    }
  });
  // There is nowhere left to report it.
  process.stderr.on("error", () => {});
  leaveClosedTerminals();
  let code: number;
  try {
    code = await main();
  } catch (error) {
    complain(messageOf(error));
    code = 1;
  }
  atWork = false;
  if (code !== 0) process.exitCode = code;
}

/** At exit Node restores the settings of terminals, and aborts with a core dump if one was closed meanwhile. */
function leaveClosedTerminals(): void {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  process.on("exit", () => {
    for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
  });
}
