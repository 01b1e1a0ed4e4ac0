/**
 * What `batchesFrom` and `serveBatches` send each other, and batches as messages: the arrays in them change hands, they are
 * not copied.
 */
import { UsageError } from "../tensor/errors.ts";
import type { RngState } from "../tensor/rng.ts";
import { isTensor, owned, type Tensor } from "../tensor/tensor.ts";

/** One pass over the data, as the training asks for it. `id` tells passes that run at the same time apart. */
export interface Begin {
  readonly kind: "begin";
  readonly id: number;
  readonly epoch: number;
  readonly rng: RngState;
  /** How many batches may be made before they are asked for. */
  readonly ahead: number;
}

/** To the worker. `more`: a batch was taken, another may be made. `end`: no more are needed. */
export type Request = Begin | { readonly kind: "more" | "end"; readonly id: number };

/**
 * From the worker: `ready`, it listens from now on (a page's worker loses what was said before); the others are of a pass. `rng` is
 * the generator as it was after this batch, or at the end of the data.
 */
export type FromWorker = { readonly kind: "ready" } | Answer;

export type Answer =
  | { readonly kind: "batch"; readonly id: number; readonly batch: unknown; readonly rng: RngState }
  | { readonly kind: "end"; readonly id: number; readonly rng: RngState }
  | { readonly kind: "failed"; readonly id: number; readonly reason: string };

/** A place for messages: a worker, a port, the worker's own global. */
export interface MessagePlace {
  readonly postMessage: (...args: never[]) => unknown;
  /** In a page, Deno and Bun. */
  readonly addEventListener?: (...args: never[]) => unknown;
  /** In Node. */
  readonly on?: (...args: never[]) => unknown;
}

/** Ours carry this name: a worker may have other things to talk about. */
const NAME = "skipstone batches";

/** Checks what a caller gives as a place for messages. */
export function checkPlace(op: string, name: string, place: unknown, advice: string): asserts place is MessagePlace {
  const { postMessage, addEventListener, on } = (place ?? {}) as Partial<MessagePlace>;
  const listens = typeof addEventListener === "function" || typeof on === "function";
  if (typeof postMessage === "function" && listens && !("document" in (place as object))) return;
  throw new UsageError(`${op}: ${name} must be ${advice}`);
}

export function send(place: MessagePlace, message: Request | FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  (place as { postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void }).postMessage(
    { [NAME]: message },
    transfer,
  );
}

/** Calls `heard` for our messages that arrive. */
export function listen<M extends Request | FromWorker>(place: MessagePlace, heard: (message: M) => void): void {
  onEvent(place, "message", (event) => {
    // Node hands over the message itself.
    const data: unknown = place.on ? event : (event as { data: unknown }).data;
    const message = typeof data === "object" && data !== null ? (data as { [NAME]?: M })[NAME] : undefined;
    if (message) heard(message);
  });
}

export function onEvent(place: MessagePlace, event: string, listener: (event: unknown) => void): void {
  type Listen = (event: string, listener: (event: unknown) => void) => void;
  const { on, addEventListener } = place as unknown as { on?: Listen; addEventListener?: Listen };
  (on ?? addEventListener!).call(place, event, listener);
}

/** Stands for a tensor in a message. */
const TENSOR = "skipstone tensor";

/** A batch for a message, and the buffers in it that change hands. */
export function packed(batch: unknown): { batch: unknown; transfer: ArrayBuffer[] } {
  const transfer = new Set<ArrayBuffer>();
  const pack = (value: unknown): unknown => {
    if (isTensor(value)) return { [TENSOR]: value.shape, data: pack(value.data) };
    if (isTypedArray(value)) return giveAway(value, transfer);
    if (Array.isArray(value)) return value.map(pack);
    return mapMembers(value, pack);
  };
  return { batch: pack(batch), transfer: [...transfer] };
}

/** The batch in a message. */
export function unpacked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpacked);
  if (!isPlain(value) || !(TENSOR in value)) return mapMembers(value, unpacked);
  const { [TENSOR]: shape, data } = value as { [TENSOR]: Tensor["shape"]; data: Float32Array };
  return owned(data, shape);
}

/** Any typed array; their classes differ in what does not matter here. */
type AnyArray = Float32Array;

function isTypedArray(value: unknown): value is AnyArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/**
 * An array whose buffer can be given away: one that is a part of a larger buffer, or shared, is copied first.
 *
 * @throws UsageError for one that was given away before.
 */
function giveAway(array: AnyArray, transfer: Set<ArrayBuffer>): AnyArray {
  const { buffer, byteLength } = array;
  if (isDetached(buffer)) {
    throw new UsageError(
      `serveBatches: the numbers of a ${array[Symbol.toStringTag]} were transferred away, with an earlier batch: a source that gives an array again gives a copy`,
    );
  }
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  // By name: the slice of Node's Buffer is no copy.
  const Kind = (globalThis as unknown as Record<string, new (from: AnyArray) => AnyArray>)[array[Symbol.toStringTag]];
  const given = whole ? array : new Kind(array);
  transfer.add(given.buffer as ArrayBuffer);
  return given;
}

/** `ArrayBuffer.detached`, which Node has from version 21 on. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function mapMembers(value: unknown, change: (member: unknown) => unknown): unknown {
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, change(member)]));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
