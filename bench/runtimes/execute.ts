/** Runs another process with a time limit, and reports a failure in one line. */
import { type ChildProcess, spawn } from "node:child_process";

/** Ends a process and everything it has started; it must have been started as `detached`. */
export function end({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

/** A function that returns what the process has printed so far. */
export function printed({ stdout, stderr }: ChildProcess): () => string {
  let output = "";
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return () => output;
}

/**
 * Returns what the command prints, as text.
 *
 * @throws Error of one line if it fails or takes longer than `seconds`.
 */
export async function execute(command: string, args: readonly string[], seconds: number): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const output = printed(child);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end(child);
  }, seconds * 1000);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal));
  }).finally(() => clearTimeout(timer));
  if (late) throw new Error(`not done after ${seconds} s`);
  if (code !== 0) throw new Error(`ended with ${code}: ${complaint(output())}`);
  return output();
}

/** The line of a program's output that says what went wrong: the first that names an error, else the last. */
export function complaint(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "it printed nothing").trim().slice(0, 300);
}
