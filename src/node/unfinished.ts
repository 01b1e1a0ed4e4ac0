/**
 * Files that are being written. Each lies beside its place until it is whole, under a name that tells its owner. So an
 * interruption leaves nothing: this process removes its own when it exits, and the next one removes those of a killed
 * process.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

/** `.skipstone-HOST-PROCESS-RANDOM.part`: process numbers only mean something on their own machine. */
const NAME = /^\.skipstone-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/;

/** A file untouched for this long is nobody's, whatever its name says: process numbers are reused. */
const A_DAY = 24 * 60 * 60 * 1000;

const mine = new Set<string>();

/** A name beside `path` for the file that will replace it. Always call `endUnfinished` afterwards. */
export function beginUnfinished(path: string): string {
  const name = `.skipstone-${host()}-${process.pid}-${randomBytes(4).toString("hex")}.part`;
  const beside = join(dirname(path), name);
  if (mine.size === 0) process.on("exit", removeMine);
  mine.add(beside);
  return beside;
}

/** Call it when the file has its final name, or is given up. */
export function endUnfinished(beside: string): void {
  removeQuietly(beside);
  mine.delete(beside);
  if (mine.size === 0) process.off("exit", removeMine);
}

/** Removes the unfinished files in a directory whose processes have ended. */
export function removeLeftovers(directory: string): void {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // The later attempt to write there will report the reason.
    return;
  }
  for (const name of names) {
    const [, itsHost, itsProcess] = NAME.exec(name) ?? [];
    if (itsHost === undefined) continue;
    const path = join(directory, name);
    try {
      const age = Date.now() - statSync(path).mtimeMs;
      if (age > A_DAY || (itsHost === host() && isOver(Number(itsProcess), age))) removeQuietly(path);
    } catch {
      // Somebody else was faster.
    }
  }
}

/** Whether the process that touched a file `age` milliseconds ago has ended. */
function isOver(id: number, age: number): boolean {
  // In a container every process may have the same number.
  if (id === process.pid) return age > 1000 * process.uptime();
  try {
    process.kill(id, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}

function host(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

function removeMine(): void {
  for (const path of mine) removeQuietly(path);
}

/** The error in progress is the one to report, not that there is nothing to remove. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its directory is gone, or is not a directory.
  }
}
