/**
 * Where the bytes of a file come from, and how the readers ask for them.
 *
 * A reader is a generator that yields the range it needs next and gets its bytes: `Reading`. One and the same reader then
 * runs on bytes in memory at once (`readNow`) and on a file that is fetched piece by piece (`readFrom`).
 * Next: weight-file.ts, what the readers make.
 */
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { FormatError } from "./errors.ts";

/**
 * A file that can be read in pieces: a file handle of Node's, ranges of HTTP, a database. `skipstone/node` has `openFile`.
 *
 * @example
 * const httpRanges = async (url: string) => ({
 *   name: url,
 *   size: Number((await fetch(url, { method: "HEAD" })).headers.get("content-length")),
 *   read: async (offset: number, length: number) => {
 *     const response = await fetch(url, { headers: { range: `bytes=${offset}-${offset + length - 1}` } });
 *     return new Uint8Array(await response.arrayBuffer());
 *   },
 * });
 */
export interface ByteSource {
  /** What error messages call the file. */
  readonly name?: string;
  /** Length of the file in bytes. */
  readonly size: number;
  /** Exactly the bytes from `offset` to `offset + length`, in an array that is the caller's to keep. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** As much of the web's `Blob` as is used; a `File` has a name too. */
export interface BlobLike {
  readonly name?: string;
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** As much of what `fetch` gives as is used. */
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Everything a file of weights can be read from. */
export type WeightSource = Uint8Array | ArrayBuffer | BlobLike | ResponseLike | ByteSource;

/** A file as the readers know it. */
export interface FileInfo {
  readonly name: string;
  readonly size: number;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A computation that asks for ranges of a file's bytes on its way. The bytes it gets are its own. */
export type Reading<T> = Generator<ByteRange, T, Uint8Array>;

/** The bytes from `offset` to `offset + length`, or an error that says that the file ends inside `what`. */
export function* readRange(file: FileInfo, offset: number, length: number, what: string): Reading<Uint8Array> {
  if (offset + length > file.size) {
    throw new FormatError(
      `${file.name}: truncated: ${what} ends at offset ${offset + length}, the file has ${file.size} bytes`,
    );
  }
  return length === 0 ? new Uint8Array(0) : yield { offset, length };
}

/** Runs a reading on bytes in memory. */
export function readNow<T>(bytes: Uint8Array, reading: Reading<T>): T {
  let step = reading.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = reading.next(bytes.slice(offset, offset + length));
  }
  return step.value;
}

/** Runs a reading on a file that is read in pieces. */
export async function readFrom<T>(source: ByteSource, { name }: FileInfo, reading: Reading<T>): Promise<T> {
  let step = reading.next();
  while (!step.done) {
    const { offset, length } = step.value;
    const given: unknown = await source.read(offset, length);
    const bytes = isBytes(given) ? plainBytes(given) : undefined;
    if (bytes?.length !== length) {
      throw new FormatError(
        `${name}: asked for ${length} bytes from offset ${offset}, the source gave ${bytes?.length ?? describe(given)}`,
      );
    }
    step = reading.next(bytes);
  }
  return step.value;
}

/** The same bytes as a plain `Uint8Array`: Node's Buffer is a subclass whose `slice` does not copy. */
export function plainBytes(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/** Throws unless `value` is bytes in memory. */
export function checkBytes(op: string, value: unknown): asserts value is Uint8Array | ArrayBuffer {
  if (isBytes(value)) return;
  throw new UsageError(`${op}: needs bytes, a Uint8Array or an ArrayBuffer, got ${describe(value)}${adviceOn(value)}`);
}

/** Throws unless `value` is one of the sources. */
export function checkSource(op: string, value: unknown): asserts value is WeightSource {
  if (isBytes(value)) return;
  const { read, size, slice, arrayBuffer, ok } = (value ?? {}) as Partial<ByteSource & BlobLike & ResponseLike>;
  const isFunction = (f: unknown): boolean => typeof f === "function";
  if (typeof value === "object" && (isFunction(read) || (isFunction(slice) && size !== undefined))) {
    if (Number.isInteger(size) && size! >= 0) return;
    throw new UsageError(`${op}: the source must know its size in bytes, a whole number, got ${describe(size)}`);
  }
  if (typeof value === "object" && isFunction(arrayBuffer) && typeof ok === "boolean") return;
  throw new UsageError(
    `${op}: needs bytes, a Blob, what fetch gave, or a ByteSource, got ${describe(value)}${adviceOn(value)}`,
  );
}

function isBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return value instanceof Uint8Array || (typeof value === "object" && value !== null && isArrayBuffer(value));
}

function adviceOn(value: unknown): string {
  if (typeof value === "string") return ": paths are for loadWeightsFile of skipstone/node, addresses for fetch";
  return value instanceof Promise ? ": await it first" : "";
}

/** Any of the sources as one that is read in pieces. */
export async function openSource(source: WeightSource): Promise<ByteSource> {
  if (ArrayBuffer.isView(source) || isArrayBuffer(source)) {
    const bytes = plainBytes(source);
    return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
  }
  if ("read" in source) return source;
  if ("slice" in source) {
    const read = async (offset: number, length: number): Promise<Uint8Array> =>
      new Uint8Array(await source.slice(offset, offset + length).arrayBuffer());
    return { size: source.size, read, ...(source.name === undefined ? {} : { name: source.name }) };
  }
  if (!source.ok) throw new FormatError(`${source.url}: the server answered with status ${source.status}`);
  return { ...(await openSource(await source.arrayBuffer())), name: source.url };
}

/** Also for buffers of another realm (a frame, a worker of a test), which are no `instanceof ArrayBuffer`. */
function isArrayBuffer(value: object): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}
