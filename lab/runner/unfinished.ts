/**
 * The trainings that a run has not finished: a file for each running task, in the folder `unfinished` of the run's. The
 * task's thread writes it (training-file.ts); it goes when the task is done.
 *
 * Its name is the fingerprint of what the training depends on, as for a result (results.ts): another option, other code,
 * kernels or images do not find it.
 */
import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beginUnfinished, endUnfinished, removeLeftovers } from "../../src/node/unfinished.ts";
import type { AnyExperiment, Seeded } from "../experiment.ts";
import { fingerprintOf, type Origin } from "./results.ts";
import type { TrainingPlace } from "./training-file.ts";

export class UnfinishedTrainings {
  readonly #folder: string;
  readonly #origin: Origin;
  readonly #experiment: AnyExperiment;
  readonly #besides: string[] = [];

  /** @param out the run's folder. */
  constructor(out: string, origin: Origin, experiment: AnyExperiment) {
    this.#folder = join(out, "unfinished");
    this.#origin = origin;
    this.#experiment = experiment;
    removeLeftovers(this.#folder);
  }

  /** Where a task keeps its training. Tasks that share one share the file. */
  placeOf(task: Seeded<object>): TrainingPlace {
    const path = this.#pathOf(task);
    // A name of its own for each: two threads may train the same network.
    const beside = beginUnfinished(path);
    this.#besides.push(beside);
    return { path, beside };
  }

  /** Removes the files of finished tasks, but for what those that are still to come share with them. */
  remove(finished: readonly Seeded<object>[], missing: readonly Seeded<object>[]): void {
    const needed = new Set(missing.map((task) => this.#pathOf(task)));
    for (const task of finished) {
      const path = this.#pathOf(task);
      if (!needed.has(path)) rmSync(path, { force: true });
    }
  }

  /** When no thread writes any more: nothing half-written stays, and no empty folder. */
  end(): void {
    for (const beside of this.#besides) endUnfinished(beside);
    try {
      rmdirSync(this.#folder);
    } catch {
      // It is not there, or has what the next run goes on with.
    }
  }

  #pathOf(task: Seeded<object>): string {
    const training = this.#experiment.trainingOf?.(task) ?? task;
    return join(this.#folder, `${fingerprintOf(this.#origin, training)}.training`);
  }
}
