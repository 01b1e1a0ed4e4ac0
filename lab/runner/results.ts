/**
 * Finished tasks on disk: one line of JSON each, written the moment it is done, so that neither Ctrl-C nor a power cut
 * costs more than the tasks that were running. The unit is the task; a training that was interrupted starts again.
 *
 * A line ends with its own checksum: a result that was cut off, changed or damaged is computed again, not believed.
 */
import { createHash } from "node:crypto";
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { RunError } from "../errors.ts";
import type { FinishedTask, Seeded } from "../experiment.ts";
import { makeDirectory, reasonOf } from "../files.ts";
import { fromJson, toJson } from "../json.ts";

/** The file of a run's results. */
export const RESULTS_FILE = "results.jsonl";

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

interface Line extends FinishedTask {
  readonly origin: Origin;
  /** Checksum of the others; version 0.1.0 wrote none. */
  readonly check?: string;
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
    const line = parseLine(text);
    if (!line) {
      damaged++;
      continue;
    }
    if (!wanted.has(fingerprintOf({}, line.task))) continue;
    const same = anyCode ? { ...line.origin, code: origin.code, version: origin.version } : line.origin;
    const fingerprint = fingerprintOf(same, line.task);
    // Without a checksum it is of other code, whatever it says.
    if (fingerprint === fingerprintOf(origin, line.task) && (anyCode || line.check !== undefined)) {
      finished.set(fingerprint, { task: line.task, result: line.result, seconds: line.seconds });
    } else stale++;
  }
  return { finished, stale, damaged };
}

/** A line as it was written, or undefined if it is damaged. */
function parseLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = fromJson(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || !isObject(value.origin) || !isObject(value.task)) return undefined;
  if (!("result" in value) || typeof value.seconds !== "number") return undefined;
  const line = value as unknown as Line;
  return line.check === undefined || line.check === checkOf(line) ? line : undefined;
}

function checkOf({ origin, task, seconds, result }: Line): string {
  return createHash("sha256").update(toJson({ origin, task, seconds, result })).digest("hex").slice(0, 16);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Adds finished tasks, after the directory was made (again) where it is missing. Starts a line of its own also where the
 * last one was cut off.
 *
 * @throws RunError if the file cannot be written.
 */
export function appendResults(path: string, origin: Origin, finished: readonly FinishedTask[]): void {
  const lines = finished.map(({ task, seconds, result }) => {
    const line = { origin, task, seconds, result };
    return `${toJson({ ...line, check: checkOf(line) })}\n`;
  });
  try {
    if (!existsSync(dirname(path))) makeDirectory(dirname(path));
    appendFileSync(path, `${existsSync(path) && !endsWithNewline(path) ? "\n" : ""}${lines.join("")}`);
  } catch (error) {
    throw new RunError(`cannot write the results to ${path}: ${reasonOf(error)}`);
  }
}

/** What is computed and not yet on the disk, where writing fails for a while. */
export class ResultsFile {
  readonly path: string;
  readonly #origin: Origin;
  /** All that the file is to hold of this run, those of earlier runs included. */
  readonly #results: FinishedTask[];
  #unsaved: FinishedTask[] = [];

  constructor(path: string, origin: Origin, earlier: Iterable<FinishedTask>) {
    this.path = path;
    this.#origin = origin;
    this.#results = [...earlier];
  }

  /**
   * Keeps a result, and writes it with those that could not be written before.
   *
   * @throws RunError if that cannot be done now; nothing is lost by it.
   */
  add(finished: FinishedTask): void {
    this.#results.push(finished);
    this.#unsaved.push(finished);
    this.save();
  }

  /** Writes what is not written yet; everything, where the file has gone. */
  save(path: string = this.path): void {
    const lines = existsSync(path) ? this.#unsaved : this.#results;
    if (lines.length > 0) appendResults(path, this.#origin, lines);
    if (path === this.path) this.#unsaved = [];
  }
}

function endsWithNewline(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const last = new Uint8Array(1);
    return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 10);
  } finally {
    closeSync(file);
  }
}

function readLines(path: string): string[] {
  try {
    if (!existsSync(path)) return [];
    // A pipe would be waited for.
    if (!statSync(path).isFile()) throw new Error("it is not a file");
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch (error) {
    throw new RunError(`cannot read the earlier results in ${path}: ${reasonOf(error)}`);
  }
}
