/**
 * What this JavaScript engine's WebAssembly can do, found out by asking it to validate tiny modules.
 *
 * Type declarations of the WebAssembly JavaScript API stand here because the library is compiled without a platform's.
 */
import { assembleModule, type Code, f32x4, func, get, v128 } from "./assembler.ts";

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
  /** Fused (or not) multiply-add in one instruction: relaxed SIMD, V8 12 and later. */
  readonly multiplyAdd: boolean;
}

export function detectFeatures(wasm: WebAssemblyApi): Features {
  const zero = v128.const(0, 0, 0, 0);
  const validates = (vectorCode: Code): boolean =>
    wasm.validate(assembleModule([func("probe", ["i32"], () => [get(0), vectorCode, v128.store()])]));
  return {
    simd: validates([zero, zero, f32x4.add]),
    multiplyAdd: validates([zero, zero, zero, f32x4.relaxedMadd]),
  };
}
