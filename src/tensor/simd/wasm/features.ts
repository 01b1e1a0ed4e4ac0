/**
 * What this JavaScript engine's WebAssembly can do: asks it to validate tiny modules and to run one.
 *
 * It declares types for the WebAssembly JavaScript API, because the library is compiled without a platform's types.
 */
import { assembleModule, type Code, constant, type Func, f32x4, func, get, v128 } from "./assembler.ts";

/** The part of the standard (https://webassembly.github.io/spec/js-api) that the engine uses. */
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
   * Multiply-add in one instruction that rounds once: relaxed SIMD of V8 12 (Node 22) and later, and of Firefox. Not of
   * JavaScriptCore (Bun, Safari), whose instruction multiplies, rounds and adds: no faster than two instructions.
   */
  readonly multiplyAdd: boolean;
}

/** @param memory for programs to import; its first 64 bytes stay zeros. */
export function detectFeatures(wasm: WebAssemblyApi, memory: MemoryLike, shared = false): Features {
  const zero = constant(0);
  const storing = (vectorCode: Code): Func => func("probe", ["i32"], () => [get(0), vectorCode, v128.store()]);
  const validates = (vectorCode: Code): boolean => wasm.validate(assembleModule([storing(vectorCode)]));
  const simd = validates([zero, zero, f32x4.add]);
  if (!simd) return { simd, multiplyAdd: false };
  // x² = 1 + 2⁻¹¹ + 2⁻²⁴; rounding it separately loses the last term.
  const x = constant(1 + 2 ** -12);
  const square = constant(-(1 + 2 ** -11));
  const fused = [x, x, square, f32x4.relaxedMadd];
  const relaxed = validates(fused);
  // Find out now, not in the middle of a training, whether a policy forbids compiling: so always compile something.
  const module = new wasm.Module(assembleModule([storing(relaxed ? fused : zero)], shared));
  new wasm.Instance(module, { env: { memory } }).exports["probe"](0);
  const result = new Float32Array(memory.buffer, 0, 4);
  const multiplyAdd = result[0] !== 0;
  result.fill(0);
  return { simd, multiplyAdd };
}

/**
 * The reason that a platform gives for refusing WebAssembly; if it may be an unnamed page's policy, with the remedy.
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const policy = error instanceof Error && /^(CompileError|EvalError)$/.test(error.name);
  if (!policy || message.includes("wasm-unsafe-eval")) return message;
  return `${message} (a page's Content-Security-Policy has to allow 'wasm-unsafe-eval')`;
}
