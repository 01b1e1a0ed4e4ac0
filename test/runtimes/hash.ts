/** A checksum of numbers: equal only if all of them are, to the last bit. */
import type { Tensor } from "../../src/index.ts";

export interface Hash {
  bits(value: number): void;
  /** NaN is one number, whatever bits an engine stores it in. */
  double(value: number): void;
  floats(values: ArrayLike<number>): void;
  tensor(t: Tensor): void;
  text(text: string): void;
}

/** Eight hexadecimal digits (FNV-1a, a word at a time) of all that `part` puts in. */
export function hashOf(part: (hash: Hash) => void): string {
  let state = 0x811c9dc5;
  const numbers = new Float64Array(1);
  const words = new Uint32Array(numbers.buffer);
  const bits = (value: number): void => {
    state = Math.imul(state ^ value, 0x01000193);
    state ^= state >>> 15;
  };
  const double = (value: number): void => {
    if (Number.isNaN(value)) {
      bits(0x7ff80000);
      return;
    }
    numbers[0] = value;
    bits(words[0]);
    bits(words[1]);
  };
  const floats = (values: ArrayLike<number>): void => {
    for (let i = 0; i < values.length; i++) double(values[i]);
  };
  const text = (letters: string): void => {
    for (let i = 0; i < letters.length; i++) bits(letters.charCodeAt(i));
  };
  part({ bits, double, floats, tensor: (t) => floats(t.data), text });
  return (state >>> 0).toString(16).padStart(8, "0");
}
