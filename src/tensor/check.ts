/**
 * Checks the names of options at run time, as TypeScript does when it compiles. Most programs are plain JavaScript,
 * where a mistyped option would be ignored and give a wrong number silently. Also describes values for messages. Next:
 * arguments.ts, which checks the values.
 */
import { isForeign, TWO_COPIES } from "./copies.ts";
import { UsageError } from "./errors.ts";

/** Every option of an interface, once. A name that is missing here, or not in the interface, does not compile. */
export type OptionNames<Options> = { readonly [Name in keyof Required<Options>]: true };

/** Other libraries' names for the same thing, without underscores and in lower case. */
const SYNONYMS: Readonly<Record<string, string>> = {
  learningrate: "lr",
  numclasses: "classes",
  axis: "axes",
  dim: "axes",
  dims: "axes",
  beta1: "momentum",
  seed: "rng",
};

/**
 * Throws unless `options` is undefined, or an object whose names are all in `names`.
 *
 * @throws UsageError that names the operation, the option, and the nearest existing one.
 */
export function checkOptions<Options>(
  op: string,
  options: Options | undefined,
  names: OptionNames<NonNullable<Options>>,
): void {
  if (options === undefined) return;
  const known = Object.keys(names);
  // A Map, a Set or a Promise has no names either: it would pass as an object without options.
  if (Object.prototype.toString.call(options) !== "[object Object]") {
    throw new UsageError(`${op}: options must be an object, { ${known.join(", ")} }, got ${describe(options)}`);
  }
  for (const name in options) {
    if (Object.hasOwn(names, name)) continue;
    const nearest = nearestOf(name, known);
    throw new UsageError(
      `${op}: there is no option "${name}"${nearest ? `: did you mean "${nearest}"?` : ""} (options: ${known.join(", ")})`,
    );
  }
}

/** A value in an error message: brief, and with its kind. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean")
    return `${value}`;
  if (typeof value === "string") return value.length > 40 ? `"${value.slice(0, 40)}…"` : `"${value}"`;
  if (typeof value === "function") return value.name ? `the function ${value.name}` : "a function";
  if (typeof value !== "object") return `a ${typeof value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isForeign(value)) return `a ${value.constructor.name} of another copy: ${TWO_COPIES}`;
  const { name } = (value as { constructor?: { name?: string } }).constructor ?? {};
  return name && name !== "Object" ? `a ${name}` : `an object { ${Object.keys(value).slice(0, 5).join(", ")} }`;
}

/** The one of `known` that was probably meant; undefined if none is close. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const bare = (text: string): string => text.replaceAll(/[_-]/g, "").toLowerCase();
  const wanted = bare(name);
  const synonym = SYNONYMS[wanted];
  if (synonym !== undefined && known.includes(synonym)) return synonym;
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, bare(candidate));
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** How many letters must be changed, added, removed or swapped with their neighbour (Damerau–Levenshtein). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2][j - 2] + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
