/**
 * Protocol buffers, as much as is needed to write them: https://protobuf.dev/programming-guides/encoding.
 *
 * A message is a sequence of fields. A field is a tag, number·8 + wire type, and a value:
 *
 *   wire type 0   a whole number in groups of seven bits, the lowest first, the top bit set in all groups but the last
 *   wire type 2   a length as such a number, and as many bytes: text, raw bytes, or another message
 *   wire type 5   four bytes: a float32
 *
 * A field knows its size before it is written. So the whole is written once, into memory of exactly its size: a weight
 * is copied from the network straight to its place in the file. Next: encode.ts, the messages of ONNX.
 */
import { encodeUtf8 } from "../utf8.ts";

/** One field of a message. */
export interface Field {
  /** In bytes. */
  readonly size: number;
  /** Writes exactly `size` bytes. */
  write(target: Uint8Array, at: number): void;
}

/** A whole number (int32, int64, an enum). Negative ones take ten bytes, as two's complement of 64 bits. */
export function int(number: number, value: number): Field {
  return fromBytes([...varint(number * 8), ...varint(value)]);
}

/** A float32. */
export function float(number: number, value: number): Field {
  const four = new DataView(new ArrayBuffer(4));
  four.setFloat32(0, value, true);
  return fromBytes([...varint(number * 8 + 5), ...new Uint8Array(four.buffer)]);
}

export function text(number: number, value: string): Field {
  const utf8 = encodeUtf8(value);
  return delimited(number, utf8.length, (target, at) => target.set(utf8, at));
}

/** Raw bytes: `write` puts `size` of them in place. */
export function bytes(number: number, size: number, write: Field["write"]): Field {
  return delimited(number, size, write);
}

/** A message as a field of another. */
export function message(number: number, fields: readonly Field[]): Field {
  return delimited(number, sizeOf(fields), (target, at) => writeAll(fields, target, at));
}

/** The size in bytes of a message of these fields. */
export function sizeOf(fields: readonly Field[]): number {
  return fields.reduce((sum, { size }) => sum + size, 0);
}

/** A message of these fields. */
export function encode(fields: readonly Field[]): Uint8Array {
  const target = new Uint8Array(sizeOf(fields));
  writeAll(fields, target, 0);
  return target;
}

function writeAll(fields: readonly Field[], target: Uint8Array, at: number): void {
  for (const field of fields) {
    field.write(target, at);
    at += field.size;
  }
}

function delimited(number: number, size: number, write: Field["write"]): Field {
  const head = [...varint(number * 8 + 2), ...varint(size)];
  return {
    size: head.length + size,
    write: (target, at) => {
      target.set(head, at);
      write(target, at + head.length);
    },
  };
}

function fromBytes(content: readonly number[]): Field {
  return { size: content.length, write: (target, at) => target.set(content, at) };
}

function varint(value: number): number[] {
  const groups: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    groups.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...groups, Number(rest)];
}
