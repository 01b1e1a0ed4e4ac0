/** A short name for many numbers. */
import { peek, type Tensor } from "./tensor.ts";

/** 32-bit FNV-1a over shapes, names and the bits of all numbers, as eight hexadecimal digits. It is no seal. */
export function checksum(tensors: Iterable<readonly [string, Tensor]>): string {
  let hash = 0x811c9dc5;
  const mix = (word: number): void => {
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  };
  for (const [name, t] of tensors) {
    for (const character of `${name} ${t.shape.join()}`) mix(character.codePointAt(0)!);
    const { buffer, byteOffset, byteLength } = peek(t);
    const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
    for (let i = 0; i < words.length; i++) mix(words[i]);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
