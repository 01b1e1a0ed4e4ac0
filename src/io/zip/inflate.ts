/**
 * Decompresses deflate (RFC 1951), the usual method of zip archives. The platforms have it too (`DecompressionStream`), but
 * only asynchronously, and `readPth` is not.
 *
 * Blocks of Huffman codes: a symbol below 256 is a byte, 256 ends the block, a larger one is the length of a repetition,
 * whose distance back follows. The codes of a block are given by their lengths alone (canonical codes, section 3.2.2).
 */
import type { Fail } from "../errors.ts";

/** `lengthBase[i] + (lengthExtra[i] more bits)` is the length of symbol `257 + i` (section 3.2.5). */
const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/** The base of distance symbol `i`, with `distanceExtra(i)` more bits. */
const distanceExtra = (symbol: number): number => Math.max(0, (symbol >> 1) - 1);
const distanceBase = (symbol: number): number =>
  symbol < 4 ? symbol + 1 : 1 + ((2 + (symbol & 1)) << distanceExtra(symbol));

/** The order in which a block gives the lengths of the codes of its code lengths (section 3.2.7). */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical code: how many codes have each length, and the symbols in the codes' order. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
  /** For each possible next 9 bits, `symbol * 16 + length` of the code they begin with; 0 if it is longer. */
  readonly short: Uint16Array;
}

const SHORT = 9;

/**
 * The `size` bytes that `data` expands to. `fail` throws.
 *
 * Never writes more than `size` bytes: who gives the size bounds the memory.
 */
export function inflate(data: Uint8Array, size: number, fail: Fail): Uint8Array {
  return new Inflater(data, size, fail).run();
}

class Inflater {
  readonly #data: Uint8Array;
  readonly #fail: Fail;
  readonly #out: Uint8Array;
  #at = 0;
  #written = 0;
  /** The next bits, the first one lowest, and how many they are. */
  #bits = 0;
  #count = 0;

  constructor(data: Uint8Array, size: number, fail: Fail) {
    this.#data = data;
    this.#out = new Uint8Array(size);
    this.#fail = fail;
  }

  run(): Uint8Array {
    for (let last = 0; !last; ) {
      last = this.#take(1);
      const kind = this.#take(2);
      if (kind === 0) this.#stored();
      else if (kind === 1) this.#compressed(fixedCodes(this.#fail));
      else if (kind === 2) this.#compressed(this.#readCodes());
      else this.#fail("a block of an unknown kind");
    }
    if (this.#written === this.#out.length) return this.#out;
    return this.#fail(`expands to ${this.#written} bytes, not ${this.#out.length}`);
  }

  #take(count: number): number {
    while (this.#count < count) {
      if (this.#at === this.#data.length) this.#fail("the compressed data end in a block");
      this.#bits |= this.#data[this.#at++] << this.#count;
      this.#count += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#count -= count;
    return value;
  }

  #need(length: number): void {
    if (this.#written + length > this.#out.length) this.#fail(`expands to more than ${this.#out.length} bytes`);
  }

  #stored(): void {
    // The rest of the byte is not used; whole bytes read ahead are given back.
    this.#at -= this.#count >> 3;
    this.#bits = this.#count = 0;
    const length = this.#take(16);
    if ((this.#take(16) ^ 0xffff) !== length) this.#fail("a stored block has two lengths");
    this.#need(length);
    const bytes = this.#data.subarray(this.#at, this.#at + length);
    if (bytes.length !== length) this.#fail("the compressed data end in a block");
    this.#out.set(bytes, this.#written);
    this.#at += length;
    this.#written += length;
  }

  #compressed([literals, distances]: readonly [Code, Code]): void {
    const out = this.#out;
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol < 256) {
        if (this.#written === out.length) this.#need(1);
        out[this.#written++] = symbol;
        continue;
      }
      if (symbol === 256) return;
      if (symbol > 285) this.#fail("a repetition of an unknown length");
      const length = lengthBase[symbol - 257] + this.#take(lengthExtra[symbol - 257]);
      const far = this.#symbol(distances);
      if (far > 29) this.#fail("a repetition from an unknown distance");
      const distance = distanceBase(far) + this.#take(distanceExtra(far));
      if (distance > this.#written) this.#fail("a repetition from before the beginning");
      this.#need(length);
      // One by one: what is repeated may be what is being written.
      for (const end = this.#written + length; this.#written < end; this.#written++) {
        out[this.#written] = out[this.#written - distance];
      }
    }
  }

  #symbol({ counts, symbols, short }: Code): number {
    while (this.#count < SHORT && this.#at < this.#data.length) {
      this.#bits |= this.#data[this.#at++] << this.#count;
      this.#count += 8;
    }
    const found = short[this.#bits & (2 ** SHORT - 1)];
    const width = found & 15;
    if (width > 0 && width <= this.#count) {
      this.#bits >>>= width;
      this.#count -= width;
      return found >> 4;
    }
    // Bit by bit: `first` is the first code of each length, `index` that of its symbol.
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length++) {
      code |= this.#take(1);
      if (code - first < counts[length]) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    return this.#fail("a code that stands for nothing");
  }

  /** The codes of a block that brings its own. */
  #readCodes(): readonly [Code, Code] {
    const literals = this.#take(5) + 257;
    const distances = this.#take(5) + 1;
    const given = this.#take(4) + 4;
    const lengths = new Uint8Array(19);
    for (let i = 0; i < given; i++) lengths[lengthOrder[i]] = this.#take(3);
    const lengthCode = codeOf(lengths, this.#fail);
    const all = new Uint8Array(literals + distances);
    for (let i = 0; i < all.length; ) {
      const symbol = this.#symbol(lengthCode);
      if (symbol < 16) {
        all[i++] = symbol;
        continue;
      }
      // 16 repeats the length before it, 17 and 18 zeros.
      if (symbol === 16 && i === 0) this.#fail("a code length repeats the one before the first");
      const times = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      if (i + times > all.length) this.#fail("too many code lengths");
      all.fill(symbol === 16 ? all[i - 1] : 0, i, i + times);
      i += times;
    }
    return [codeOf(all.subarray(0, literals), this.#fail), codeOf(all.subarray(literals), this.#fail)];
  }
}

/** The canonical code with these lengths of each symbol's code. */
function codeOf(lengths: Uint8Array, fail: Fail): Code {
  const counts = new Uint16Array(16);
  for (const length of lengths) if (length > 0) counts[length]++;
  const starts = new Uint16Array(16);
  const firsts = new Uint16Array(16);
  let left = 1;
  for (let length = 1; length < 16; length++) {
    left = 2 * left - counts[length];
    if (left < 0) fail("more codes than their lengths allow");
    starts[length] = starts[length - 1] + counts[length - 1];
    firsts[length] = (firsts[length - 1] + counts[length - 1]) << 1;
  }
  const symbols = new Uint16Array(lengths.length);
  const short = new Uint16Array(2 ** SHORT);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    symbols[starts[length]++] = symbol;
    const code = firsts[length]++;
    if (length > SHORT) return;
    // Codes come with their highest bit first, so the bits to look up are the code's in reverse.
    let reversed = 0;
    for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let i = reversed; i < short.length; i += 1 << length) short[i] = symbol * 16 + length;
  });
  return { counts, symbols, short };
}

/** The codes of blocks that bring none (section 3.2.6). */
function fixedCodes(fail: Fail): readonly [Code, Code] {
  const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  return [codeOf(lengths, fail), codeOf(new Uint8Array(30).fill(5), fail)];
}
