/**
 * A contender's side of a comparison: a process that does work on command, and answers how long it took.
 *
 * Orders come as lines of JSON on the standard input; answers go out the same way, with a mark, because libraries print
 * too. A process that waits for an order takes no time from the others. peers/pytorch.py speaks the same protocol; the
 * other side is contender.ts. Imports only works.ts and Node, because peers compile this file too.
 */
import { createInterface } from "node:readline";
import type { Work } from "./works.ts";

export interface Order {
  /** Prepare this work, then do it once. Replaces earlier work of the same name. */
  readonly prepare?: { readonly name: string; readonly work: Work; readonly variant?: string };
  /** Do the work called `name` for so many seconds, at least once. */
  readonly time?: { readonly name: string; readonly seconds: number };
  /** Forget all prepared work. */
  readonly clear?: true;
  /** Tell the peak memory of this process. */
  readonly memory?: true;
  /** Tell the version of the library. */
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
  /** Does the work once; resolves (or returns) when the result is there. */
  readonly run: () => void | Promise<void>;
  /** Multiplications and additions, if the work has no definition to count them by. */
  readonly flops?: number;
}

export const MARK = "@bench ";

export interface Server {
  readonly version: () => string;
  /** Throws an error with the reason if the work cannot be done. */
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
