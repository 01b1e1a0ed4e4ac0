/** The readers' input files, and the error they throw. Next: idx.ts, cifar.ts, the two formats. */
import { describe } from "../tensor/check.ts";
import { SkipstoneError, UsageError } from "../tensor/errors.ts";

/** A file's bytes, with its name for error messages. Bare bytes are called "data". */
export type DataFile = Uint8Array | { readonly name: string; readonly bytes: Uint8Array };

/**
 * A data file that is truncated, corrupt, in another format, or at odds with its companion. Names file and place.
 *
 * @example
 * readCifar10([{ name: "test_batch.bin", bytes: new Uint8Array(100) }]); // throws DataError: test_batch.bin
 */
export class DataError extends SkipstoneError {
  override readonly name = "DataError";
}

/**
 * A worker that makes batches failed: its own error's name and message are in this one's.
 *
 * @example
 * const { port1, port2 } = new MessageChannel();
 * serveBatches(() => { throw new Error("the disk is full"); }, port1);
 * try {
 *   for await (const _ of batchesFrom(port2)) break;
 * } catch (error) {
 *   error instanceof WorkerError; // true
 * }
 * port1.close();
 */
export class WorkerError extends SkipstoneError {
  override readonly name = "WorkerError";
}

/** The two parts of a `DataFile`, given to the function `op` as its argument `what`. */
export function openDataFile(op: string, what: string, file: DataFile): { name: string; bytes: Uint8Array } {
  if (file instanceof Uint8Array) return { name: "data", bytes: file };
  const { name, bytes } = (file ?? {}) as Partial<Exclude<DataFile, Uint8Array>>;
  if (typeof name === "string" && bytes instanceof Uint8Array) return { name, bytes };
  throw new UsageError(
    `${op}: ${what} must be a file's bytes, a Uint8Array, or { name, bytes }, got ${describe(file)}${advice(file)}`,
  );
}

function advice(file: unknown): string {
  if (typeof file === "string") return ": read it first";
  return file instanceof ArrayBuffer ? ": new Uint8Array(…) makes it one" : "";
}
