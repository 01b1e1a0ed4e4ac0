/**
 * Reads the PyTorch references in test/golden (format, generator and tolerances: test/golden/README.md).
 */
import { readFileSync } from "node:fs";
import { sizeOf } from "../../src/tensor/shape.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

/** An input tensor: stored, or a formula. */
export interface GoldenInput {
  shape: number[];
  dtype?: string;
  data?: string;
  values?: number[];
  gen?: string;
  scale?: number;
  offset?: number;
  mod?: number;
}

/** A reference with its tolerance: in full, as exact integers, or as a digest of a big tensor. */
export interface GoldenReference extends GoldenInput {
  rtol?: number;
  atol?: number;
  digest?: { l2: number; mean: number; samples: string };
  l2_rtol?: number;
  mean_atol?: number;
}

/** `[value, rtol]`, or `[0, null, atol]` for zero up to rounding. */
export type GoldenScalar = [number, number | null, number?];

// biome-ignore lint/suspicious/noExplicitAny: attributes differ by operation; each test reads those of its own
export type Attributes = Record<string, any>;

export interface GoldenCase {
  name: string;
  op: string;
  attrs: Attributes;
  inputs: Record<string, GoldenInput>;
  outputs?: Record<string, GoldenReference>;
  grad_outputs?: Record<string, GoldenInput>;
  grads?: Record<string, GoldenReference>;
  state_prefix?: string;
  state?: [key: string, shape: number[], scale: number, offset: number, kind: "p" | "b"][];
  state_from?: string;
  param_count?: number;
  grad_l2?: Record<string, GoldenScalar>;
  expect_error?: boolean;
  ill_conditioned?: boolean;
  optional?: boolean;
  [other: string]: unknown;
}

export interface GoldenFile {
  family: string;
  cases: GoldenCase[];
}

export function readGolden(family: string): GoldenFile {
  return JSON.parse(readFileSync(new URL(`../golden/${family}.json`, import.meta.url), "utf8")) as GoldenFile;
}

export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x21f0aaad);
  x ^= x >>> 15;
  x = Math.imul(x, 0x735a2d97);
  x ^= x >>> 15;
  return x >>> 0;
}

/** Word i of the stream called `name`. */
export function hashAt(seed: number, i: number): number {
  return mix(seed ^ mix((i + 0x9e3779b9) | 0));
}

/** `float32(scale·u + offset)` with u in [−1, 1) from the stream called `name`. */
export function generate(name: string, size: number, scale: number, offset: number): Float32Array {
  const seed = fnv1a32(name);
  const values = new Float32Array(size);
  // A loop: ResNet-152 has 60 million numbers.
  for (let i = 0; i < size; i++) values[i] = scale * (((hashAt(seed, i) >>> 8) - 8388608) / 8388608) + offset;
  return values;
}

function decodeBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

/** The numbers of an input or of a reference that is stored in full. */
export function decode(t: GoldenInput): Float32Array {
  const size = sizeOf(t.shape);
  if (t.values) return Float32Array.from(t.values);
  if (t.data !== undefined) return decodeBase64(t.data);
  if (t.gen === undefined) throw new Error("golden: neither values, data nor a generator");
  const { gen, mod } = t;
  if (mod !== undefined) {
    const seed = fnv1a32(gen);
    return Float32Array.from({ length: size }, (_, i) => hashAt(seed, i) % mod);
  }
  return generate(gen, size, t.scale ?? 1, t.offset ?? 0);
}

export function inputTensor(t: GoldenInput, requiresGrad = false): Tensor {
  return new Tensor(decode(t), t.shape, requiresGrad);
}

/** Integer inputs (labels, indices) as an Int32Array. */
export function inputIntegers(t: GoldenInput): Int32Array {
  return Int32Array.from(decode(t));
}

/** The formula values of a model's state, by PyTorch's names. */
export function stateOf(c: GoldenCase, file: GoldenFile): Record<string, Tensor> {
  const source = c.state_from ? file.cases.find((other) => other.name === c.state_from) : c;
  if (!source?.state) throw new Error(`golden: ${c.name} has no state`);
  return Object.fromEntries(
    source.state.map(([key, shape, scale, offset]) => [
      key,
      new Tensor(generate(`${source.state_prefix}${key}`, sizeOf(shape), scale, offset), shape),
    ]),
  );
}

/** Undefined where `got` agrees with the reference, else the first disagreement in words. */
export function disagreement(
  got: ArrayLike<number>,
  shape: readonly number[],
  ref: GoldenReference,
): string | undefined {
  if (shape.join() !== ref.shape.join()) return `shape [${shape}], expected [${ref.shape}]`;
  const { rtol = 0, atol = 0 } = ref;
  const differs = (value: number, expected: number): boolean =>
    !(Math.abs(value - expected) <= atol + rtol * Math.abs(expected));
  if (ref.digest) {
    const samples = decodeBase64(ref.digest.samples);
    for (let k = 0; k < samples.length; k++) {
      const at = Math.floor((k * got.length) / samples.length);
      if (differs(got[at], samples[k]))
        return `[${at}] is ${got[at]}, expected ${samples[k]} (atol ${atol}, rtol ${rtol})`;
    }
    const l2 = Math.sqrt(Array.from(got).reduce((sum, v) => sum + v * v, 0));
    const mean = Array.from(got).reduce((sum, v) => sum + v, 0) / got.length;
    if (!(Math.abs(l2 - ref.digest.l2) <= (ref.l2_rtol ?? 0) * ref.digest.l2))
      return `l2 ${l2}, expected ${ref.digest.l2}`;
    if (!(Math.abs(mean - ref.digest.mean) <= (ref.mean_atol ?? 0))) return `mean ${mean}, expected ${ref.digest.mean}`;
    return undefined;
  }
  const expected = ref.dtype === "float64" && ref.values ? ref.values : decode(ref);
  for (let i = 0; i < expected.length; i++) {
    if (differs(got[i], expected[i]))
      return `[${i}] is ${got[i]}, expected ${expected[i]} (atol ${atol}, rtol ${rtol})`;
  }
  return undefined;
}

/** Undefined where a single number agrees with `[value, rtol]` or `[0, null, atol]`, else what differs. */
export function scalarDisagreement(got: number, [value, rtol, atol]: GoldenScalar): string | undefined {
  const agrees =
    rtol === null
      ? Math.abs(got) <= atol!
      : rtol > 0.3
        ? Math.abs(Math.log10(got / value)) <= 0.7
        : Math.abs(got - value) <= rtol * Math.abs(value);
  return agrees ? undefined : `is ${got}, expected ${value} (rtol ${rtol}, atol ${atol})`;
}
