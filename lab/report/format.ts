/** Readable numbers, for the terminal and the report. */

/** 0.9712 as `97.1 %`, and 1 as `100 %` only if it is. */
export function percent(fraction: number, digits = 1): string {
  const text = (100 * fraction).toFixed(digits);
  if (fraction < 1 && Number(text) === 100) return `${(100 - 10 ** -digits).toFixed(digits)} %`;
  return `${fraction === 1 ? "100" : text} %`;
}

/** Three significant digits; very large and very small numbers as a power of ten: `0.0123`, `4.56e-7`. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(2);
}

/** As `toFixed`, with a minus sign instead of a hyphen: `−0.03`. */
export function fixed(value: number, digits: number): string {
  return value.toFixed(digits).replace("-", "−");
}

/** 75 as `1 min 15 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}

/** 12345 as `12,345`. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** A ratio in words: `31 times as large`, `1/31 as large`, `as large`. */
export function asLarge(ratio: number): string {
  const round = (value: number): string =>
    value >= 9.95 ? grouped(Number(value.toPrecision(value < 100 ? 2 : 3))) : String(Number(value.toFixed(1)));
  if (!Number.isFinite(ratio)) return "infinitely many times as large";
  if (ratio === 0) return "zero";
  if (ratio >= 1) return round(ratio) === "1" ? "as large" : `${round(ratio)} times as large`;
  return round(1 / ratio) === "1" ? "as large" : `1/${round(1 / ratio)} as large`;
}

/** `a, b and c`; an item that contains a comma gets quotation marks. */
export function listed(items: readonly string[]): string {
  const apart = items.map((item) => (item.includes(",") ? `“${item}”` : item));
  return apart.length < 2 ? apart.join("") : `${apart.slice(0, -1).join(", ")} and ${apart.at(-1)}`;
}
