/**
 * Which program computed a result. A number that an older program left behind must not pass for one of this program's, so
 * every result carries a checksum of the code it depends on.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** lab/ or build/lab/: sources lie the same way in both. */
const lab = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * A checksum over the library, what experiments share (lab/training, lab/data, and lab/report/statistics, with which some
 * compute), and the experiment's own file. What only shows or writes is not in it (the rest of lab/report, NAME-report.ts),
 * nor what other experiments do.
 */
export function codeChecksum(experiment: string): string {
  const files = [
    ...sources(join(lab, "..", "src")),
    ...sources(join(lab, "training")),
    ...sources(join(lab, "data")),
    ...named("statistics", join(lab, "report")),
    ...named(experiment, join(lab, "experiments")),
  ];
  const hash = createHash("sha256");
  for (const path of files) hash.update(relative(lab, path)).update(readFileSync(path));
  return hash.digest("hex").slice(0, 16);
}

function named(name: string, directory: string): string[] {
  return sources(directory).filter((path) => [`${name}.js`, `${name}.ts`].includes(basename(path)));
}

function sources(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|ts)$/.test(name) && !name.endsWith(".d.ts"))
    .sort()
    .map((name) => join(directory, name));
}
