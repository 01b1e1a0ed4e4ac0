/** Two results number by number. */

export interface Comparison {
  /** Where in the result: `curve[3].loss`. */
  readonly path: string;
  /** A value as text; empty where there is none. */
  readonly recorded: string;
  readonly again: string;
  readonly same: boolean;
}

/**
 * Every value of both, including those that only one of them has. Values under a key `seconds` are left out: times
 * differ from run to run.
 */
export function compareValues(recorded: unknown, again: unknown, path = ""): Comparison[] {
  if (isCollection(recorded) && isCollection(again)) {
    const keys = new Set([...Object.keys(recorded), ...Object.keys(again)]);
    keys.delete("seconds");
    const inside = (key: string): string =>
      Array.isArray(recorded) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
    return [...keys].flatMap((key) => compareValues(recorded[key], again[key], inside(key)));
  }
  return [{ path: path || "result", recorded: show(recorded), again: show(again), same: Object.is(recorded, again) }];
}

function isCollection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function show(value: unknown): string {
  return isCollection(value) ? JSON.stringify(value) : value === undefined ? "" : String(value);
}
