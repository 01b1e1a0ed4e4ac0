/** A number that differs where bytes do (FNV-1a), in a page and in Node. */
import type { StateDict } from "../../src/index.ts";

export function checksum(bytes: Uint8Array, start = 0x811c9dc5): number {
  let h = start;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** Of names and values. */
export function checksumOf(state: StateDict): number {
  return Object.entries(state).reduce((h, [name, t]) => {
    const letters = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
    return checksum(new Uint8Array(t.data.slice().buffer), checksum(letters, h));
  }, 0);
}
