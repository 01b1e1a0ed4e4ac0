/**
 * A contender's side of a comparison: a process that does pieces of work when told to, and answers how long they took.
 *
 * Orders come as lines of JSON on the standard input, answers go out the same way, marked, since libraries print too.
 * A process that waits for an order takes no time from the others. peers/pytorch.py speaks the same protocol; the other
 * side is contender.ts. No imports but works.ts and Node: peers compile this file too.
 */
import { createInterface } from "node:readline";
import type { Work } from "./works.ts";

export interface Order {
  /** Get ready for this work, then do it once. Forgets what was prepared before under the same name. */
  readonly prepare?: { readonly name: string; readonly work: Work; readonly variant?: string };
  /** Do the work called `name` for so many seconds, at least once. */
  readonly time?: { readonly name: string; readonly seconds: number };
  /** Forget all that was prepared. */
  readonly clear?: true;
  /** Tell the peak memory of this process. */
  readonly memory?: true;
  /** Tell what is at work here. */
  readonly version?: true;
}

export interface Answer {
  /** Time of each run, ms. */
  readonly times?: readonly number[];
  /** Time of the first run, ms. */
  readonly first?: number;
  /** Why the work cannot be done here. */
  readonly cannot?: string;
  /** Bytes. */
  readonly memory?: number;
  readonly version?: string;
}

export interface Prepared {
  /** Does the work once; resolved (or returned) when the result is there. */
  readonly run: () => void | Promise<void>;
  /** Multiplications and additions, where the work has no definition to count them by. */
  readonly flops?: number;
}

export const MARK = "@bench ";

export interface Server {
  readonly version: () => string;
  /** Throws an error that says why, where the work cannot be done. */
  readonly prepare: (work: Work, variant: string | undefined) => Prepared | Promise<Prepared>;
  readonly clear?: () => void;
}

/** Serves until the input ends. */
export async function serve({ version, prepare, clear }: Server): Promise<void> {
  const prepared = new Map<string, Prepared>();
  const timed = async (name: string): Promise<number> => {
    const subject = prepared.get(name);
    if (!subject) throw new Error(`nothing prepared is called ${name}`);
    const start = performance.now();
    const pending = subject.run();
    if (pending) await pending;
    return performance.now() - start;
  };
  const answer = async (order: Order): Promise<Answer> => {
    if (order.version) return { version: version() };
    if (order.memory) return { memory: process.resourceUsage().maxRSS * 1024 };
    if (order.clear) {
      prepared.clear();
      clear?.();
      return {};
    }
    if (order.prepare) {
      const { name, work, variant } = order.prepare;
      prepared.set(name, await prepare(work, variant));
      return { first: await timed(name) };
    }
    const { name, seconds } = order.time ?? { name: "", seconds: 0 };
    const times: number[] = [];
    for (const end = performance.now() + 1000 * seconds; times.length === 0 || performance.now() < end; ) {
      times.push(await timed(name));
    }
    return { times };
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line) as Order).catch(
      (error: unknown): Answer => ({ cannot: String(error instanceof Error ? error.message : error).split("\n")[0] }),
    );
    process.stdout.write(`${MARK}${JSON.stringify(reply)}\n`);
  }
}
