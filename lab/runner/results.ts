/**
 * Finished tasks on disk: one line of JSON each, written the moment it is done, so that neither Ctrl-C nor a power cut
 * costs more than the tasks that were running. The unit is the task; a training that was interrupted starts again.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { RunError } from "../errors.ts";
import { reasonOf } from "../files.ts";
import type { Seeded } from "./experiment.ts";
import { fromJson, toJson } from "./json.ts";

/** What a result depends on besides its task. */
export interface Origin {
  readonly experiment: string;
  readonly version: string;
  /** codeChecksum of code.ts. */
  readonly code: string;
  /** Which kernels computed, and their arithmetic: with a fused multiply-add SIMD kernels give other bits. */
  readonly kernels: string;
  /** Checksum and size of the images. */
  readonly data: string;
}

export interface FinishedTask {
  readonly task: Seeded<object>;
  readonly result: unknown;
  readonly seconds: number;
}

interface Line extends FinishedTask {
  readonly origin: Origin;
}

/** Identifies a task by what it is: the same for tasks that must have the same result. */
export function fingerprintOf(origin: Partial<Origin>, task: object): string {
  return createHash("sha256").update(canonical({ origin, task })).digest("hex");
}

/** JSON with sorted keys, so that the order in which an object was built does not count. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

export interface Found {
  /** By fingerprint of the origin asked for and the task. */
  readonly finished: ReadonlyMap<string, FinishedTask>;
  /** Results of the same tasks that something else computed: other code, kernels or data. */
  readonly stale: number;
  /** Lines that are no results, such as one that was being written when the power went. */
  readonly damaged: number;
}

/**
 * Reads the results of `tasks` that are there. With `anyCode`, also those that another version of the code computed.
 *
 * @throws RunError if the file is there and cannot be read.
 */
export function readResults(
  path: string,
  origin: Origin,
  tasks: readonly Seeded<object>[],
  { anyCode = false }: { anyCode?: boolean } = {},
): Found {
  const wanted = new Set(tasks.map((task) => fingerprintOf({}, task)));
  const finished = new Map<string, FinishedTask>();
  let stale = 0;
  let damaged = 0;
  for (const text of readLines(path)) {
    let line: Line;
    try {
      line = fromJson(text) as Line;
      if (typeof line.origin !== "object" || typeof line.task !== "object" || !("result" in line)) throw new Error();
    } catch {
      damaged++;
      continue;
    }
    if (!wanted.has(fingerprintOf({}, line.task))) continue;
    const same = anyCode ? { ...line.origin, code: origin.code, version: origin.version } : line.origin;
    const fingerprint = fingerprintOf(same, line.task);
    if (fingerprint === fingerprintOf(origin, line.task)) {
      finished.set(fingerprint, { task: line.task, result: line.result, seconds: line.seconds });
    } else stale++;
  }
  return { finished, stale, damaged };
}

/** Adds a finished task. Starts a line of its own also where the last one was cut off. */
export function appendResult(path: string, origin: Origin, { task, result, seconds }: FinishedTask): void {
  try {
    const cut = existsSync(path) && !endsWithNewline(path);
    const line: Line = { origin, task, seconds, result };
    appendFileSync(path, `${cut ? "\n" : ""}${toJson(line)}\n`);
  } catch (error) {
    throw new RunError(`cannot write the result to ${path}: ${reasonOf(error)}`);
  }
}

function endsWithNewline(path: string): boolean {
  const bytes = readFileSync(path);
  return bytes.length === 0 || bytes[bytes.length - 1] === 10;
}

function readLines(path: string): string[] {
  if (!existsSync(path)) return [];
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch (error) {
    throw new RunError(`cannot read the earlier results in ${path}: ${reasonOf(error)}`);
  }
}
