/** Damaging files at random, and watching what a reader of the damaged file costs. For fuzz tests. */
import { expect } from "vitest";
import { FormatError } from "../../src/io/index.ts";
import type { Rng } from "../../src/tensor/index.ts";

/** One to three random changes: bytes flipped or set, the end cut off or added to, a part repeated, removed or inserted. */
export function mutate(bytes: Uint8Array, rng: Rng): Uint8Array {
  let mutated = bytes;
  for (let changes = 1 + rng.integer(3); changes > 0; changes--) mutated = change(mutated, rng);
  return mutated;
}

function change(bytes: Uint8Array, rng: Rng): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = rng.integer(bytes.length);
  const length = rng.integer(Math.min(16, bytes.length - at)) + 1;
  const noise = Uint8Array.from({ length }, () => rng.integer(256));
  const copy = Uint8Array.from(bytes);
  switch (rng.integer(7)) {
    case 0:
      copy[at] ^= 1 << rng.integer(8);
      return copy;
    case 1:
      copy[at] = interesting[rng.integer(interesting.length)];
      return copy;
    case 2:
      copy.set(noise.subarray(0, bytes.length - at), at);
      return copy;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return splice(bytes, at, length, new Uint8Array(0));
    case 5:
      return splice(bytes, at, 0, rng.integer(2) ? noise : bytes.subarray(at, at + length));
    default:
      // Enlarges what may be a length: the byte and those after it.
      copy.fill(255, at, at + 1 + rng.integer(8));
      return copy;
  }
}

const interesting = [0, 1, 0x28, 0x2e, 0x30, 0x51, 0x52, 0x5d, 0x74, 0x7b, 0x7d, 0x7f, 0x80, 0x93, 0x94, 0xff];

export function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const spliced = new Uint8Array(bytes.length - remove + insert.length);
  spliced.set(bytes.subarray(0, at));
  spliced.set(insert, at);
  spliced.set(bytes.subarray(at + remove), at + insert.length);
  return spliced;
}

/**
 * Runs a reader on a damaged file: a result, or undefined for a FormatError, in less than a second, with less than 4 times
 * the file of memory (and a MiB for what any run leaves behind), and the prototypes as they were.
 */
export function runReader<T>(bytes: Uint8Array, read: () => T): T | undefined {
  const first = measure(bytes, read);
  // The machine may have been busy with something else: only what is too much again is too much.
  const excess = first.excess && measure(bytes, read).excess;
  if (excess) throw new Error(excess);
  if (Object.keys(Object.prototype).length + Object.keys(Array.prototype).length > 0) {
    throw new Error("a prototype changed");
  }
  return first.result;
}

function measure<T>(bytes: Uint8Array, read: () => T): { result: T | undefined; excess: string | undefined } {
  const memory = (): number => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = memory();
  const start = performance.now();
  let result: T | undefined;
  try {
    result = read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw new Error(`not a FormatError: ${String(error)}`, { cause: error });
    if (error.message.length > 2000) throw new Error("a message of more than 2000 characters");
  }
  const milliseconds = performance.now() - start;
  // Garbage may be collected in between; what is too much is found in the many runs in which it is not.
  const grown = memory() - before;
  let excess: string | undefined;
  if (milliseconds > 1000) excess = `took ${milliseconds} ms`;
  if (grown > 4 * bytes.length + 2 ** 20) excess = `took ${grown} bytes of memory for ${bytes.length} of file`;
  return { result, excess };
}

/** Runs `attempt` with each number from 0; a failure says which one it was. */
export function repeat(times: number, attempt: (round: number) => void): void {
  for (let round = 0; round < times; round++) {
    try {
      attempt(round);
    } catch (error) {
      expect.fail(`round ${round}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
