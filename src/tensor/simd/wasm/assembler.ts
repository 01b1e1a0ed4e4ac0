/**
 * An assembler for WebAssembly, small enough to read: every instruction that Skipstone uses is one line of a table.
 *
 * WebAssembly is a stack machine. `f32x4.add` takes two vectors from the stack and puts their sum there; `local.get(i)`
 * puts variable i on the stack. A function is therefore a list of instructions, and an instruction is a few bytes:
 * its opcode, and sometimes numbers ("immediates"). Code here is nested arrays of instructions, written out at the end, so
 * that pieces of programs are ordinary values that functions return.
 *
 * Section numbers refer to the WebAssembly specification, https://webassembly.github.io/spec/core/binary/.
 * Next: engine.ts, which compiles what this assembles; matmul-kernel.ts, the first real program.
 */

/**
 * A piece of program: a list of pieces, or a number. A network's first step assembles some 100,000 instructions before V8
 * optimises any of this, so nearly all are one number, not a list of bytes:
 *
 *   below 0x100     a byte
 *   below 0x400     0x100 + n: vector instruction n, which is the byte 0xfd, then n as LEB128
 *   from 0x400 on   0x100·(n + 4) + byte: a byte, then n as LEB128
 */
export type Code = number | readonly Code[];

/** A byte, then a whole number from 0 on. */
const withNumber = (byte: number, n: number): number => 256 * (n + 4) + byte;

/** §5.2.2 A number as unsigned LEB128: seven bits a byte, lowest first; a set top bit says that more follow. */
const unsigned = (n: number): Code => (n < 128 ? n : [(n % 128) + 128, unsigned(Math.floor(n / 128))]);

