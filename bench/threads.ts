/**
 * `npm run bench -- --threads`: what more threads are worth. The same work on several threads and on one, in one process and
 * in turns (contender.ts), and the ratio of their times.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Contender, type Rounds } from "./contender.ts";
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
