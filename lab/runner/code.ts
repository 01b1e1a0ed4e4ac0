/**
 * Which code computed a result. A number from an older version must not pass for one of this version, so every result
 * carries a checksum of the code it depends on.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** lab/ or build/lab/: both have the same layout. */
const lab = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * A checksum over the files that compute an experiment's results: its own file, those that prepare its images, and
 * everything these import. A separate file that only shows results (NAME-report.ts) does not count, nor do files that
 * only other experiments need.
 */
export function codeChecksum(experiment: string): string {
  const hash = createHash("sha256");
  for (const path of codeOf(experiment)) hash.update(path).update(readFileSync(join(lab, path)));
  return hash.digest("hex").slice(0, 16);
}

/** The files under the checksum, relative to lab/, in alphabetical order. */
export function codeOf(experiment: string): string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    for (const target of importsOf(readFileSync(path, "utf8"))) visit(join(dirname(path), target));
  };
  for (const name of [`experiments/${experiment}`, "data/images"]) {
    visit(["js", "ts"].map((ending) => join(lab, `${name}.${ending}`)).find((path) => existsSync(path))!);
  }
  return [...found].map((path) => relative(lab, path)).sort();
}

/**
 * Relative paths that a module imports or re-exports. `import type` is left out, because it does not exist at run time; so is
 * a text that only looks like a path, as in `export function f(x) { return x.split("..."`.
 */
export function importsOf(text: string): string[] {
  const statements = text.matchAll(
    /^(?:import|export)\b(?! type\b)(?:[^;"]*\bfrom)? *"(\.\.?\/[^"]+)"|\bimport\("(\.[^"]+)"\)/gm,
  );
  return [...statements].map(([, target, dynamic]) => target ?? dynamic);
}
