/** Printing as NumPy does: aligned columns, nested brackets, `...` where an axis is long. */
import type { Floats } from "./memory.ts";
import { type Shape, sizeOf, stridesOf } from "./shape.ts";

/** More elements than this are abbreviated to the first and last `EDGE` along each axis. */
const THRESHOLD = 1000;
const EDGE = 3;
const DIGITS = 4;

/** `[[1, 2], [3, 4]]` prints as two lines of aligned columns. */
export function formatTensor(data: Floats, shape: Shape): string {
  const strides = stridesOf(shape);
  const abbreviate = sizeOf(shape) > THRESHOLD;
  const positions = (axis: number): number[] => {
    const length = shape[axis];
    const all = Array.from({ length }, (_, i) => i);
    return abbreviate && length > 2 * EDGE ? [...all.slice(0, EDGE), -1, ...all.slice(-EDGE)] : all;
  };

  const shown: number[] = [];
  const collect = (axis: number, offset: number): void => {
    if (axis === shape.length) shown.push(data[offset]);
    else for (const i of positions(axis)) if (i >= 0) collect(axis + 1, offset + i * strides[axis]);
  };
  collect(0, 0);

  const format = numberFormat(shown);
  const width = Math.max(0, ...shown.map((v) => format(v).length));
  const render = (axis: number, offset: number, indent: number): string => {
    if (axis === shape.length) return format(data[offset]).padStart(shape.length === 0 ? 0 : width);
    const parts = positions(axis).map((i) =>
      i < 0 ? "..." : render(axis + 1, offset + i * strides[axis], indent + 1),
    );
    const inner = shape.length - axis - 1;
    const separator = inner === 0 ? ", " : `,${"\n".repeat(inner)}${" ".repeat(indent + 1)}`;
    return `[${parts.join(separator)}]`;
  };
  return render(0, 0, 0);
}

/** One format for all numbers shown: whole numbers with a trailing dot, fixed decimals, or exponents, as NumPy chooses. */
function numberFormat(values: readonly number[]): (value: number) => string {
  const finite = values.filter(Number.isFinite);
  const special = (v: number): string => (Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf");
  const magnitudes = finite.map(Math.abs).filter((m) => m > 0);
  const largest = Math.max(0, ...magnitudes);
  const smallest = Math.min(Number.POSITIVE_INFINITY, ...magnitudes);

  if (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1e3 * 10 ** DIGITS) {
    return (v) => (Number.isFinite(v) ? v.toExponential(DIGITS) : special(v));
  }
  const decimals = finite.reduce((most, v) => Math.max(most, decimalsOf(v)), 0);
  return (v) => (Number.isFinite(v) ? v.toFixed(decimals) + (decimals === 0 ? "." : "") : special(v));
}

/** Decimals needed to show `v`, at most DIGITS. */
function decimalsOf(v: number): number {
  const text = v.toFixed(DIGITS).replace(/0+$/, "");
  return text.length - text.indexOf(".") - 1;
}
