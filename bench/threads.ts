/**
 * `npm run bench -- --threads`: what more threads are worth. The same work on several threads and on one, in one process and
 * in turns (contender.ts), and the ratio of their times.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Contender, type Rounds } from "./contender.ts";
import type { Answer, Order } from "./serve.ts";
import { skipstone } from "./targets.ts";
import { measureDuel, type TargetRow } from "./verdict.ts";
import { bottleneckInference, cifarStep, cube, digitsStep, imageNetStep, nameOf, type Work } from "./works.ts";

interface ThreadsTarget {
  readonly name: string;
  readonly work: Work;
  /** Of two threads: at most so many times one thread's time. */
  readonly limit: number;
  /** Whether another process keeps one core busy meanwhile. */
  readonly busy?: true;
}

const targets: readonly ThreadsTarget[] = [
  { name: nameOf(cifarStep(32)), work: cifarStep(32), limit: 0.56 },
  { name: nameOf(digitsStep), work: digitsStep, limit: 0.65 },
  { name: nameOf(imageNetStep), work: imageNetStep, limit: 0.55 },
  { name: nameOf(bottleneckInference), work: bottleneckInference, limit: 0.55 },
  { name: nameOf(cube(512)), work: cube(512), limit: 0.53 },
  {
    name: `${nameOf(cifarStep(32))}, while another process keeps one core busy`,
    work: cifarStep(32),
    limit: 1.05,
    busy: true,
  },
];

/** What the machine gives: several processes, each of which does what one thread does. */
const atOnce = (threads: number): string =>
  `${nameOf(cifarStep(32))}, ${threads} processes at once: threads reach at best 1/${threads} of this`;

/** Some of the works take seconds; a single round would say little. */
const SLOW = 20_000;

/** Measures the rows chosen by name on so many threads; calls `report` as each is done. */
export async function measureThreads(
  threads: number,
  chosen: (name: string) => boolean,
  rounds: Rounds,
  report: (row: TargetRow) => void,
): Promise<void> {
  const contender = new Contender("skipstone", skipstone, 120);
  try {
    for (const { name, work, limit, busy } of targets.filter(({ name }) => chosen(name))) {
      const other = busy ? keepBusy() : undefined;
      try {
        const duel = {
          name,
          entry: { contender, work, variant: `threads=${threads}` },
          reference: { contender, work, variant: "simd" },
          against: "one",
          limit: threads === 2 ? limit : undefined,
        };
        report(await measureDuel(duel, { ...rounds, slow: SLOW }));
      } finally {
        await other?.end();
      }
    }
  } finally {
    await contender.stop();
  }
  if (chosen(atOnce(threads))) report(await measureMachine(threads, rounds));
}

/** Cores share caches, memory and, in virtual machines, what their neighbours leave: one of several is slower than one alone. */
async function measureMachine(threads: number, rounds: Rounds): Promise<TargetRow> {
  const alone = new Contender("skipstone", skipstone, 120);
  const crowd = new Crowd(threads);
  const work = cifarStep(32);
  try {
    return await measureDuel(
      {
        name: atOnce(threads),
        entry: { contender: crowd, work, variant: "simd" },
        reference: { contender: alone, work, variant: "simd" },
        against: "one",
        limit: undefined,
      },
      rounds,
    );
  } finally {
    await Promise.all([alone.stop(), crowd.stop()]);
  }
}

/** Processes that do everything at the same time; the answer is the first one's. */
class Crowd extends Contender {
  readonly #others: readonly Contender[];

  constructor(count: number) {
    super("skipstone", skipstone, 120);
    this.#others = Array.from({ length: count - 1 }, () => new Contender("skipstone", skipstone, 120));
  }

  override async ask(order: Order): Promise<Answer> {
    const [answer] = await Promise.all([super.ask(order), ...this.#others.map((other) => other.ask(order))]);
    return answer;
  }

  override async stop(): Promise<void> {
    await Promise.all([super.stop(), ...this.#others.map((other) => other.stop())]);
  }
}

/** Keeps one core busy in another process until `end`, or until this process has ended. */
function keepBusy(): { end(): Promise<void> } {
  const spin = "const until = Date.now() + 20; while (Date.now() < until); setImmediate(spin)";
  const program = `process.stdin.on("end", () => process.exit()).resume(); (function spin() { ${spin}; })()`;
  const child: ChildProcess = spawn(process.execPath, ["-e", program], { stdio: ["pipe", "ignore", "ignore"] });
  const ended = once(child, "exit");
  return {
    end: async () => {
      child.kill();
      await ended;
    },
  };
}
