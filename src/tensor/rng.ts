/**
 * `Rng`: all randomness in Skipstone comes from an explicit, seeded generator. Same seed, same numbers, everywhere.
 *
 * The generator is xoshiro128** (Blackman & Vigna 2018, "Scrambled Linear Pseudorandom Number Generators"): 128 bits of
 * state, 32-bit operations only, so JavaScript computes it exactly. SplitMix32 spreads the seed over the state. One
 * multiplication and one addition turn these bits into uniform numbers. Normal numbers use the logarithm, sine and
 * cosine of math/: the platform's own differ in the last bit from one engine and version to the next.
 */
import { describe } from "./check.ts";
import { ValueError } from "./errors.ts";
import { cos, log, sin } from "./math/index.ts";

/** All of a generator: what a generator shows of itself, and what structuredClone, a message and JSON make of one. */
export interface RngState {
  /** The 128 bits, as four whole numbers below 2³². */
  readonly state: readonly number[];
  /** Normals are made in pairs: the second, if it has not been drawn. */
  readonly spare: number | null;
}

/**
 * A generator of random numbers: the same seed gives the same numbers everywhere.
 *
 * @example
 * const dice = new Rng(7);
 * const copy = new Rng(dice); // continues where dice is
 * dice.integer(6) === copy.integer(6); // true
 * dice.setState(new Rng(7)); // starts again
 */
export class Rng implements RngState {
  readonly #words = new Uint32Array(4);
  #spare: number | null = null;
  // Own properties, as those of a tensor: a clone has them, and test runners compare them.
  declare readonly state: readonly number[];
  declare readonly spare: number | null;

  /** @param seed any whole number (its low 32 bits count), or a generator's state. */
  constructor(seed: number | RngState) {
    Object.defineProperties(this, {
      state: { enumerable: true, get: () => [...this.#words] },
      spare: { enumerable: true, get: () => this.#spare },
    });
    if (isRngState(seed)) {
      this.setState(seed);
      return;
    }
    if (!Number.isInteger(seed)) throw new ValueError(`Rng: the seed must be a whole number, got ${describe(seed)}`);
    const next = splitMix32(seed as number);
    for (let i = 0; i < 4; i++) this.#words[i] = next();
  }

  /**
   * Goes on where another generator is, or was.
   *
   * @throws ValueError for what is not a generator's state.
   */
  setState(saved: RngState): void {
    if (!isRngState(saved)) {
      throw new ValueError(`Rng.setState: it must be a generator, or its { state, spare }, got ${describe(saved)}`);
    }
    this.#words.set(saved.state);
    this.#spare = saved.spare;
  }

  /** 32 random bits, as a whole number in [0, 2³²). */
  bits(): number {
    if (noted) noteState(this);
    const state = this.#words;
    const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0;
    const t = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotateLeft(state[3], 11);
    return result;
  }

  /** Uniform in [low, high): a multiple of (high − low)·2⁻³². */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 0x1_0000_0000);
  }

  /** Uniform whole number in [0, n), without modulo bias (rejection). */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x1_0000_0000) {
      throw new ValueError(`Rng.integer: n must be a whole number from 1 to 2^32, got ${n}`);
    }
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % n);
    let bits = this.bits();
    while (bits >= limit) bits = this.bits();
    return bits % n;
  }

  /** Normal with the given mean and standard deviation (Box & Muller 1958). */
  normal(mean = 0, standardDeviation = 1): number {
    if (noted) noteState(this);
    let z = this.#spare;
    if (z === null) {
      const radius = Math.sqrt(-2 * log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      z = radius * cos(angle);
      this.#spare = radius * sin(angle);
    } else {
      this.#spare = null;
    }
    return mean + standardDeviation * z;
  }

  /** A random order of 0 … n−1 (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
    return order;
  }

  /**
   * An independent generator, so that neither of two consumers (weights and shuffling, say) depends on how many numbers
   * the other drew. Forks with different labels differ; a fork advances this generator by one draw.
   */
  fork(label = ""): Rng {
    let hash = this.bits();
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new Rng(hash >>> 0);
  }
}

/** The generators that have drawn since `noteDraws` began, with their states before. */
let noted: Map<Rng, RngState> | null = null;

function noteState(rng: Rng): void {
  if (!noted!.has(rng)) noted!.set(rng, { state: rng.state, spare: rng.spare });
}

/** Runs `fn`, and writes to `draws` where every generator that draws was before. */
export function noteDraws<T>(draws: Map<Rng, RngState>, fn: () => T): T {
  const around = noted;
  noted = draws;
  try {
    return fn();
  } finally {
    noted = around;
    for (const [rng, state] of draws) if (around && !around.has(rng)) around.set(rng, state);
  }
}

/** Runs `fn`, for which these generators draw what they drew then. Afterwards they go on where they were before. */
export function repeatDraws<T>(draws: ReadonlyMap<Rng, RngState>, fn: () => T): T {
  const before = [...draws.keys()].map((rng) => [rng, { state: rng.state, spare: rng.spare }] as const);
  for (const [rng, state] of draws) rng.setState(state);
  try {
    return fn();
  } finally {
    for (const [rng, state] of before) rng.setState(state);
  }
}

/** Whether a value can be a generator's state. */
export function isRngState(value: unknown): value is RngState {
  const { state, spare } = (value ?? {}) as Partial<RngState>;
  const isWord = (word: number): boolean => Number.isInteger(word) && word >= 0 && word < 2 ** 32;
  return (
    Array.isArray(state) && state.length === 4 && state.every(isWord) && (spare === null || Number.isFinite(spare))
  );
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

function splitMix32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}
