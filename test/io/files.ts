/** Building files of weights by hand, and reading the golden ones. */
import { readFileSync } from "node:fs";
import type { StoredTensor, StoredValues } from "../../src/io/index.ts";

/** A safetensors file with this header, as text or as what JSON makes of it, and these bytes after it. */
export function safetensorsFile(header: unknown, data: ArrayLike<number> = []): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

/** A file of test/golden/safetensors, pth or npz. */
export function goldenFile(name: string): Uint8Array {
  const folder = name.split(".").pop()!.replace("npy", "npz");
  return readFileSync(new URL(`../golden/${folder}/${name}`, import.meta.url));
}

export function goldenJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/${path}`, import.meta.url), "utf8")) as T;
}

/** A tensor of the expected.json files. */
export interface ExpectedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly as_float32?: string;
  readonly as_strings?: readonly string[];
  readonly values?: readonly string[];
}

/** Whether type, shape and every value are as expected, NaN payloads included. */
export function isAsExpected({ dtype, shape, values }: StoredTensor, expected: ExpectedTensor): boolean {
  return dtype === expected.dtype && shape.join() === expected.shape.join() && sameValues(values, expected);
}

function sameValues(
  values: StoredValues,
  { as_float32, as_strings, values: texts = as_strings }: ExpectedTensor,
): boolean {
  if (texts) return [...values].join() === texts.join();
  const bytes = Uint8Array.from(Buffer.from(as_float32!, "base64"));
  return Buffer.from(Float32Array.from(values as Float32Array).buffer).equals(bytes);
}