/** §5.2.2 A number as signed LEB128. */
function signed(n: number): Code {
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

/** The bytes of numbers in memory, lowest first: §5.2.2, §5.2.3. */
const bytesOf = ({ buffer }: Float32Array | Float64Array | Int32Array): Code => Array.from(new Uint8Array(buffer));

/** A local variable, by its index. */
export type Local = number;
/** The type of a variable: §5.3.1 and §5.3.2. */
export type ValueType = "i32" | "f32" | "f64" | "v128";
const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const NO_RESULT = 0x40;

/**
 * §5.4.6 A memory instruction: its opcode, the address's alignment (a power of two), a constant added to the address.
 */
function memory(opcode: number, offset: number): Code {
  return [opcode, withNumber(2, offset)];
}

// §5.4.1 Control
/** Repeats its body when a branch inside goes to it; leaves it otherwise. */
export const loop = (...body: readonly Code[]): Code => [0x03, NO_RESULT, ...body, 0x0b];
/** A branch inside goes to the block's end. */
export const block = (...body: readonly Code[]): Code => [0x02, NO_RESULT, ...body, 0x0b];
/** Runs its body if the number on the stack is not zero. */
export const when = (...body: readonly Code[]): Code => [0x04, NO_RESULT, ...body, 0x0b];
/** Branches to the enclosing block or loop, counted from the innermost (0), if the number on the stack is not zero. */
export const branchIf = (depth: number): Code => withNumber(0x0d, depth);
export const branch = (depth: number): Code => withNumber(0x0c, depth);
/** Calls function number `index` of the module (imports first). */
export const callFunction = (index: number): Code => withNumber(0x10, index);

// §5.4.5 Variables
export const get = (local: Local): Code => withNumber(0x20, local);
export const set = (local: Local, ...value: readonly Code[]): Code => [...value, withNumber(0x21, local)];
/** Sets the variable and leaves the value on the stack. */
export const tee = (local: Local, ...value: readonly Code[]): Code => [...value, withNumber(0x22, local)];

// §5.4.7 Numbers. An instruction without immediates is one byte.
export const i32 = {
  const: (n: number): Code => (-64 <= n && n < 64 ? withNumber(0x41, n & 127) : [0x41, signed(n)]),
  load: (offset: number = 0): Code => memory(0x28, offset),
  store: (offset: number = 0): Code => memory(0x36, offset),
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
  const: (value: number): Code => [0x43, bytesOf(Float32Array.of(value))],
  load: (offset: number = 0): Code => memory(0x2a, offset),
  store: (offset: number = 0): Code => memory(0x38, offset),
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
  const: (value: number): Code => [0x44, bytesOf(Float64Array.of(value))],
  store: (offset: number = 0): Code => memory(0x39, offset),
  add: 0xa0,
  sub: 0xa1,
  mul: 0xa2,
  /** A float64 rounded to float32. */
  demote: 0xb6,
  /** A float32 as float64. */
  promote: 0xbb,
} as const;

// §5.4.8 Vectors of 128 bits. Instruction n is 0x100 + n.
export const v128 = {
  load: (offset: number = 0): Code => memory(0x100, offset),
  /** Stores lane 0 alone. */
  store32: (offset: number = 0): Code => [memory(0x15a, offset), 0],
  /** One float32, four times. */
  load32Splat: (offset: number = 0): Code => memory(0x109, offset),
  store: (offset: number = 0): Code => memory(0x10b, offset),
  /** Replaces lane `lane` by one float32. */
  load32Lane: (lane: number, offset: number = 0): Code => [memory(0x156, offset), lane],
  /** Stores lanes 2·half and 2·half + 1 only. */
  store64Lane: (half: 0 | 1, offset: number = 0): Code => [memory(0x15b, offset), half],
  const: (...lanes: readonly [number, number, number, number]): Code => [0x10c, bytesOf(Float32Array.of(...lanes))],
  /** Four whole numbers: lane numbers, masks. */
  constInt: (...lanes: readonly [number, number, number, number]): Code => [0x10c, bytesOf(Int32Array.of(...lanes))],
  and: 0x14e,
  andnot: 0x14f,
  or: 0x150,
  /** Bits of the first where the third has ones, of the second elsewhere. */
  bitselect: 0x152,
} as const;

export const i8x16 = {
  /** Sixteen bytes chosen from two vectors. */
  shuffle: (...lanes: readonly number[]): Code => [0x10d, ...lanes],
} as const;

export const f32x4 = {
  splat: 0x113,
  extractLane: (lane: number): Code => [0x11f, lane],
  eq: 0x141,
  notEqual: 0x142,
  less: 0x143,
  greater: 0x144,
  lessOrEqual: 0x145,
  greaterOrEqual: 0x146,
  ceil: 0x167,
  floor: 0x168,
  /** To the nearest whole number, of two equally near ones to the even. */
  nearest: 0x16a,
  abs: 0x1e0,
  neg: 0x1e1,
  sqrt: 0x1e3,
  add: 0x1e4,
  sub: 0x1e5,
  mul: 0x1e6,
  div: 0x1e7,
  min: 0x1e8,
  max: 0x1e9,
  /** The second where it is less than the first, else the first. Half the time of `min`. */
  pmin: 0x1ea,
  /** The second where the first is less than it, else the first. Half the time of `max`; a NaN in the first stays. */
  pmax: 0x1eb,
  /** Relaxed SIMD: a·b + c, rounded once or twice, depending on the processor. */
  relaxedMadd: 0x205,
} as const;

export const i32x4 = {
  splat: 0x111,
  shiftLeft: 0x1ab,
  shiftRightSigned: 0x1ac,
  add: 0x1ae,
  sub: 0x1b1,
  maxSigned: 0x1b8,
} as const;

export const f64x2 = {
  splat: 0x114,
  add: 0x1f0,
  sub: 0x1f1,
  mul: 0x1f2,
  div: 0x1f3,
  /** The first two of four float32, as float64. */
  promoteLow: 0x15f,
  /** Two float64 as the first two of four float32, followed by zeros. */
  demoteZero: 0x15e,
} as const;

/** One float32, four times. */
export const constant = (value: number): Code => v128.const(value, value, value, value);

/** Four float32 shuffled as units: lanes 0–3 of the first vector, 4–7 of the second. */
export function shuffle32(...lanes: readonly [number, number, number, number]): Code {
  const bytes: number[] = [];
  for (const lane of lanes) bytes.push(4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3);
  return i8x16.shuffle(...bytes);
}

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
  const bytes = new Bytes();
  /** §5.5.2: a vector of parts. */
  const section = <Part>(id: number, parts: readonly Part[], add: (part: Part, i: number) => void): void => {
    bytes.add(id);
    bytes.addSized(() => {
      bytes.add(unsigned(parts.length));
      parts.forEach(add);
    });
  };
  const types = (some: readonly ValueType[]): Code[] => some.map((type) => VALUE_TYPES[type]);
  const name = (text: string): Code => list(Array.from(text, (letter) => letter.charCodeAt(0)));
  bytes.add([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]); // "\0asm", version 1
  section(1, funcs, ({ locals }) => bytes.add([0x60, list(types(locals.params)), 0]));
  section(2, [shared ? [0x03, 0, unsigned(65536)] : [0x00, 0]], (limits) =>
    bytes.add([name("env"), name("memory"), 0x02, limits]),
  );
  section(3, funcs, (_, i) => bytes.add(unsigned(i)));
  section(7, funcs, (f, i) => bytes.add([name(f.name), 0x00, unsigned(i)]));
  section(10, funcs, ({ locals, body }) =>
    bytes.addSized(() => bytes.add([list(types(locals.types).map((type) => [1, type])), body, 0x0b])),
  );
  return bytes.result;
}

/** A vector in the binary format: the number of its parts, then the parts. */
function list(parts: readonly Code[]): Code {
  return [unsigned(parts.length), parts];
}

/** A file in the making. */
class Bytes {
  #bytes = new Uint8Array(32768);
  #length = 0;

  get result(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  add(code: Code): void {
    const end = write(code, this.#bytes, this.#length);
    if (end <= this.#bytes.length) this.#length = end;
    else {
      // What had no room was dropped: again.
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.add(code);
    }
  }

  /** What `write` adds, preceded by its size in bytes. */
  addSized(write: () => void): void {
    const start = this.#length;
    write();
    const end = this.#length;
    this.add(unsigned(end - start));
    const size = this.#bytes.slice(end, this.#length);
    this.#bytes.copyWithin(start + size.length, start, end);
    this.#bytes.set(size, start);
  }
}

/** Writes code at an index; returns the index after it. Most of it runs before V8 has compiled it: so there are no iterators. */
function write(code: Code, to: Uint8Array, at: number): number {
  if (typeof code !== "number") {
    for (let i = 0; i < code.length; i++) at = write(code[i], to, at);
    return at;
  }
  if (code < 256) {
    to[at] = code;
    return at + 1;
  }
  to[at++] = code < 1024 ? 0xfd : code & 255;
  let rest = code < 1024 ? code - 256 : Math.floor(code / 256) - 4;
  for (; rest > 127; rest = Math.floor(rest / 128)) to[at++] = (rest % 128) + 128;
  to[at] = rest;
  return at + 1;
}
