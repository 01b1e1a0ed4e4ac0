/**
 * UTF-8 from the platform: browsers, Node, Deno and Bun all have the web standard's coders
 * (https://encoding.spec.whatwg.org).
 */

/** The part of the standard that is used here; the library is compiled without the platforms' own types. */
interface Coders {
  readonly TextDecoder: new (
    label: "utf-8",
    options: { fatal: boolean; ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
}

/** The text, or undefined if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  const { TextDecoder } = globalThis as unknown as Coders;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function encodeUtf8(text: string): Uint8Array {
  const { TextEncoder } = globalThis as unknown as Coders;
  return new TextEncoder().encode(text);
}
