/**
 * The display while tasks run: in a terminal a bar for the whole and one per thread; in a file or pipe a line per
 * finished task.
 */
import { createBars, drawsBars } from "../bars.ts";
import type { Standing } from "../experiment.ts";
import { duration, percent } from "../report/format.ts";

export interface Progress {
  start(worker: number, label: string, cost: number): void;
  advance(worker: number, fraction: number, standing?: Standing): void;
  /** What the next `advance` says was done by an earlier run. */
  resume(worker: number): void;
  done(worker: number, label: string, cost: number, seconds: number): void;
  /** Prints a line without disturbing the bars. */
  say(line: string): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

export interface Amount {
  readonly tasks: number;
  /** Sum of the tasks' costs. */
  readonly cost: number;
  readonly workers: number;
}

/** Bars for a terminal, lines for anything else. */
export function createProgress(amount: Amount, output: NodeJS.WriteStream): Progress {
  return drawsBars(output) ? bars(amount, output) : lines(amount, output);
}

/** How much is done, and how long the rest takes at the pace so far. */
export class Estimate {
  readonly #amount: Amount;
  readonly #now: () => number;
  readonly #started: number;
  readonly #running = new Map<number, { cost: number; fraction: number; resumes: boolean }>();
  #finished = 0;
  /** What earlier runs did of the tasks that this one goes on with, in cost. */
  #earlier = 0;

  /** @param now the time in seconds. */
  constructor(amount: Amount, now: () => number = () => performance.now() / 1000) {
    this.#amount = amount;
    this.#now = now;
    this.#started = now();
  }

  start(worker: number, cost: number): void {
    this.#running.set(worker, { cost, fraction: 0, resumes: false });
  }

  resume(worker: number): void {
    const running = this.#running.get(worker);
    if (running) running.resumes = true;
  }

  advance(worker: number, fraction: number): void {
    const running = this.#running.get(worker);
    if (!running) return;
    if (running.resumes) this.#earlier += running.cost * fraction;
    running.resumes = false;
    running.fraction = fraction;
  }

  done(worker: number, cost: number): void {
    this.#running.delete(worker);
    this.#finished += cost;
  }

  /** 0 … 1, in cost. */
  get fraction(): number {
    let done = this.#finished;
    for (const { cost, fraction } of this.#running.values()) done += cost * fraction;
    return this.#amount.cost === 0 ? 1 : Math.min(1, done / this.#amount.cost);
  }

  /** NaN until it can be estimated. */
  get secondsLeft(): number {
    const elapsed = this.#now() - this.#started;
    const { fraction } = this;
    const own = fraction - this.#earlier / this.#amount.cost;
    return own < 0.005 || elapsed < 1 ? Number.NaN : (elapsed * (1 - fraction)) / own;
  }

  /** `2 min 10 s left`, or nothing yet. */
  toString(): string {
    const { secondsLeft } = this;
    return Number.isNaN(secondsLeft) ? "" : `${duration(secondsLeft)} left`;
  }
}

/** `loss  0.123  accuracy 97.1 %` */
function inWords(standing: Standing | undefined): string {
  if (!standing) return "";
  return `loss ${standing.loss.toFixed(3).padStart(6)}  accuracy ${percent(standing.accuracy).padStart(6)}`;
}

/** Steps of a bar. */
const RESOLUTION = 1000;

function bars(amount: Amount, output: NodeJS.WriteStream): Progress {
  const estimate = new Estimate(amount);
  let finished = 0;
  const columns = output.columns || 100;
  const width = Math.max(20, Math.min(44, columns - 58));
  const fit = (label: string): string => label.slice(0, width).padEnd(width);
  const barsize = Math.max(10, Math.min(30, columns - width - 50));
  const { multi, end } = createBars(output, "{label} {bar} {percentage} %  {note}", barsize);
  const whole = multi.create(RESOLUTION, 0, { label: fit("all"), note: "" });
  const threads = Array.from({ length: amount.workers }, () =>
    multi.create(RESOLUTION, 0, { label: fit(""), note: "" }),
  );
  const update = (): void => {
    whole.update(estimate.fraction * RESOLUTION, { note: `${finished} of ${amount.tasks} tasks  ${estimate}` });
  };
  return {
    start: (worker, label, cost) => {
      estimate.start(worker, cost);
      threads[worker].update(0, { label: fit(label), note: "" });
      update();
    },
    advance: (worker, fraction, standing) => {
      estimate.advance(worker, fraction);
      threads[worker].update(fraction * RESOLUTION, { note: inWords(standing) });
      update();
    },
    resume: (worker) => estimate.resume(worker),
    done: (worker, _label, cost) => {
      finished++;
      estimate.done(worker, cost);
      threads[worker].update(RESOLUTION);
      update();
    },
    say: (line) => multi.log(`${line}\n`),
    end,
  };
}

/** Time between two lines about running trainings: some seconds at first, later a tenth of the time so far. */
const LINE_SECONDS = 4;

function lines(amount: Amount, output: { write(text: string): unknown }): Progress {
  const estimate = new Estimate(amount);
  const started = performance.now() / 1000;
  const running = new Map<number, { label: string; printed: number }>();
  let finished = 0;
  return {
    start: (worker, label, cost) => {
      estimate.start(worker, cost);
      running.set(worker, { label, printed: performance.now() / 1000 });
    },
    advance: (worker, fraction, standing) => {
      estimate.advance(worker, fraction);
      const row = running.get(worker);
      const now = performance.now() / 1000;
      if (!row || !standing || now - row.printed < Math.max(LINE_SECONDS, (now - started) / 10)) return;
      row.printed = now;
      const share = `${Math.floor(100 * fraction)} %`.padStart(9);
      output.write(`${share}  ${row.label.padEnd(26)} ${inWords(standing)}  ${estimate}\n`);
    },
    resume: (worker) => estimate.resume(worker),
    done: (worker, label, cost, seconds) => {
      finished++;
      estimate.done(worker, cost);
      const count = `${finished}/${amount.tasks}`.padStart(9);
      output.write(`${count}  ${label.padEnd(40)} ${duration(seconds).padStart(11)}  ${estimate}\n`);
    },
    say: (line) => output.write(`${line}\n`),
    end: () => {},
  };
}
