/**
 * A task's training in a file, written over every few seconds, so that Ctrl-C, a power cut or SIGKILL costs no more than
 * these. Used by the task's thread; unfinished.ts chooses the place and removes the file.
 *
 * It is a checkpoint (safetensors) with the notes of the training in its metadata, and at its end a checksum of all that: what
 * a disk has damaged is not gone on with.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { checkpointChunks } from "../../src/io/checkpoint.ts";
import { readCheckpoint } from "../../src/io/index.ts";
import type { Keep, SavedTraining } from "../experiment.ts";
import { makeDirectory, reasonOf } from "../files.ts";
import { fromJson, toJson } from "../json.ts";

/** Where a task's training is kept, and the name beside it under which the file becomes whole. */
export interface TrainingPlace {
  readonly path: string;
  readonly beside: string;
}

/** What the user should know. */
export interface TrainingListener {
  onResume(steps: number): void;
  onRemark(text: string): void;
}

interface Spent {
  readonly seconds: number;
}

/** Bytes of the checksum. */
const CHECK = 32;

export class TrainingFile implements Keep {
  readonly #place: TrainingPlace;
  readonly #every: number;
  readonly #listener: TrainingListener;
  readonly #started = performance.now();
  #saved = this.#started;
  #secondsBefore = 0;
  #failed = false;

  /** @param every seconds from one writing to the next. */
  constructor(place: TrainingPlace, every: number, listener: TrainingListener) {
    this.#place = place;
    this.#every = every;
    this.#listener = listener;
  }

  /** Time of the task, that of interrupted runs included. */
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  get isDue(): boolean {
    return performance.now() - this.#saved >= 1000 * this.#every;
  }

  load(): SavedTraining | null {
    const { path } = this.#place;
    if (!existsSync(path)) return null;
    try {
      const bytes = readFileSync(path);
      const [contents, check] = [bytes.subarray(0, -CHECK), bytes.subarray(-CHECK)];
      if (!createHash("sha256").update(contents).digest().equals(check)) throw new Error("it is damaged");
      const checkpoint = readCheckpoint(contents);
      const { seconds, ...saved } = fromJson(checkpoint.metadata["lab"]) as Omit<SavedTraining, "checkpoint"> & Spent;
      this.#secondsBefore = seconds;
      this.#listener.onResume(saved.steps);
      return { ...saved, checkpoint };
    } catch (error) {
      this.#listener.onRemark(`begins again, because ${path} cannot be used: ${reasonOf(error)}`);
      return null;
    }
  }

  save({ checkpoint, ...saved }: SavedTraining): void {
    const lab = toJson({ ...saved, seconds: this.seconds } satisfies Spent);
    try {
      this.#write(checkpointChunks("lab", { ...checkpoint, metadata: { ...checkpoint.metadata, lab } }));
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) {
        this.#listener.onRemark(`its training cannot be saved for now to ${this.#place.path}: ${reasonOf(error)}`);
      }
      this.#failed = true;
    }
    this.#saved = performance.now();
  }

  #write(chunks: Iterable<Uint8Array>): void {
    const { path, beside } = this.#place;
    const check = createHash("sha256");
    makeDirectory(dirname(path));
    const file = openSync(beside, "w");
    try {
      for (const chunk of chunks) {
        check.update(chunk);
        writeFileSync(file, chunk);
      }
      writeFileSync(file, check.digest());
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  }
}
