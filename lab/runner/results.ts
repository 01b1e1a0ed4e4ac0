/**
 * Finished tasks on disk: one line of JSON each, written as soon as it is done, so Ctrl-C or a power cut only costs the
 * tasks that were running; of these, what their trainings had saved is not lost either (training-file.ts).
 *
 * A line ends with its own checksum: a result that was cut off, changed or damaged is computed again.
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

/** Everything that a result depends on besides its task. */
export interface Origin {
  readonly experiment: string;
  readonly version: string;
  /** codeChecksum of code.ts. */
  readonly code: string;
  /** The kernels and their arithmetic: SIMD kernels give other bits with a fused multiply-add. */
  readonly kernels: string;
  /** Checksum and size of the images. */
  readonly data: string;
}

interface Line extends FinishedTask {
  readonly origin: Origin;
  /** Checksum of the others; version 0.1.0 wrote none. */
  readonly check?: string;
}

/** Identifies a task by its content: the same for tasks that must have the same result. */
export function fingerprintOf(origin: Partial<Origin>, task: object): string {
  return createHash("sha256").update(canonical({ origin, task })).digest("hex");
}

/** JSON with sorted keys, so the order in which an object was built does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

export interface Found {
  /** By fingerprint of the requested origin and the task. */
  readonly finished: ReadonlyMap<string, FinishedTask>;
  /** How many results of the same tasks have another origin: other code, kernels or data. */
  readonly stale: number;
  /** How many lines are not results, such as one cut off by a power failure. */
  readonly damaged: number;
}

/**
 * Reads the existing results of `tasks`. With `anyCode`, also those of other versions of the code.
 *
 * @throws RunError if the file exists and cannot be read.
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
    // Without a checksum it counts as a result of other code, whatever it says.
    if (fingerprint === fingerprintOf(origin, line.task) && (anyCode || line.check !== undefined)) {
      finished.set(fingerprint, { task: line.task, result: line.result, seconds: line.seconds });
    } else stale++;
  }
  return { finished, stale, damaged };
}

/** A line as written, or undefined if it is damaged. */
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
 * Adds finished tasks, and creates the directory (again) if it is missing. Starts a new line even if the last one was
 * cut off.
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

/** Results that are not on the disk yet, because writing fails for a while. */
export class ResultsFile {
  readonly path: string;
  readonly #origin: Origin;
  /** All results of this run that belong in the file, including those of earlier runs. */
  readonly #results: FinishedTask[];
  #unsaved: FinishedTask[] = [];

  constructor(path: string, origin: Origin, earlier: Iterable<FinishedTask>) {
    this.path = path;
    this.#origin = origin;
    this.#results = [...earlier];
  }

  /**
   * Keeps a result, and writes it together with those that could not be written before.
   *
   * @throws RunError if it cannot write now; nothing is lost.
   */
  add(finished: FinishedTask): void {
    this.#results.push(finished);
    this.#unsaved.push(finished);
    this.save();
  }

  /** Writes what is not written yet, or everything if the file has gone. */
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
    // Reading a pipe would block.
    if (!statSync(path).isFile()) throw new Error("it is not a file");
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch (error) {
    throw new RunError(`cannot read the earlier results in ${path}: ${reasonOf(error)}`);
  }
}
