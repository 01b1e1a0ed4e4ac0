/**
 * Printing as NumPy 2.4 does: aligned columns, nested brackets, `...` where an axis is long, lines of at most 75 characters.
 *
 * All numbers of a tensor share one format: fixed, or with exponents where their magnitudes differ too much. Each is
 * shown with the fewest digits that identify it among the numbers of its type, at most 8 after the point. (A digit cut
 * off exactly half-way is rounded up here, to even in NumPy: one number in a thousand differs in its last digit.)
 */
import type { Floats } from "./memory.ts";
import { type Shape, sizeOf, stridesOf } from "./shape.ts";

/** Larger tensors are abbreviated to the first and last three elements along each axis. */
const THRESHOLD = 1000;
const EDGE = 3;
/** Digits after the point, at most. */
const PRECISION = 8;
const LINE_WIDTH = 75;

/** `[[1, 2], [3, 4]]` prints as `[[1. 2.]`, and below it ` [3. 4.]]`. */
export function formatTensor(data: Floats, shape: Shape): string {
  if (sizeOf(shape) === 0) return "[]";
  const single = data instanceof Float32Array;
  if (shape.length === 0) return formatScalar(data[0], single);

  const strides = stridesOf(shape);
  const abbreviate = sizeOf(shape) > THRESHOLD;
  /** The indices shown along an axis; −1 stands for those left out. */
  const positions = shape.map((length) =>
    abbreviate && length > 2 * EDGE
      ? [0, 1, 2, -1, length - 3, length - 2, length - 1]
      : Array.from({ length }, (_, i) => i),
  );
  const shown: number[] = [];
  const collect = (axis: number, offset: number): void => {
    if (axis === shape.length) shown.push(data[offset]);
    else for (const i of positions[axis]) if (i >= 0) collect(axis + 1, offset + i * strides[axis]);
  };
  collect(0, 0);
  const format = commonFormat(shown, single);

  const last = shape.length - 1;
  const render = (axis: number, offset: number): string => {
    const indent = " ".repeat(axis + 1);
    const parts = positions[axis].map((i) => {
      if (i < 0) return "...";
      const at = offset + i * strides[axis];
      return axis === last ? format(data[at]) : render(axis + 1, at);
    });
    // Leave room for the closing brackets: one for each axis.
    const inside =
      axis === last ? wrapped(parts, indent, LINE_WIDTH - shape.length) : parts.join("\n".repeat(last - axis) + indent);
    return `[${inside}]`;
  };
  return render(0, 0);
}

/** Words side by side, in lines of at most `width`; all but the first begin with `indent`. */
function wrapped(words: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  lines.push(line);
  return lines.join("\n").slice(indent.length);
}

/** One format for all numbers shown: equal widths, aligned points. */
function commonFormat(values: readonly number[], single: boolean): (value: number) => string {
  const finite = values.filter(Number.isFinite);
  const magnitudes = finite.map(Math.abs).filter((m) => m > 0);
  const largest = magnitudes.reduce((a, b) => Math.max(a, b), 0);
  const smallest = magnitudes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  // NumPy compares in the tensor's own type; float32 has only 6 reliable digits.
  const round = single ? Math.fround : (v: number): number => v;
  const exponents = largest >= (single ? 1e6 : 1e8) || smallest < round(1e-4) || round(largest / smallest) > 1000;

  const parts = finite.map((v) => (exponents ? scientific(v, single) : positional(v, single)));
  const whole = Math.max(0, ...parts.map((part) => part.whole.length));
  const decimals = Math.max(0, ...parts.map((part) => part.decimals.length));
  const power = Math.max(0, ...parts.map((part) => part.power.length));
  const specials = values.filter((v) => !Number.isFinite(v)).map((v) => special(v).length);
  const width = Math.max(finite.length > 0 ? whole + 1 + decimals + power : 0, ...specials);

  return (v) => {
    if (!Number.isFinite(v)) return special(v).padStart(width);
    if (!exponents) {
      const part = positional(v, single);
      return `${part.whole}.${part.decimals.padEnd(decimals)}`.padStart(width);
    }
    // Every number gets as many digits as the one that needs the most.
    const [mantissa, exponent] = Math.abs(v).toExponential(decimals).split("e");
    const point = decimals === 0 ? "." : "";
    return `${signOf(v)}${mantissa}${point}e${exponent[0]}${exponent.slice(1).padStart(power - 2, "0")}`.padStart(
      width,
    );
  };
}

/** A tensor without axes prints like a number: `3.0`, `0.1`, `1e+10`. */
function formatScalar(v: number, single: boolean): string {
  if (!Number.isFinite(v)) return special(v);
  const magnitude = Math.abs(v);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= (single ? 1e6 : 1e16))) {
    const { whole, decimals, power } = scientific(v, single, 16);
    return `${whole}${decimals ? "." : ""}${decimals}${power}`;
  }
  const { whole, decimals } = positional(v, single, 20);
  return `${whole}.${decimals || "0"}`;
}

function special(v: number): string {
  return Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf";
}

/**
 * A number's text: before the point, with its sign; after it, without trailing zeros; and its exponent such as `e+00`,
 * if wanted.
 */
interface Parts {
  readonly whole: string;
  readonly decimals: string;
  readonly power: string;
}

function positional(v: number, single: boolean, most = PRECISION): Parts {
  const [mantissa, exponent] = shortest(v, single).split("e");
  const digits = mantissa.replace(/[-.]/g, "").length;
  const needed = Math.max(0, digits - 1 - Number(exponent));
  const [whole, decimals = ""] = Math.abs(v).toFixed(Math.min(needed, most)).split(".");
  return { whole: signOf(v) + whole, decimals: decimals.replace(/0+$/, ""), power: "" };
}

function scientific(v: number, single: boolean, most = PRECISION): Parts {
  const text = shortest(v, single);
  const digits = text.split("e")[0].replace(/[-.]/g, "").length;
  const [mantissa, exponent] = Math.abs(v)
    .toExponential(Math.min(digits - 1, most))
    .split("e");
  const [whole, decimals = ""] = mantissa.split(".");
  const power = `e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  return { whole: signOf(v) + whole, decimals: decimals.replace(/0+$/, ""), power };
}

/** The sign, also of −0. */
function signOf(v: number): string {
  return v < 0 || Object.is(v, -0) ? "-" : "";
}

/** v with an exponent and the fewest digits that identify it among the numbers of its type. */
function shortest(v: number, single: boolean): string {
  if (!single) return v.toExponential();
  for (let digits = 0; ; digits++) {
    const text = v.toExponential(digits);
    if (Math.fround(Number(text)) === v) return text;
  }
}
