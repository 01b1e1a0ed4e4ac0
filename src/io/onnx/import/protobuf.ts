/**
 * Protocol buffers, as much as is needed to read them. ../protobuf.ts describes the format.
 *
 * A message is cut into its fields; a part of it is only looked at when somebody asks for it. Every length is checked
 * against the bytes that are there, so a damaged file ends in a FormatError, and nothing is allocated that the file does
 * not contain. Next: model.ts, the messages of ONNX.
 */
import { FormatError } from "../../errors.ts";
import { decodeUtf8 } from "../../utf8.ts";

/** A whole number of a field (as signed 64 bits), or its bytes. */
type Value = bigint | Uint8Array;

const VARINT = 0;
const EIGHT_BYTES = 1;
const DELIMITED = 2;
const FOUR_BYTES = 5;

/** One message: its fields by number. */
export class Message {
  /** What it is, for error messages. */
  readonly name: string;
  readonly #fields = new Map<number, { wire: number; value: Value }[]>();

  /** @throws FormatError if the bytes are no message. */
  constructor(bytes: Uint8Array, name: string) {
    this.name = name;
    const cursor = new Cursor(bytes, name);
    while (!cursor.atEnd) {
      const tag = Number(cursor.varint());
      const number = Math.floor(tag / 8);
      const wire = tag % 8;
      if (number < 1) throw new FormatError(`${name}: byte ${cursor.at}: a field has the number ${number}`);
      const field = this.#fields.get(number);
      const entry = { wire, value: cursor.value(wire) };
      if (field) field.push(entry);
      else this.#fields.set(number, [entry]);
    }
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  /** A whole number; the last one counts, as the format says. */
  int(number: number): number | undefined {
    return this.ints(number).at(-1);
  }

  /** Whole numbers, one by one or packed into one field. */
  ints(number: number): number[] {
    return this.bigints(number).map(Number);
  }

  bigints(number: number): bigint[] {
    return this.#all(number).flatMap(({ wire, value }) => {
      if (wire === VARINT) return [value as bigint];
      const cursor = new Cursor(this.#bytes(number, wire, value), this.name);
      const packed: bigint[] = [];
      while (!cursor.atEnd) packed.push(cursor.varint());
      return packed;
    });
  }

  /** Float32s (`width` 4) or float64s (8), one by one or packed. */
  floats(number: number, width: 4 | 8 = 4): number[] {
    const single = width === 4 ? FOUR_BYTES : EIGHT_BYTES;
    return this.#all(number).flatMap(({ wire, value }) => {
      if (wire !== single && wire !== DELIMITED) this.#wrong(number, wire);
      const bytes = value as Uint8Array;
      if (bytes.length % width !== 0) {
        throw new FormatError(`${this.name}: field ${number} has ${bytes.length} bytes, no whole number of floats`);
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      return Array.from({ length: bytes.length / width }, (_, i) =>
        width === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true),
      );
    });
  }

  text(number: number): string {
    return this.texts(number).at(-1) ?? "";
  }

  texts(number: number): string[] {
    return this.bytes(number).map((bytes) => {
      const text = decodeUtf8(bytes);
      if (text === undefined) throw new FormatError(`${this.name}: field ${number} must be text, but is not UTF-8`);
      return text;
    });
  }

  bytes(number: number): Uint8Array[] {
    return this.#all(number).map(({ wire, value }) => this.#bytes(number, wire, value));
  }

  messages(number: number, name: string): Message[] {
    return this.bytes(number).map((bytes) => new Message(bytes, `${this.name}, ${name}`));
  }

  message(number: number, name: string): Message | undefined {
    return this.messages(number, name).at(-1);
  }

  #all(number: number): readonly { wire: number; value: Value }[] {
    return this.#fields.get(number) ?? [];
  }

  #bytes(number: number, wire: number, value: Value): Uint8Array {
    if (wire !== DELIMITED) this.#wrong(number, wire);
    return value as Uint8Array;
  }

  #wrong(number: number, wire: number): never {
    throw new FormatError(`${this.name}: field ${number} has wire type ${wire}, which ONNX does not give it`);
  }
}

/** A place in the bytes of a message. */
class Cursor {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #name: string;

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#name = name;
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  /** A whole number of at most 64 bits, as signed. */
  varint(): bigint {
    // Nearly all have one byte.
    const first = this.#bytes[this.at];
    if (first < 0x80) {
      this.at++;
      return BigInt(first);
    }
    let value = 0n;
    for (let group = 0n; group < 10n; group++) {
      if (this.atEnd) throw this.#truncated("a number");
      const byte = this.#bytes[this.at++];
      value |= BigInt(byte & 0x7f) << (7n * group);
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new FormatError(`${this.#name}: byte ${this.at}: a number has more than 64 bits`);
  }

  value(wire: number): Value {
    if (wire === VARINT) return this.varint();
    if (wire === EIGHT_BYTES) return this.#take(8);
    if (wire === FOUR_BYTES) return this.#take(4);
    if (wire === DELIMITED) return this.#take(Number(this.varint()));
    throw new FormatError(`${this.#name}: byte ${this.at}: wire type ${wire} does not occur in ONNX`);
  }

  #take(length: number): Uint8Array {
    if (length < 0 || this.at + length > this.#bytes.length) throw this.#truncated(`a field of ${length} bytes`);
    const start = this.at;
    this.at += length;
    return this.#bytes.subarray(start, this.at);
  }

  #truncated(what: string): FormatError {
    return new FormatError(
      `${this.#name}: truncated or damaged: ${what} at byte ${this.at} goes past the end at ${this.#bytes.length}`,
    );
  }
}
