/**
 * Writing results: nothing half-written, nothing left over, nothing lost, and no surprise about the directory after
 * minutes of training.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { beginUnfinished, endUnfinished, removeLeftovers } from "../src/node/unfinished.ts";
import { RunError, UsageError } from "./errors.ts";

/**
 * Creates `directory` if it is missing, writes a test file in it, and removes unfinished files that killed runs left
 * there.
 */
export function ensureWritable(directory: string): void {
  const probe = beginUnfinished(join(directory, "probe"));
  try {
    makeDirectory(directory);
    // Not empty: a full disk may still have room for a name.
    writeFileSync(probe, "probe");
  } catch (error) {
    throw new UsageError(`cannot write to the directory ${directory}: ${reasonOf(error)}`);
  } finally {
    endUnfinished(probe);
  }
  removeLeftovers(directory);
}

/** Creates a directory and its parents. (mkdirSync's own `recursive` tries for ever below /proc, on Node 20.) */
export function makeDirectory(directory: string): void {
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
 * Writes all files beside their places first, and renames them into place only when all are complete. Returns their
 * paths. Creates the directory (again) if it is missing.
 *
 * @throws RunError saying why it cannot; then no file has changed.
 */
export function writeTogether(directory: string, contents: ReadonlyMap<string, string>): string[] {
  const files = [...contents].map(([name, text]) => {
    const path = join(directory, name);
    return { path, beside: beginUnfinished(path), text };
  });
  try {
    makeDirectory(directory);
    for (const { beside, path, text } of files) {
      // Renaming would find this too, but only after other files were renamed.
      if (isDirectory(path)) throw new RunError(`there is a directory called ${path}`);
      writeFileSync(beside, text);
    }
    for (const { beside, path } of files) renameSync(beside, path);
  } catch (error) {
    throw new RunError(`cannot write the results to ${directory}: ${reasonOf(error)}`);
  } finally {
    for (const { beside } of files) endUnfinished(beside);
  }
  return files.map(({ path }) => path);
}

/** Whether the path is a directory; false if there is nothing at all. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

export interface Saved<T> {
  /** What `write` returned. */
  readonly saved: T;
  /** If it is not in `directory`: why, and where it is instead. */
  readonly problem?: RunError;
}

/**
 * Writes results to their directory or, if that has become impossible during the run, to a new directory elsewhere.
 *
 * @throws RunError if there is no place at all.
 */
export function saveSomewhere<T>(directory: string, write: (directory: string) => T): Saved<T> {
  try {
    return { saved: write(directory) };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    for (const place of [tmpdir(), process.cwd(), homedir()]) {
      let refuge: string | undefined;
      try {
        refuge = mkdtempSync(join(place, "skipstone-results-"));
        return { saved: write(refuge), problem: new RunError(`${error.message}; they are in ${refuge} instead`) };
      } catch {
        if (refuge !== undefined) rmSync(refuge, { recursive: true, force: true });
      }
    }
    throw error;
  }
}

/** A path relative to the current directory. */
export function shownPath(path: string): string {
  return relative(process.cwd(), path) || ".";
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left",
  EDQUOT: "the quota is used up",
  EFBIG: "larger than a file may be",
  EIO: "input/output error",
  ENOTDIR: "a part of the path is not a directory",
  EEXIST: "there is a file of this name",
  ENOENT: "no such file or directory",
  EISDIR: "is a directory",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "symbolic links in a circle",
  EMFILE: "too many open files",
  EBUSY: "in use",
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
