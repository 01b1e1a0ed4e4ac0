import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadWeights, openSafetensors, openWeights, readSafetensors, writeSafetensors } from "../../src/io/index.ts";
import { tensor } from "../../src/tensor/index.ts";

const file = writeSafetensors({ a: tensor([1, 2, 3]), b: tensor([[4, 5]]) });

/** A source that keeps an account of what is read. */
function countingSource(bytes: Uint8Array) {
  const ranges: [number, number][] = [];
  let closed = 0;
  return {
    ranges,
    closed: () => closed,
    name: "counted",
    size: bytes.length,
    read: async (offset: number, length: number) => {
      ranges.push([offset, length]);
      return bytes.slice(offset, offset + length);
    },
    close: async () => {
      closed++;
    },
  };
}

describe("the same file from", () => {
  test.each([
    ["a Uint8Array", () => file],
    ["an ArrayBuffer", () => file.slice().buffer],
    ["bytes in the middle of a buffer", () => Uint8Array.from([7, 7, 7, ...file, 7]).subarray(3, 3 + file.length)],
    ["a Buffer", () => Buffer.from(file)],
    ["a Blob", () => new Blob([file.slice()])],
    ["a File", () => new File([file.slice()], "x.safetensors")],
    ["a Response", () => new Response(file.slice())],
    ["a byte source", () => countingSource(file)],
  ])("%s", async (_, source) => {
    const state = await loadWeights(source());
    expect(Object.keys(state)).toEqual(["a", "b"]);
    expect(state.b.toArray()).toEqual([[4, 5]]);
  });

  test("ranges of HTTP, as in ByteSource's example", async () => {
    const server = createServer((request, response) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
      if (request.method === "HEAD") response.setHeader("content-length", file.length).end();
      else if (range) response.writeHead(206).end(file.subarray(Number(range[1]), Number(range[2]) + 1));
      else response.writeHead(400).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const source = {
      name: url,
      size: Number((await fetch(url, { method: "HEAD" })).headers.get("content-length")),
      read: async (offset: number, length: number) => {
        const response = await fetch(url, { headers: { range: `bytes=${offset}-${offset + length - 1}` } });
        return new Uint8Array(await response.arrayBuffer());
      },
    };
    expect((await loadWeights(source)).a.toArray()).toEqual([1, 2, 3]);
  });
});

describe("a tensor is read when it is asked for", () => {
  test("opening reads the header alone, one tensor its own bytes", async () => {
    const source = countingSource(file);
    const weights = await openSafetensors(source);
    const header = file.length - 5 * 4 - 8;
    expect([...weights.entries.keys()]).toEqual(["a", "b"]);
    expect(source.ranges).toEqual([
      [0, 8],
      [8, header],
    ]);
    expect((await weights.tensor("b")).toArray()).toEqual([[4, 5]]);
    expect(source.ranges.slice(2)).toEqual([[8 + header + 12, 8]]);
    await weights.close();
    expect(source.closed()).toBe(1);
  });

  test("what comes out has memory of its own", () => {
    const bytes = file.slice();
    const weights = readSafetensors(bytes);
    const a = weights.tensor("a");
    bytes.fill(0);
    expect(a.toArray()).toEqual([1, 2, 3]);
    // Buffer.slice does not copy, Uint8Array.slice does.
    const buffer = Buffer.from(file);
    const fromBuffer = readSafetensors(buffer).tensor("a");
    buffer.fill(0);
    expect(fromBuffer.toArray()).toEqual([1, 2, 3]);
  });
});

describe("names in messages", () => {
  const broken = file.slice(0, 30);
  test.each([
    ["nothing known", broken, {}, "weights: truncated"],
    ["the option", broken, { name: "x.safetensors" }, "x.safetensors: truncated"],
    ["a File's", new File([broken], "y.safetensors"), {}, "y.safetensors: truncated"],
    ["the source's", countingSource(broken), {}, "counted: truncated"],
    ["the option goes first", countingSource(broken), { name: "z" }, "z: truncated"],
  ])("%s", async (_, source, options, message) => {
    await expect(openSafetensors(source, options)).rejects.toThrow(message);
  });
});

describe("errors", () => {
  test("a file that does not open is closed", async () => {
    const source = countingSource(Uint8Array.of(1, 2, 3));
    await expect(openWeights(source)).rejects.toThrow("counted: neither safetensors nor .pth, .npz or .npy");
    expect(source.closed()).toBe(1);
  });

  test("loadWeights closes, also where a tensor cannot be read", async () => {
    const source = countingSource(file);
    await loadWeights(source);
    expect(source.closed()).toBe(1);
    const failing = { ...countingSource(file), close: source.close };
    const { read } = failing;
    failing.read = async (offset, length) => (await read(offset, length)).subarray(0, length === 12 ? 5 : length);
    await expect(loadWeights(failing)).rejects.toThrow(
      "counted: asked for 12 bytes from offset 120, but the source gave 5",
    );
    expect(source.closed()).toBe(2);
  });

  test("a server's refusal", async () => {
    const response = { ok: false, status: 404, url: "http://x/y", arrayBuffer: async () => new ArrayBuffer(0) };
    await expect(loadWeights(response)).rejects.toThrow("http://x/y: the server answered with status 404");
  });
});
