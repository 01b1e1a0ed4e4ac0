/**
 * What one sees while the nets learn: a bar for each in a terminal, a line every few seconds where the output goes to a
 * file or a pipe.
 */
import type { SingleBar } from "cli-progress";
import { createBars, drawsBars } from "../bars.ts";
import { duration, percent } from "../report/format.ts";
import type { NetName, RunOptions, WorkerMessage } from "./experiment.ts";

export interface Progress {
  show(message: WorkerMessage): void;
  /** Prints a line without disturbing the bars. */
  say(line: string): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Bars for a terminal, lines for anything else. */
export function createProgress(options: RunOptions, output: NodeJS.WriteStream): Progress {
  return drawsBars(output) ? bars(options, output) : lines(options, output);
}

/** Where a net stands. */
interface Standing {
  phase: "starts" | "trains" | "tests" | "done";
  done: number;
  total: number;
  loss: number;
  accuracy: number;
  imagesPerSecond: number;
  secondsLeft: number;
}

/** Follows the messages of one net: loss and accuracy smoothed over about ten steps, speed over the phase. */
class Follower {
  readonly standing: Standing = {
    phase: "starts",
    done: 0,
    total: 1,
    loss: Number.NaN,
    accuracy: Number.NaN,
    imagesPerSecond: 0,
    secondsLeft: Number.NaN,
  };
  readonly #options: RunOptions;
  #lastStep = 0;
  #testStarted = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  follow(message: WorkerMessage): Standing {
    const { standing } = this;
    switch (message.kind) {
      case "built":
        standing.total = this.#options.steps;
        break;
      case "step": {
        const { step, loss, accuracy, seconds } = message.row;
        const weight = Math.max(0.1, 1 / step);
        const smooth = (before: number, now: number): number => (step === 1 ? now : before + weight * (now - before));
        this.#lastStep = performance.now() / 1000;
        standing.phase = "trains";
        standing.done = step;
        standing.loss = smooth(standing.loss, loss);
        standing.accuracy = smooth(standing.accuracy, accuracy);
        standing.imagesPerSecond = (step * this.#options.batchSize) / seconds;
        standing.secondsLeft = (seconds / step) * (standing.total - step);
        break;
      }
      case "test": {
        const now = performance.now() / 1000;
        // The first message comes after the first batch of images: the clock has run since the last step.
        if (standing.phase !== "tests") this.#testStarted = this.#lastStep;
        standing.phase = "tests";
        standing.done = message.done;
        standing.total = message.total;
        standing.accuracy = message.accuracy;
        const elapsed = now - this.#testStarted;
        if (elapsed > 0) standing.imagesPerSecond = message.done / elapsed;
        standing.secondsLeft = (elapsed / message.done) * (message.total - message.done);
        break;
      }
      case "done":
        standing.phase = "done";
        standing.secondsLeft = 0;
        break;
      case "failed":
        break;
    }
    return standing;
  }
}

/** The part of a bar or line after the count. */
function figures({ phase, loss, accuracy, imagesPerSecond, secondsLeft, done, total }: Standing): string {
  if (phase === "starts") return "measuring the gradients before the first step …";
  const training = phase === "trains" ? `loss ${loss.toFixed(3).padStart(6)}  ` : "";
  const left = done >= total ? "" : `  ${duration(secondsLeft).padStart(11)} left`;
  return `${training}accuracy ${percent(accuracy).padStart(6)}  ${imagesPerSecond.toFixed(0).padStart(4)} images/s${left}`;
}

const nouns = { starts: "steps", trains: "steps", tests: "test images", done: "test images" };

function bars(options: RunOptions, output: NodeJS.WriteStream): Progress {
  const barsize = Math.max(10, Math.min(24, (output.columns || 100) - 90));
  const { multi, end } = createBars(output, "{net} {bar} {value}/{total} {noun}  {figures}", barsize);
  const rows = new Map<NetName, { bar: SingleBar; follower: Follower }>();
  for (const net of options.nets) {
    const follower = new Follower(options);
    const payload = { net: net.padEnd(8), noun: "steps", figures: figures(follower.standing) };
    rows.set(net, { bar: multi.create(options.steps, 0, payload), follower });
  }
  return {
    show: (message) => {
      const { bar, follower } = rows.get(message.net)!;
      const standing = follower.follow(message);
      bar.setTotal(standing.total);
      bar.update(standing.done, { noun: nouns[standing.phase], figures: figures(standing) });
    },
    say: (line) => multi.log(`${line}\n`),
    end,
  };
}

/** Seconds between two lines about the same net. */
const LINE_SECONDS = 5;

function lines(options: RunOptions, output: Output): Progress {
  const rows = new Map(
    options.nets.map((net) => [net, { follower: new Follower(options), printed: Number.NEGATIVE_INFINITY, phase: "" }]),
  );
  return {
    show: (message) => {
      const row = rows.get(message.net)!;
      const { phase, done, total, ...rest } = row.follower.follow(message);
      const now = performance.now() / 1000;
      const due = done === total || phase !== row.phase || now - row.printed >= LINE_SECONDS;
      if (!due || phase === "starts" || phase === "done") return;
      row.printed = now;
      row.phase = phase;
      const net = message.net.padEnd(8);
      const count = `${done}/${total} ${nouns[phase]}`.padEnd(24);
      output.write(`${net}  ${count}${figures({ phase, done, total, ...rest })}\n`);
    },
    say: (line) => output.write(`${line}\n`),
    end: () => {},
  };
}
