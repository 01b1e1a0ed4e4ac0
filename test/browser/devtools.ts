/** What a page's console shows, asked over the protocol that Chromium's developer tools use. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { end } from "../../bench/runtimes/execute.ts";

/** A value as the console has it (CDP's `Runtime.RemoteObject`): a text, or an object and the first of its properties. */
export interface Shown {
  readonly type: string;
  readonly value?: unknown;
  readonly description?: string;
  readonly preview?: {
    readonly properties: readonly { readonly name: string; readonly type: string; readonly value?: string }[];
  };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly type: string; readonly args: readonly Shown[] };
  readonly result?: { readonly exceptionDetails?: unknown } & Readonly<Record<string, unknown>>;
}

/** A browser under the control of its developer tools. */
export interface Devtools {
  /** The process, and the id of the group of all its processes. */
  readonly pid: number;
  /** What each call of the console's methods was given. */
  readonly calls: readonly (readonly Shown[])[];
  /** Calls a method of the protocol; rejects if the page's script throws. */
  ask(method: string, params?: object, sessionId?: string): Promise<Readonly<Record<string, unknown>>>;
  end(): Promise<void>;
}

export function startWithDevtools(browser: string): Devtools {
  const profile = mkdtempSync(join(tmpdir(), "skipstone-console-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${profile}`];
  const child = spawn(browser, [...flags, "--remote-debugging-pipe", "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const [to, from] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const calls: (readonly Shown[])[] = [];
  const waiting = new Map<number, (message: Message) => void>();
  let text = "";
  from.setEncoding("utf8").on("data", (chunk: string) => {
    // Messages end with a zero.
    const messages = (text + chunk).split("\0");
    text = messages.pop()!;
    for (const message of messages.map((json) => JSON.parse(json) as Message)) {
      if (message.id !== undefined) waiting.get(message.id)?.(message);
      else if (message.method === "Runtime.consoleAPICalled") calls.push(message.params!.args);
    }
  });
  let last = 0;
  return {
    pid: child.pid!,
    calls,
    ask: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, ({ result }) => {
          if (!result || result.exceptionDetails) reject(new Error(`${method}: ${JSON.stringify(result)}`));
          else resolve(result);
        });
        child.once("exit", (code) => reject(new Error(`${browser} ended by itself with code ${code}`)));
        to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
      }),
    async end() {
      child.removeAllListeners("exit");
      end(child);
      await new Promise((resolve) => setTimeout(resolve, 200));
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Runs `script` in an empty page, and returns what each call of the console's methods was given. */
export async function consoleOf(browser: string, script: string): Promise<readonly (readonly Shown[])[]> {
  const { ask, calls, end } = startWithDevtools(browser);
  try {
    const { targetInfos } = await ask("Target.getTargets");
    const page = (targetInfos as { type: string; targetId: string }[]).find(({ type }) => type === "page")!;
    const { sessionId } = await ask("Target.attachToTarget", { targetId: page.targetId, flatten: true });
    await ask("Runtime.enable", {}, sessionId as string);
    await ask("Runtime.evaluate", { expression: script }, sessionId as string);
    return calls;
  } finally {
    await end();
  }
}
