/** JSON that keeps whatever a result may hold: NaN and infinities (from a training that diverged), and typed arrays. */

const NON_FINITE: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** JSON in which NaN and infinities are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. */
export function toJson(value: unknown, indent?: number): string {
  const replace = (_key: string, v: unknown): unknown => {
    if (typeof v === "number" && !Number.isFinite(v)) return String(v);
    return ArrayBuffer.isView(v) ? Array.from(v as Float32Array) : v;
  };
  return JSON.stringify(value, replace, indent);
}

/** Reads the output of `toJson`. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, v: unknown) => (typeof v === "string" ? (NON_FINITE.get(v) ?? v) : v));
}
