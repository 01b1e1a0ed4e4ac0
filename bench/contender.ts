/**
 * Compares processes: each contender runs in its own, and all do the same work, in turns.
 *
 * Machines drift: other programs run, clocks change. So each round asks every contender for a moment of work, in
 * reversed order every other round, and the reported number is the median over rounds of the *ratio* within a round.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { median, quantile } from "./measure.ts";
import { type Answer, MARK, type Order } from "./serve.ts";
import type { Work } from "./works.ts";

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that serves. */
export class Contender {
  readonly name: string;
  readonly #command: Command;
  readonly #patience: number;
  #process: ChildProcess | undefined;
  #lines: Interface | undefined;
  #errors = "";

  /** @param patience seconds that one answer may take; after that the process is stopped. */
  constructor(name: string, command: Command, patience: number) {
    this.name = name;
    this.#command = command;
    this.#patience = patience;
  }

  async ask(order: Order): Promise<Answer> {
    this.#start();
    const { stdin } = this.#process as ChildProcess;
    const reply = this.#nextLine();
    stdin?.write(`${JSON.stringify(order)}\n`);
    return await reply;
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  #start(): void {
    if (this.#process) return;
    const { command, args, cwd, env } = this.#command;
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#process = child;
    this.#errors = "";
    child.stderr.on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    // If the process dies during a write, the missing answer tells.
    child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: child.stdout });
  }

  #nextLine(): Promise<Answer> {
    const child = this.#process as ChildProcess;
    const lines = this.#lines as Interface;
    return new Promise((resolve) => {
      const finish = (answer: Answer): void => {
        clearTimeout(timer);
        lines.off("line", onLine);
        child.off("close", onEnd);
        child.off("error", onEnd);
        resolve(answer);
      };
      const onLine = (line: string): void => {
        if (line.startsWith(MARK)) finish(answerIn(line.slice(MARK.length)));
      };
      const onEnd = (): void => {
        this.#process = undefined;
        const lines = this.#errors.trim().split("\n");
        const error = lines.filter((line) => line.includes("Error")).at(-1);
        finish({ cannot: error ?? (lines.at(-1) || "the process ended") });
      };
      const timer = setTimeout(() => {
        void this.stop();
        finish({ cannot: `> ${this.#patience} s` });
      }, 1000 * this.#patience);
      lines.on("line", onLine);
      child.on("close", onEnd);
      child.on("error", onEnd);
    });
  }
}

/** A process that was killed while it wrote leaves half a line. */
function answerIn(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return { cannot: `its answer is not JSON: ${text.slice(0, 60)}` };
  }
}

/** An entry in a comparison. */
export interface Entry {
  readonly contender: Contender;
  readonly work: Work;
  /** For Skipstone: the tier or algorithm. */
  readonly variant?: string;
}

/** The result of one entry. */
export interface Score {
  /** Median time of one run, ms. */
  readonly median?: number;
  /** Median over the rounds of its time divided by that of the first entry, in the same round. */
  readonly ratio?: number;
  /** Half the distance between the quartiles of this ratio, relative to the median. */
  readonly spread?: number;
  readonly cannot?: string;
}

export interface Rounds {
  readonly rounds: number;
  /** Seconds for each entry in each round, more for long works. */
  readonly seconds: number;
  /** What takes longer, in ms at first, gets one round. Default: 2000. */
  readonly slow?: number;
}

/** A turn must contain several runs: the first one after another process has cold caches. */
const RUNS_IN_A_TURN = 8;
const LONGEST_TURN = 2;

/** Prepares all entries, then measures them in turns. The others are compared with the first one. */
export async function compare(
  entries: readonly Entry[],
  { rounds, seconds, slow: limit = 2000 }: Rounds,
): Promise<Score[]> {
  const reasons: (string | undefined)[] = [];
  const slow: boolean[] = [];
  const turns: number[] = [];
  for (const [i, { contender, work, variant }] of entries.entries()) {
    const prepare = { name: `${i}`, work, ...(variant === undefined ? {} : { variant }) };
    const { cannot, first = 0 } = await contender.ask({ prepare });
    reasons.push(cannot);
    slow.push(first > limit);
    turns.push(Math.max(seconds, Math.min(LONGEST_TURN, (RUNS_IN_A_TURN * first) / 1000)));
    // Code is compiled better after some calls.
    if (cannot === undefined && !slow[i]) await contender.ask({ time: { name: `${i}`, seconds: turns[i] } });
  }
  const medians: number[][] = entries.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const able = [...entries.keys()].filter((i) => reasons[i] === undefined && !(slow[i] && round > 0));
    for (const i of round % 2 === 0 ? able : able.reverse()) {
      const { cannot, times = [] } = await entries[i].contender.ask({ time: { name: `${i}`, seconds: turns[i] } });
      if (cannot !== undefined) reasons[i] = cannot;
      else medians[i][round] = median(times);
    }
  }
  for (const contender of new Set(entries.map(({ contender }) => contender))) await contender.ask({ clear: true });
  return entries.map((_, i): Score => {
    const cannot = reasons[i];
    if (cannot !== undefined) return { cannot };
    const ratios = medians[i].flatMap((time, round) => (medians[0][round] > 0 ? [time / medians[0][round]] : []));
    const middle = median(ratios);
    const [low, high] = [0.25, 0.75].map((q) => quantile(ratios, q));
    return {
      median: median(medians[i]),
      ...(ratios.length > 0 ? { ratio: middle, spread: (high - low) / 2 / middle } : {}),
    };
  });
}
