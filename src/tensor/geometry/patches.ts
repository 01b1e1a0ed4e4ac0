/**
 * Tables that read a zero-padded image as its im2col matrix without building it: element (tap, position) lies at
 * taps[tap] + positions[position]. Both tiers' convolutions use them. All offsets are in floats.
 *
 * `patchTables` is for the forward pass and the weight gradient. The input gradient asks the reverse: which outputs a
 * pixel contributed to. At stride s its pixels fall into s phases along each axis, and `phaseTables` has the tables of
 * each pair.
 */
import type { ConvGeometry } from "./conv.ts";

export interface PatchTables {
  /** K addresses, relative to a group's first channel. */
  readonly taps: Int32Array;
  /** L addresses. */
  readonly positions: Int32Array;
  /** Width of the padded image. */
  readonly Wp: number;
  /** Distance from one channel to the next. */
  readonly plane: number;
}

/** The addresses of the im2col matrix in a padded image; by default its channels are an odd number of cache lines apart. */
export function patchTables(
  { H, W, Cg, kh, kw, sh, sw, ph, pw, dh, dw, Ho, Wo }: ConvGeometry,
  plane: number = oddLines((H + 2 * ph) * (W + 2 * pw)),
): PatchTables {
  const Wp = W + 2 * pw;
  return {
    taps: grid(arithmetic(Cg), grid(arithmetic(kh, dh), arithmetic(kw, dw), Wp), plane),
    positions: grid(arithmetic(Ho, sh), arithmetic(Wo, sw), Wp),
    Wp,
    plane,
  };
}

/**
 * Room for `count` numbers, an odd number of cache lines: the distance of channels, and of Winograd's points. A tile reads
 * the same place of many of them. At a distance that is a multiple of a power of two those places fall into a few sets of
 * the cache (1×1 on 56 × 56: into 8 of 64).
 */
export function oddLines(count: number): number {
  return (Math.ceil(count / 16) | 1) * 16;
}

/** 0, step, 2·step, … */
export function arithmetic(count: number, step = 1): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) numbers.push(i * step);
  return numbers;
}

/** row·width + column, for all rows and columns. */
export function grid(rows: ArrayLike<number>, columns: ArrayLike<number>, width: number): Int32Array {
  const numbers = new Int32Array(rows.length * columns.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < columns.length; j++) numbers[at++] = rows[i] * width + columns[j];
  }
  return numbers;
}

/** One residue class of pixels along one axis, with the filter taps that meet it. */
export interface Phase {
  /** Pixels h of this phase. */
  readonly pixels: readonly number[];
  /** For each pixel, the row of padded gy that its tap with shift 0 sees. */
  readonly bases: readonly number[];
  /** Taps u with u·d ≡ h + p modulo s. */
  readonly taps: readonly number[];
  /** For each tap, its distance from the base. */
  readonly shifts: readonly number[];
}

export interface AxisPhases {
  readonly phases: readonly Phase[];
  /** Zeros before gy, and its length with the zeros on both sides. */
  readonly before: number;
  readonly padded: number;
}

/** Solves i·s + u·d − p = h along one axis for i: i = (h + p − r)/s + (r − u·d)/s, both whole where r = (h + p) mod s. */
export function axisPhases(
  length: number,
  kernel: number,
  s: number,
  p: number,
  d: number,
  outputs: number,
): AxisPhases {
  // The smallest and the largest i that any pair of pixel and tap needs.
  const before = Math.max(0, -Math.ceil((p - (kernel - 1) * d) / s));
  const after = Math.max(0, Math.floor((length - 1 + p) / s) - (outputs - 1));
  const phases = Array.from({ length: s }, (_, r) => {
    const pixels = arithmetic(length).filter((h) => (h + p) % s === r);
    const taps = arithmetic(kernel).filter((u) => (u * d) % s === r);
    return {
      pixels,
      bases: pixels.map((h) => (h + p - r) / s + before),
      taps,
      shifts: taps.map((u) => (r - u * d) / s),
    };
  });
  return { phases, before, padded: before + outputs + after };
}

/** The tables of one pair of phases: addresses in padded gy, and where the results go in a plane of gx. */
export function phaseTables(
  rows: Phase,
  columns: Phase,
  { W, Og }: ConvGeometry,
  Wp: number,
  plane: number,
): { taps: Int32Array; positions: Int32Array; pixels: Int32Array } {
  return {
    taps: grid(arithmetic(Og), grid(rows.shifts, columns.shifts, Wp), plane),
    positions: grid(rows.bases, columns.bases, Wp),
    pixels: grid(rows.pixels, columns.pixels, W),
  };
}
