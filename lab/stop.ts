/**
 * Ctrl-C: the first asks for an end, and what there is by then is still shown; the second quits at once. In `npm start` the
 * request is a number in shared memory, which a worker reads between two steps; the laboratory ends its threads.
 */

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

/** Exit code of a process that an interrupt ended: 128 + SIGINT. */
export const INTERRUPTED = 130;

/**
 * One Ctrl-C under npm arrives twice (once from the terminal, once passed on by npm), within a few milliseconds. Only an
 * interrupt later than this is a second wish.
 */
const SAME_WISH_MILLISECONDS = 500;

/**
 * Handles Ctrl-C as described above until the returned function is called. `stop` runs at the first one, `leave` before
 * quitting at the second.
 */
export function stopOnInterrupt(stop: () => void, leave: () => void): () => void {
  let first: number | null = null;
  const onInterrupt = (): void => {
    const now = performance.now();
    if (first === null) {
      first = now;
      stop();
    } else if (now - first > SAME_WISH_MILLISECONDS) {
      leave();
      process.exit(INTERRUPTED);
    }
  };
  process.on("SIGINT", onInterrupt);
  return () => process.off("SIGINT", onInterrupt);
}
