/**
 * An assembler for WebAssembly, small enough to read: every instruction that Skipstone uses is one line of a table.
 *
 * WebAssembly is a stack machine. `f32x4.add` takes two vectors from the stack and puts their sum there; `local.get(i)`
 * puts variable i on the stack. A function is therefore a list of instructions, and an instruction is a few bytes:
 * its opcode, and sometimes numbers ("immediates"). Code here is nested arrays of bytes, flattened at the end, so that
 * pieces of programs are ordinary values that functions return.
 *
 * Section numbers refer to the WebAssembly specification, https://webassembly.github.io/spec/core/binary/.
 * Next: engine.ts, which compiles what this assembles; matmul-kernel.ts, the first real program.
 */

/** Bytes, or pieces of program that contain bytes. */
export type Code = readonly (number | Code)[];

/** §5.2.2 A number as unsigned LEB128: seven bits a byte, lowest first; a set top bit says that more follow. */
export function unsigned(n: number): number[] {
  const bytes: number[] = [];
  let rest = n;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** §5.2.2 A number as signed LEB128. */
export function signed(n: number): number[] {
  const bytes: number[] = [];
  let rest = n | 0;
  for (;;) {
    const low = rest & 127;
    rest >>= 7;
    const done = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

/** §5.2.3 The four bytes of a float32, lowest first. */
function float32(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** §5.2.2 The four bytes of a whole number of 32 bits, lowest first. */
function int32(value: number): number[] {
  return [...new Uint8Array(Int32Array.of(value).buffer)];
}

/** A local variable, by its index. */
export type Local = number;
/** The type of a variable: §5.3.1 and §5.3.2. */
export type ValueType = "i32" | "f32" | "f64" | "v128";
const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const NO_RESULT = 0x40;

/**
 * §5.4.6 A memory instruction: its opcode, the address's alignment (a power of two), a constant added to the address.
 */
function memory(opcode: Code, offset: number): Code {
  return [opcode, 2, unsigned(offset)];
}

// §5.4.1 Control
/** Repeats its body when a branch inside goes to it; leaves it otherwise. */
export const loop = (...body: Code): Code => [0x03, NO_RESULT, ...body, 0x0b];
/** A branch inside goes to the block's end. */
export const block = (...body: Code): Code => [0x02, NO_RESULT, ...body, 0x0b];
/** Runs its body if the number on the stack is not zero. */
export const when = (...body: Code): Code => [0x04, NO_RESULT, ...body, 0x0b];
/** Branches to the enclosing block or loop, counted from the innermost (0), if the number on the stack is not zero. */
export const branchIf = (depth: number): Code => [0x0d, unsigned(depth)];
export const branch = (depth: number): Code => [0x0c, unsigned(depth)];
/** Calls function number `index` of the module (imports first). */
export const callFunction = (index: number): Code => [0x10, unsigned(index)];

// §5.4.5 Variables
export const get = (local: Local): Code => [0x20, unsigned(local)];
export const set = (local: Local, ...value: Code): Code => [...value, 0x21, unsigned(local)];
/** Sets the variable and leaves the value on the stack. */
export const tee = (local: Local, ...value: Code): Code => [...value, 0x22, unsigned(local)];

// §5.4.7 Numbers. An instruction without immediates is one byte.
export const i32 = {
  const: (n: number): Code => [0x41, signed(n)],
  load: (offset: number = 0): Code => memory([0x28], offset),
  store: (offset: number = 0): Code => memory([0x36], offset),
  eqz: 0x45,
  lessSigned: 0x48,
  lessUnsigned: 0x49,
  greaterSigned: 0x4a,
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  and: 0x71,
  shiftLeft: 0x74,
} as const;

export const f32 = {
  const: (value: number): Code => [0x43, float32(value)],
  load: (offset: number = 0): Code => memory([0x2a], offset),
  store: (offset: number = 0): Code => memory([0x38], offset),
  abs: 0x8b,
  neg: 0x8c,
  sqrt: 0x91,
  add: 0x92,
  sub: 0x93,
  mul: 0x94,
  div: 0x95,
  min: 0x96,
  max: 0x97,
} as const;

export const f64 = {
  const: (value: number): Code => [0x44, [...new Uint8Array(Float64Array.of(value).buffer)]],
  store: (offset: number = 0): Code => memory([0x39], offset),
  add: 0xa0,
  sub: 0xa1,
  mul: 0xa2,
  /** A float64 rounded to float32. */
  demote: 0xb6,
  /** A float32 as float64. */
  promote: 0xbb,
} as const;

// §5.4.8 Vectors of 128 bits. The byte 0xfd, then the instruction's number as LEB128 (228 is 0xe4 0x01).
export const v128 = {
  load: (offset: number = 0): Code => memory([0xfd, 0], offset),
  /** Stores lane 0 alone. */
  store32: (offset: number = 0): Code => [memory([0xfd, 90], offset), 0],
  /** One float32, four times. */
  load32Splat: (offset: number = 0): Code => memory([0xfd, 9], offset),
  store: (offset: number = 0): Code => memory([0xfd, 11], offset),
  /** Replaces lane `lane` by one float32. */
  load32Lane: (lane: number, offset: number = 0): Code => [memory([0xfd, 86], offset), lane],
  /** Stores lanes 2·half and 2·half + 1 only. */
  store64Lane: (half: 0 | 1, offset: number = 0): Code => [memory([0xfd, 91], offset), half],
  const: (...lanes: readonly [number, number, number, number]): Code => [0xfd, 12, lanes.map(float32)],
  /** Four whole numbers: lane numbers, masks. */
  constInt: (...lanes: readonly [number, number, number, number]): Code => [0xfd, 12, lanes.map(int32)],
  and: [0xfd, 78],
  andnot: [0xfd, 79],
  or: [0xfd, 80],
  /** Bits of the first where the third has ones, of the second elsewhere. */
  bitselect: [0xfd, 82],
} as const;

export const i8x16 = {
  /** Sixteen bytes chosen from two vectors. */
  shuffle: (...lanes: readonly number[]): Code => [0xfd, 13, ...lanes],
} as const;

export const f32x4 = {
  splat: [0xfd, 19],
  extractLane: (lane: number): Code => [0xfd, 31, lane],
  eq: [0xfd, 65],
  notEqual: [0xfd, 66],
  less: [0xfd, 67],
  greater: [0xfd, 68],
  lessOrEqual: [0xfd, 69],
  greaterOrEqual: [0xfd, 70],
  ceil: [0xfd, 103],
  floor: [0xfd, 104],
  /** To the nearest whole number, of two equally near ones to the even. */
  nearest: [0xfd, 106],
  abs: [0xfd, 0xe0, 1],
  neg: [0xfd, 0xe1, 1],
  sqrt: [0xfd, 0xe3, 1],
  add: [0xfd, 0xe4, 1],
  sub: [0xfd, 0xe5, 1],
  mul: [0xfd, 0xe6, 1],
  div: [0xfd, 0xe7, 1],
  min: [0xfd, 0xe8, 1],
  max: [0xfd, 0xe9, 1],
  /** The second where it is less than the first, else the first. Half the time of `min`. */
  pmin: [0xfd, 0xea, 1],
  /** The second where the first is less than it, else the first. Half the time of `max`; a NaN in the first stays. */
  pmax: [0xfd, 0xeb, 1],
  /** Relaxed SIMD: a·b + c, rounded once or twice, depending on the processor. */
  relaxedMadd: [0xfd, 0x85, 2],
} as const;

export const i32x4 = {
  splat: [0xfd, 17],
  shiftLeft: [0xfd, 0xab, 1],
  shiftRightSigned: [0xfd, 0xac, 1],
  add: [0xfd, 0xae, 1],
  sub: [0xfd, 0xb1, 1],
  maxSigned: [0xfd, 0xb8, 1],
} as const;

export const f64x2 = {
  splat: [0xfd, 20],
  add: [0xfd, 0xf0, 1],
  sub: [0xfd, 0xf1, 1],
  mul: [0xfd, 0xf2, 1],
  div: [0xfd, 0xf3, 1],
  /** The first two of four float32, as float64. */
  promoteLow: [0xfd, 95],
  /** Two float64 as the first two of four float32, followed by zeros. */
  demoteZero: [0xfd, 94],
} as const;

/** One float32, four times. */
export const constant = (value: number): Code => v128.const(value, value, value, value);

/** Four float32 shuffled as units: lanes 0–3 of the first vector, 4–7 of the second. */
export const shuffle32 = (...lanes: readonly [number, number, number, number]): Code =>
  i8x16.shuffle(...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));

/** Variables of a function under construction: parameters first, then locals in the order of creation. */
export class Locals {
  readonly params: readonly ValueType[];
  readonly #locals: ValueType[] = [];

  constructor(params: readonly ValueType[]) {
    this.params = params;
  }

  /** A new local variable; it starts at zero. */
  make(type: ValueType): Local {
    this.#locals.push(type);
    return this.params.length + this.#locals.length - 1;
  }

  /** Several new local variables of one type. */
  many(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.make(type));
  }

  get types(): readonly ValueType[] {
    return this.#locals;
  }
}

/** A function of a module: its exported name, its variables and its instructions. It returns nothing. */
export interface Func {
  readonly name: string;
  readonly locals: Locals;
  readonly body: Code;
}

/** A function whose variables and instructions come from `write`. */
export function func(name: string, params: readonly ValueType[], write: (locals: Locals) => Code): Func {
  const locals = new Locals(params);
  const body = write(locals);
  return { name, locals, body };
}

/** §5.5 A module: the bytes of a WebAssembly file with these functions. It imports its memory as env.memory. */
export function assembleModule(funcs: readonly Func[], shared = false): Uint8Array {
  const name = (text: string): Code => list(Array.from(text, (letter) => letter.charCodeAt(0)));
  const types = funcs.map(({ locals }) => [0x60, list(locals.params.map((type) => VALUE_TYPES[type])), 0]);
  const bytes: Code = [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    section(1, list(types)),
    section(
      2,
      list([[name("env"), name("memory"), 0x02, shared ? [0x03, unsigned(0), unsigned(65536)] : [0x00, unsigned(0)]]]),
    ),
    section(3, list(funcs.map((_, i) => unsigned(i)))),
    section(7, list(funcs.map((f, i) => [name(f.name), 0x00, unsigned(i)]))),
    section(
      10,
      list(
        funcs.map(({ locals, body }) => {
          const declarations = list(locals.types.map((type) => [1, VALUE_TYPES[type]]));
          return sized([declarations, body, 0x0b]);
        }),
      ),
    ),
  ];
  return Uint8Array.from(flatten(bytes));
}

/** A vector in the binary format: the number of its parts, then the parts. */
function list(parts: readonly (number | Code)[]): Code {
  return [unsigned(parts.length), ...parts];
}

/** A part preceded by its size in bytes. */
function sized(code: Code): Code {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
}

/** §5.5.2 */
function section(id: number, content: Code): Code {
  return [id, sized(content)];
}

function flatten(code: Code): number[] {
  const bytes: number[] = [];
  const visit = (part: number | Code): void => {
    if (typeof part === "number") bytes.push(part);
    else for (const inner of part) visit(inner);
  };
  visit(code);
  return bytes;
}
