/**
 * Files that are being written: each beside its place, until it is whole, under a name that says whose it is. So an end
 * in the middle leaves nothing: what this process was writing goes when it exits, and what a killed one left goes when the
 * next one comes.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

/** `.skipstone-HOST-PROCESS-RANDOM.part`: process numbers mean something on their own machine only. */
const NAME = /^\.skipstone-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/;

/** What has not been touched for so long is nobody's, whatever its name says: process numbers are used again. */
const A_DAY = 24 * 60 * 60 * 1000;

const mine = new Set<string>();

/** A name beside `path` for what is to become it. Whatever happens, `endUnfinished` comes next. */
export function beginUnfinished(path: string): string {
  const name = `.skipstone-${host()}-${process.pid}-${randomBytes(4).toString("hex")}.part`;
  const beside = join(dirname(path), name);
  if (mine.size === 0) process.on("exit", removeMine);
  mine.add(beside);
  return beside;
}

/** The file has its own name by now, or is given up. */
export function endUnfinished(beside: string): void {
  removeQuietly(beside);
  mine.delete(beside);
  if (mine.size === 0) process.off("exit", removeMine);
}

/** Removes what processes that are no more left unfinished in a directory. */
export function removeLeftovers(directory: string): void {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // Whoever is to write there will say why that cannot be.
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

/** The error on the way is the one to report, not that there is nothing to remove. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its directory is not there any more, or is none.
  }
}
