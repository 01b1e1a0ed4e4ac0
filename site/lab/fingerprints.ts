/** One name for the bits of both networks. */

/** FNV-1a, 32 bits, over both fingerprints: eight hexadecimal digits. */
export function joined(a: string, b: string): string {
  let hash = 0x811c9dc5;
  for (const character of `${a} ${b}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}
