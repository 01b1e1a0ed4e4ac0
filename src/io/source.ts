/**
 * Sources of a file's bytes, and how the readers ask for them.
 *
 * A reader is a generator that yields the range it needs next and receives its bytes: `Reading`. So the same reader
 * runs at once on bytes in memory (`readNow`), or on a file fetched piece by piece (`readFrom`). Next: weight-file.ts,
 * the readers' result.
 */
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { FormatError } from "./errors.ts";

/**
 * A file that can be read in pieces: a Node file handle, HTTP ranges, a database. `skipstone/node` has `openFile`.
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
  /** The file's name in error messages. */
  readonly name?: string;
  /** Length of the file in bytes. */
  readonly size: number;
  /** Exactly the bytes from `offset` to `offset + length`, in an array that the caller may keep. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** The part of the web's `Blob` that is used; a `File` also has a name. */
export interface BlobLike {
  readonly name?: string;
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** The part of a `fetch` response that is used. */
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Everything that weights can be read from. */
export type WeightSource = Uint8Array | ArrayBuffer | BlobLike | ResponseLike | ByteSource;

/** A file as the readers see it. */
export interface FileInfo {
  readonly name: string;
  readonly size: number;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A computation that asks for ranges of a file's bytes along the way. It owns the bytes it gets. */
export type Reading<T> = Generator<ByteRange, T, Uint8Array>;

/** The bytes from `offset` to `offset + length`, or an error that the file ends inside `what`. */
export function* readRange(file: FileInfo, offset: number, length: number, what: string): Reading<Uint8Array> {
  if (offset + length > file.size) {
    throw new FormatError(
      `${file.name}: truncated: ${what} ends at offset ${offset + length}, but the file has ${file.size} bytes`,
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
        `${name}: asked for ${length} bytes from offset ${offset}, but the source gave ${bytes?.length ?? describe(given)}`,
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
    throw new UsageError(`${op}: the source's size in bytes must be a whole number, got ${describe(size)}`);
  }
  if (typeof value === "object" && isFunction(arrayBuffer) && typeof ok === "boolean") return;
  throw new UsageError(
    `${op}: needs bytes, a Blob, a fetch response, or a ByteSource, got ${describe(value)}${adviceOn(value)}`,
  );
}

function isBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return value instanceof Uint8Array || (typeof value === "object" && value !== null && isArrayBuffer(value));
}

function adviceOn(value: unknown): string {
  if (typeof value === "string")
    return ": what is at a path or an address must be read first (of weights, loadWeightsFile of skipstone/node reads a path)";
  return value instanceof Promise ? ": await it first" : "";
}

/** Any of the sources, as one that is read in pieces. */
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

/** Also accepts buffers from another realm (a frame, a test's worker), which are not `instanceof ArrayBuffer`. */
function isArrayBuffer(value: object): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}
