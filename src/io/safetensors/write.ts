/** Writes safetensors (format.ts describes them). */
import { checkObject, checkText } from "../../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { dtypes } from "../dtypes.ts";
import { encodeUtf8 } from "../utf8.ts";
import {
  joinChunks,
  type OutgoingTensor,
  outgoingTensors,
  type StateToWrite,
  WRITE_OPTIONS,
  type WriteOptions,
} from "../writing.ts";
import { dtypeNames, maxHeaderLength, metadataKey } from "./format.ts";

/** Options of `writeSafetensors`. */
export interface SafetensorsOptions extends WriteOptions {
  /** Strings by name, stored in the file. */
  metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
}

const OPTIONS: OptionNames<SafetensorsOptions> = { ...WRITE_OPTIONS, metadata: true };

/**
 * A safetensors file.
 *
 * @example
 * const bytes = writeSafetensors(model.stateDict(), { metadata: { arch: "resnet8" } });
 * const half = writeSafetensors(model.stateDict(), { dtype: "float16" });
 * readSafetensors(bytes).metadata.get("arch"); // "resnet8"
 *
 * @throws ValueError for a number that the type cannot hold, and for an invalid name or string in the metadata.
 */
export function writeSafetensors(state: StateToWrite, options: SafetensorsOptions = {}): Uint8Array {
  return joinChunks(safetensorsChunksFor("writeSafetensors", state, options));
}

/**
 * The same file in pieces, for a stream: the header, then each tensor converted when its turn comes. A piece may be a
 * view of a tensor's own memory: use it before the tensor changes.
 *
 * @example
 * const file = new Blob(Array.from(safetensorsChunks({ w: tensor([1, 2]) })) as Uint8Array<ArrayBuffer>[]);
 * const opened = await openSafetensors(file);
 * await opened.tensor("w"); // [1, 2]
 */
export function safetensorsChunks(state: StateToWrite, options: SafetensorsOptions = {}): Generator<Uint8Array> {
  return safetensorsChunksFor("safetensorsChunks", state, options);
}

/** The pieces, for the function `op`. Errors in the state are found before the first piece. */
export function safetensorsChunksFor(
  op: string,
  state: StateToWrite,
  options: SafetensorsOptions,
): Generator<Uint8Array> {
  checkOptions(op, options, OPTIONS);
  const { metadata } = options;
  if (metadata !== undefined) checkMetadata(op, metadata);
  return encodeChunks(outgoingTensors(op, state, options), metadata);
}

function* encodeChunks(
  tensors: readonly OutgoingTensor[],
  metadata: SafetensorsOptions["metadata"],
): Generator<Uint8Array> {
  // Wide numbers first, so that every tensor is aligned to its own width. The header keeps the state's order.
  const inFile = [...tensors].sort((a, b) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes);
  yield encodeHeader(tensors, inFile, metadata);
  for (const tensor of inFile) yield tensor.encode();
}

function encodeHeader(
  tensors: readonly OutgoingTensor[],
  inFile: readonly OutgoingTensor[],
  metadata: SafetensorsOptions["metadata"],
): Uint8Array {
  const begins = new Map<OutgoingTensor, number>();
  let end = 0;
  for (const tensor of inFile) {
    begins.set(tensor, end);
    end += tensor.byteLength;
  }
  const members = tensors.map((tensor) => {
    const { name, dtype, shape, byteLength } = tensor;
    if (name === metadataKey) throw new ValueError(`safetensors: a tensor cannot be called ${metadataKey}`);
    const begin = begins.get(tensor)!;
    const entry = { dtype: dtypeNames[dtype], shape, data_offsets: [begin, begin + byteLength] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (metadata) members.unshift(`${JSON.stringify(metadataKey)}:${encodeMetadata(metadata)}`);
  const json = encodeUtf8(`{${members.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeaderLength) {
    throw new ValueError(`safetensors: the header would have ${length} bytes, the maximum is ${maxHeaderLength}`);
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

function encodeMetadata(metadata: NonNullable<SafetensorsOptions["metadata"]>): string {
  const members = entriesOf(metadata).map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
  return `{${members.join(",")}}`;
}

function checkMetadata(op: string, metadata: unknown): void {
  if (!(metadata instanceof Map)) checkObject(op, "metadata", metadata);
  for (const [key, text] of entriesOf(metadata as NonNullable<SafetensorsOptions["metadata"]>)) {
    checkText(op, "a name in metadata", key);
    if (typeof text !== "string") {
      throw new UsageError(`${op}: the metadata ${JSON.stringify(key)} must be a string, got ${describe(text)}`);
    }
  }
}

function entriesOf(metadata: NonNullable<SafetensorsOptions["metadata"]>): [string, string][] {
  return metadata instanceof Map ? [...metadata] : Object.entries(metadata);
}
