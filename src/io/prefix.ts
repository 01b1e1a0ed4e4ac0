/** Removes the prefixes that wrappers put before all names. */
import { FormatError, quote } from "./errors.ts";
import type { FileInfo } from "./source.ts";

/** `DataParallel` and `torch.compile` wrap a model, and its names with it. */
const wrappers: readonly string[] = ["module.", "_orig_mod."];

/** Looks for up to this many nested wrappers. */
const mostWrappers = 4;

/** The same entries, named without `prefix`; if undefined, without the wrappers' prefixes that every name has. */
export function stripPrefix<T>(
  entries: ReadonlyMap<string, T>,
  prefix: string | false | undefined,
  file: FileInfo,
): ReadonlyMap<string, T> {
  const names = [...entries.keys()];
  if (prefix && !names.some((name) => name.startsWith(prefix))) {
    throw new FormatError(`${file.name}: no tensor's name begins with the prefix ${quote(prefix)}`);
  }
  const start = prefix ?? commonWrappers(names);
  if (!start) return entries;
  const renamed = new Map<string, T>();
  for (const [name, entry] of entries) {
    const short = name.startsWith(start) ? name.slice(start.length) : name;
    if (renamed.has(short)) {
      throw new FormatError(`${file.name}: without the prefix ${quote(start)} two tensors are called ${quote(short)}`);
    }
    renamed.set(short, entry);
  }
  return renamed;
}

/** The prefixes that wrappers put before every name: `module._orig_mod.`, or nothing. */
function commonWrappers(names: readonly string[]): string {
  let common = "";
  for (let i = 0; i < mostWrappers && names.length > 0; i++) {
    common += wrappers.find((wrapper) => names.every((name) => name.startsWith(wrapper, common.length))) ?? "";
  }
  return common;
}
