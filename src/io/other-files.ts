/** Files that are passed by mistake, recognised by how they begin: what to say about them. */

const beginnings: readonly (readonly [start: string, advice: string])[] = [
  ["\x1f\x8b", "it is compressed with gzip: pass it through gunzip first"],
  ["version https://git-lfs", "it is a pointer of Git LFS, not the file itself: git lfs pull"],
  ["<", "it is a web page or XML: was it downloaded from the address of a page?"],
  ["\x89HDF", "it is HDF5, as Keras writes it"],
];

/** How much of a file `adviceOn` needs: a tar archive names itself after its first entry's name. */
export const BEGINNING = 512;

/** What a file is that begins like this, and what to do, as the end of a sentence; undefined if it is nothing known. */
export function adviceOn(start: Uint8Array): string | undefined {
  if (start.length === 0) return "it is empty";
  const text = String.fromCharCode(...start);
  const known = beginnings.find(([beginning]) => text.startsWith(beginning))?.[1];
  if (known !== undefined) return known;
  if (text.startsWith("ustar", 257)) return "it is a tar archive: unpack it first (tar xf)";
  if (isJson(start)) return "it is JSON: weights are in another file, beside it perhaps";
  const isText = start.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13);
  return isText ? `it is text, and begins with ${JSON.stringify(text.slice(0, 24))}` : undefined;
}

/** Whether a file that begins like this is JSON, perhaps after a byte-order mark. */
export function isJson(start: Uint8Array): boolean {
  return /^(\xef\xbb\xbf)?\s*[{[]/.test(String.fromCharCode(...start.subarray(0, 32)));
}
