/** The names of classes, from the forms in which they are shared. */

/**
 * A line per class, or JSON: a list, or an object by number (`{"0": ["n01440764", "tench"]}`), whole or as `id2label`.
 *
 * @throws Error in words for the reader unless there are `classes` names.
 */
export function readNames(text: string, classes: number): string[] {
  const names = /^\s*[[{]/.test(text) ? fromJson(text) : text.split(/\r?\n/).filter((line) => line.trim());
  if (names.length === classes) return names;
  throw new Error(`The file of names has ${names.length} of them, the network ${classes} classes.`);
}

function fromJson(text: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("The file of names begins like JSON, but is none.");
  }
  const { id2label = json } = json as { id2label?: unknown };
  const entries = Array.isArray(id2label)
    ? id2label
    : Object.entries(id2label as object)
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([, name]) => name as unknown);
  return entries.map((entry) => String(Array.isArray(entry) ? entry[entry.length - 1] : entry));
}
