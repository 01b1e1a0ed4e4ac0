/** Reads the opcodes and arguments of a pickle in sequence. */
import { FormatError } from "../errors.ts";
import { decodeUtf8 } from "../utf8.ts";
import { opcodeName } from "./opcodes.ts";

/** Thrown when the bytes end before the pickle does; there may be more to read. */
export class PickleEnd extends FormatError {}

export class PickleCursor {
  at: number;
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** The current opcode, and its place. */
  #code = 0;
  #place = 0;

  /** `name` is the pickle's name in error messages. */
  constructor(name: string, bytes: Uint8Array, at: number) {
    this.#name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  opcode(): number {
    this.#place = this.at;
    this.#code = this.uint8();
    return this.#code;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** Exact below 2⁵³, and no file is longer. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** The only big-endian number in a pickle. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A whole number of `length` bytes in two's complement, least significant first. */
  long(length: number): number | bigint {
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.slice(start, start + length);
  }

  text(length: number): string {
    const start = this.#take(length);
    return decodeUtf8(this.#bytes.subarray(start, start + length)) ?? this.fail("a string is not UTF-8");
  }

  /** The text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    const text = this.text(end < 0 ? this.#bytes.length : end - this.at);
    this.at++;
    return text;
  }

  /** Skips `length` bytes and returns where they begin. */
  #take(length: number): number {
    const start = this.at;
    if (start + length > this.#bytes.length) {
      throw new PickleEnd(`${this.#where()}: truncated: the pickle continues past the end at ${this.#bytes.length}`);
    }
    this.at += length;
    return start;
  }

  #where(): string {
    return `${this.#name}: opcode ${opcodeName(this.#code)} at byte ${this.#place}`;
  }

  fail(message: string): never {
    throw new FormatError(`${this.#where()}: ${message}`);
  }
}
