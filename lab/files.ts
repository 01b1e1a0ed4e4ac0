/** Writing results: nothing half-written, and no surprise about the directory after minutes of training. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { RunError, UsageError } from "./errors.ts";

/** Creates `directory` where it is missing, and proves by doing that files can be written in it. */
export function ensureWritable(directory: string): void {
  const probe = join(directory, `.skipstone-${process.pid}`);
  try {
    makeDirectory(directory);
    writeFileSync(probe, "");
  } catch (error) {
    throw new UsageError(`cannot write to the directory ${directory}: ${reasonOf(error)}`);
  }
  rmSync(probe);
}

/** Creates a directory and its parents. (mkdirSync's own `recursive` tries for ever below /proc, on Node 20.) */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "EEXIST" && statSync(directory).isDirectory()) return;
    if (code !== "ENOENT") throw error;
    makeDirectory(dirname(resolve(directory)));
    mkdirSync(directory);
  }
}

/**
 * Writes all files, each beside its place first; only when every one is complete are they renamed into place. Returns
 * their paths.
 */
export function writeTogether(directory: string, contents: ReadonlyMap<string, string>): string[] {
  const pairs = [...contents].map(([name, text]) => {
    const path = join(directory, name);
    return { path, beside: `${path}.${process.pid}.part`, text };
  });
  try {
    for (const { beside, text } of pairs) writeFileSync(beside, text);
    for (const { beside, path } of pairs) renameSync(beside, path);
  } catch (error) {
    for (const { beside } of pairs) removeQuietly(beside);
    throw new RunError(`cannot write the results to ${directory}: ${reasonOf(error)}`);
  }
  return pairs.map(({ path }) => path);
}

/** The error on the way is the one to report, not that there is nothing to remove. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its directory is not one.
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left",
  ENOTDIR: "a part of the path is not a directory",
  EEXIST: "there is a file of this name",
  ENOENT: "no such file or directory",
  EISDIR: "is a directory",
};

/** A file system's error in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code && REASONS[code] ? `${REASONS[code]} (${code})` : (message ?? String(error));
}

/** Skipstone's version, from the nearest package.json above this file (it runs from lab/ and from build/lab/). */
export function packageVersion(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
        name: string;
        version: string;
      };
      if (name === "skipstone") return version;
    } catch {
      // No package.json here: look further up.
    }
    if (directory === dirname(directory)) return "unknown";
  }
}
