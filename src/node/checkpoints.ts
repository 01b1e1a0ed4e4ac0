/** A folder of checkpoints: each file appears whole or not at all, old ones go, the best one stays. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkpointChunks, readCheckpoint } from "../io/checkpoint.ts";
import { FormatError } from "../io/index.ts";
import type { Checkpoint } from "../nn/index.ts";
import { savedIn } from "../nn/training/checkpoint.ts";
import { checkFinite, checkText, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { warn } from "../tensor/warn.ts";
import { writeFileWhole } from "./files.ts";

/** Options of `CheckpointFolder`. */
export interface CheckpointFolderOptions {
  /** How many of the latest files stay. Default 3. */
  keepLast?: number;
}

const OPTIONS: OptionNames<CheckpointFolderOptions> = { keepLast: true };

/** Options of `CheckpointFolder.save`. */
export interface SaveOptions {
  /** How good the model is: the higher, the better. The best checkpoint so far stays as `best.safetensors`. */
  score?: number;
}

const SAVE_OPTIONS: OptionNames<SaveOptions> = { score: true };

/** `step-00000100.safetensors` */
const NAME = /^step-(\d{8,})\.safetensors$/;
const BEST = "best.safetensors";

/**
 * Checkpoints in a folder.
 *
 * @example
 * import { CheckpointFolder } from "skipstone/node";
 * const folder = new CheckpointFolder("build/runs/second");
 * await fit(model, {
 *   data,
 *   optimizer,
 *   steps: 10,
 *   resume: await folder.latest(), // null the first time
 *   onStep: async ({ step, checkpoint }) => {
 *     if (step % 5 === 4) await folder.save(checkpoint());
 *   },
 * });
 */
export class CheckpointFolder {
  readonly path: string;
  readonly #keepLast: number;
  /** Of the best file, once it has been read or written. */
  #bestScore: number | null = null;
  /** Whether it has been said that there are files of later steps. */
  #warned = false;

  constructor(path: string, options: CheckpointFolderOptions = {}) {
    checkText("CheckpointFolder", "path", path);
    checkOptions("CheckpointFolder", options, OPTIONS);
    const { keepLast = 3 } = options;
    checkWhole("CheckpointFolder", "keepLast", keepLast);
    this.path = path;
    this.#keepLast = keepLast;
  }

  /**
   * Writes a checkpoint beside its place and renames it, then removes the files that are too many. Files of later steps, from
   * another training or a part of this one that was given up, are no reason to remove it; a warning names them, since `latest`
   * returns the one of the most steps.
   *
   * @returns the path of the file.
   */
  async save(checkpoint: Checkpoint, options: SaveOptions = {}): Promise<string> {
    checkOptions("CheckpointFolder.save", options, SAVE_OPTIONS);
    const { score } = options;
    if (score !== undefined) checkFinite("CheckpointFolder.save", "score", score);
    const { step } = savedIn("CheckpointFolder.save: checkpoint", checkpoint);
    await mkdir(this.path, { recursive: true });
    const name = `step-${`${step}`.padStart(8, "0")}.safetensors`;
    const path = join(this.path, name);
    await writeFileWhole(path, checkpointChunks("CheckpointFolder.save", checkpoint));
    if (score !== undefined) await this.#saveIfBest(checkpoint, score);
    const names = await this.#names();
    const place = names.indexOf(name);
    if (place > 0 && !this.#warned) {
      this.#warned = true;
      warn(
        `CheckpointFolder: ${this.path} has checkpoints of later steps than ${name}, such as ${names[0]}, and latest() returns them first: remove them, or use another folder`,
      );
    }
    const kept = Math.max(0, place) + this.#keepLast;
    for (const old of names.slice(kept)) await rm(join(this.path, old), { force: true });
    return path;
  }

  /**
   * The checkpoint of the most steps; null where there is none. One that cannot be read (a disk may damage a file) is left
   * out, with a warning.
   */
  async latest(): Promise<Checkpoint | null> {
    for (const name of await this.#names()) {
      const checkpoint = await this.#read(name);
      if (checkpoint) return checkpoint;
    }
    return null;
  }

  /** The checkpoint of the highest score; null where none was saved with one. */
  async best(): Promise<Checkpoint | null> {
    return await this.#read(BEST);
  }

  async #saveIfBest(checkpoint: Checkpoint, score: number): Promise<void> {
    this.#bestScore ??= Number((await this.best())?.metadata["score"] ?? Number.NEGATIVE_INFINITY);
    if (score <= this.#bestScore) return;
    const scored = { ...checkpoint, metadata: { ...checkpoint.metadata, score: `${score}` } };
    await writeFileWhole(join(this.path, BEST), checkpointChunks("CheckpointFolder.save", scored));
    this.#bestScore = score;
  }

  async #read(name: string): Promise<Checkpoint | null> {
    const path = join(this.path, name);
    try {
      return readCheckpoint(await readFile(path));
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return null;
      if (!(error instanceof FormatError)) throw error;
      warn(`${path} is left out: ${error.message}`);
      return null;
    }
  }

  /** Those of steps, the latest first. */
  async #names(): Promise<string[]> {
    let names: string[];
    try {
      names = await readdir(this.path);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return [];
      throw error;
    }
    const step = (name: string): number => Number(NAME.exec(name)?.[1]);
    return names.filter((name) => NAME.test(name)).sort((a, b) => step(b) - step(a));
  }
}
