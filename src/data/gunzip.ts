/**
 * Gzip decompression by the platform: browsers, Node ≥ 18, Deno and Bun all have the web standard's
 * `DecompressionStream` (https://compression.spec.whatwg.org).
 */
import { DataError, type DataFile, openDataFile } from "./errors.ts";

/** The part of the standard that is used here; the library is compiled without the platforms' own types. */
interface DecompressionStreamLike {
  readonly writable: {
    getWriter(): { write(chunk: Uint8Array): Promise<void>; close(): Promise<void> };
  };
  readonly readable: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> };
  };
}

/**
 * The contents of a `.gz` file.
 *
 * @example
 * const packed = new Blob([Uint8Array.of(1, 2, 3)]).stream().pipeThrough(new CompressionStream("gzip"));
 * const file = new Uint8Array(await new Response(packed).arrayBuffer());
 * await gunzip(file); // [1, 2, 3]
 *
 * @throws DataError if the file is not gzip, is truncated, fails its checksum or has bytes after its end.
 */
export async function gunzip(file: DataFile): Promise<Uint8Array> {
  const { name, bytes } = openDataFile("gunzip", "the file", file);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
    throw new DataError(`${name}: not a gzip file: it does not start with 0x1f 0x8b`);
  const { DecompressionStream } = globalThis as {
    DecompressionStream?: new (format: "gzip") => DecompressionStreamLike;
  };
  if (!DecompressionStream) {
    throw new DataError(`${name}: this platform has no DecompressionStream: decompress the file beforehand`);
  }
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  // Reading reports the fault in the data; the same failure on the writing side must not go unhandled.
  const writing = Promise.all([writer.write(bytes), writer.close()]).catch(() => {});
  const reader = stream.readable.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (!part.value) continue;
      chunks.push(part.value);
      size += part.value.length;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`${name}: corrupt or truncated gzip data after ${size} decompressed bytes: ${reason}`);
  }
  await writing;
  // The trailer repeats the size (mod 2³²). Not all platforms notice bytes after the end; this check does.
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  if (trailer !== size >>> 0) {
    throw new DataError(`${name}: corrupt gzip data: ${size} bytes decompressed, the trailer says ${trailer}`);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
