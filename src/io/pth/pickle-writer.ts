/** Writes the opcodes of plain containers, in pickle protocol 2. */
import { encodeUtf8 } from "../utf8.ts";
import { OPCODES as op } from "./opcodes.ts";

export class PickleWriter {
  readonly #bytes: number[] = [];

  /** Opcodes without arguments, or followed by single bytes. */
  code(...codes: readonly number[]): void {
    this.#bytes.push(...codes);
  }

  text(text: string): void {
    const bytes = encodeUtf8(text);
    this.code(op.BINUNICODE);
    this.#uint32(bytes.length);
    for (const byte of bytes) this.#bytes.push(byte);
  }

  /** A whole number from 0 to 2⁵³. */
  integer(value: number): void {
    if (value < 2 ** 31) {
      this.code(op.BININT);
      this.#uint32(value);
    } else {
      this.code(op.LONG1, 8);
      this.#uint32(value % 2 ** 32);
      this.#uint32(Math.floor(value / 2 ** 32));
    }
  }

  float(value: number): void {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setFloat64(0, value, false);
    this.code(op.BINFLOAT, ...new Uint8Array(bytes.buffer));
  }

  /** A dict with these items; `write` writes a value. */
  dict<T>(items: Iterable<readonly [string | number, T]>, write: (value: T) => void): void {
    this.code(op.EMPTY_DICT, op.MARK);
    for (const [key, value] of items) {
      if (typeof key === "string") this.text(key);
      else this.integer(key);
      write(value);
    }
    this.code(op.SETITEMS);
  }

  /** A list of these members. */
  list<T>(members: Iterable<T>, write: (member: T) => void): void {
    this.code(op.EMPTY_LIST, op.MARK);
    for (const member of members) write(member);
    this.code(op.APPENDS);
  }

  global(module: string, name: string): void {
    this.code(op.GLOBAL, ...encodeUtf8(`${module}\n${name}\n`));
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #uint32(value: number): void {
    this.code(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  }
}
