/**
 * How a program is asked to end: by Ctrl-C (SIGINT), `kill` (SIGTERM), closing the terminal (SIGHUP), or Ctrl-\
 * (SIGQUIT). The first signal asks for an end, and the results so far are still kept and shown; the second quits at
 * once. The exit code is 128 + the signal's number. Threads are terminated, or read the request in shared memory and
 * end by themselves.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Under npm, one Ctrl-C arrives twice within a few milliseconds (once from the terminal, once passed on by npm), and a
 * closing terminal may send several signals. Only a signal later than this counts as a second one.
 */
const SAME_WISH_MILLISECONDS = 500;

/** Whether an end was asked for. */
export interface Stopper {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** 128 + the number of the first signal; 0 if there was none. */
  readonly exitCode: number;
  /** From now on signals end the process as usual. */
  release(): void;
}

/** Handles signals as described above until it is released. */
export function createStopper(): Stopper {
  const abort = new AbortController();
  let first = 0;
  let exitCode = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    const code = 128 + constants.signals[name];
    const now = performance.now();
    if (exitCode === 0) {
      first = now;
      exitCode = code;
      abort.abort();
    } else if (now - first > SAME_WISH_MILLISECONDS) {
      process.exit(code);
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: abort.signal,
    get exitCode() {
      return exitCode;
    },
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

/** A flag that threads share. */
export type StopFlag = Int32Array;

export function createStopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

export function requestStop(flag: StopFlag): void {
  Atomics.store(flag, 0, 1);
}

export function stopRequested(flag: StopFlag): boolean {
  return Atomics.load(flag, 0) !== 0;
}
