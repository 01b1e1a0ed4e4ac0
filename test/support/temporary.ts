/** All tests' temporary files lie in one folder, which goes when they are over; that of a killed run goes with the next. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Vitest calls this once, before it starts the processes that run the tests: they inherit the environment. */
export default function setup(): () => void {
  const before = process.env.TMPDIR;
  for (const name of readdirSync(tmpdir())) {
    const [, owner] = /^skipstone-tests-(\d+)-/.exec(name) ?? [];
    if (owner !== undefined && isOver(Number(owner))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(tmpdir(), `skipstone-tests-${process.pid}-`));
  process.env.TMPDIR = folder;
  return () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true, force: true });
  };
}

function isOver(id: number): boolean {
  try {
    process.kill(id, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}
