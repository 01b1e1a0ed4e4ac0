/**
 * What this JavaScript engine's WebAssembly can do, found out by asking it to validate tiny modules, and to run one.
 *
 * Type declarations of the WebAssembly JavaScript API stand here because the library is compiled without a platform's.
 */
import { assembleModule, type Code, constant, type Func, f32x4, func, get, v128 } from "./assembler.ts";

/** As much of the standard (https://webassembly.github.io/spec/js-api) as the engine uses. */
export interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Imports) => InstanceLike;
  instantiate(bytes: Uint8Array, imports: Imports): Promise<{ instance: InstanceLike }>;
  Memory: new (limits: { initial: number; maximum?: number; shared?: boolean }) => MemoryLike;
}

type Imports = Record<string, Record<string, unknown>>;

export interface InstanceLike {
  readonly exports: Readonly<Record<string, (...args: number[]) => void>>;
}

export interface MemoryLike {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** The platform's WebAssembly, or undefined. */
export function webAssembly(): WebAssemblyApi | undefined {
  return (globalThis as unknown as { WebAssembly?: WebAssemblyApi }).WebAssembly;
}

export interface Features {
  /** Vectors of 128 bits. */
  readonly simd: boolean;
  /**
   * Multiply-add in one instruction that rounds once: relaxed SIMD of V8 12 (Node 22) and later, and of Firefox. Not that
   * of JavaScriptCore (Bun, Safari), which has the instruction, multiplies, rounds and adds: no faster than without.
   */
  readonly multiplyAdd: boolean;
}

/** @param memory for programs to import, whose first 64 bytes stay zeros. */
export function detectFeatures(wasm: WebAssemblyApi, memory: MemoryLike): Features {
  const zero = constant(0);
  const storing = (vectorCode: Code): Func => func("probe", ["i32"], () => [get(0), vectorCode, v128.store()]);
  const validates = (vectorCode: Code): boolean => wasm.validate(assembleModule([storing(vectorCode)]));
  const simd = validates([zero, zero, f32x4.add]);
  if (!simd) return { simd, multiplyAdd: false };
  // x² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last term is lost when it is rounded by itself.
  const x = constant(1 + 2 ** -12);
  const square = constant(-(1 + 2 ** -11));
  const fused = [x, x, square, f32x4.relaxedMadd];
  const relaxed = validates(fused);
  // A policy that forbids compiling is to be known now, not in the middle of a training: so something is compiled always.
  const module = new wasm.Module(assembleModule([storing(relaxed ? fused : zero)]));
  new wasm.Instance(module, { env: { memory } }).exports["probe"](0);
  const result = new Float32Array(memory.buffer, 0, 4);
  const multiplyAdd = result[0] !== 0;
  result.fill(0);
  return { simd, multiplyAdd };
}

/** What a platform says that refuses WebAssembly; and what to do, where it may be a page's policy and does not say so. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const policy = error instanceof Error && /^(CompileError|EvalError)$/.test(error.name);
  if (!policy || message.includes("wasm-unsafe-eval")) return message;
  return `${message} (a page's Content-Security-Policy has to allow 'wasm-unsafe-eval')`;
}
