/** Where a training is: steps, epochs, batches, means; from the beginning, or from a checkpoint on. */
import { UsageError, ValueError } from "../../tensor/errors.ts";
import type { Rng } from "../../tensor/rng.ts";
import { checkBatches } from "../evaluate.ts";
import type { AnyModule, Module } from "../module.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Batch, BatchSource } from "./batch.ts";
import { type Checkpoint, checksumOf, makeCheckpoint, restoreCheckpoint, savedIn } from "./checkpoint.ts";
import { Generators } from "./generators.ts";
import { Means, type Measurement } from "./means.ts";
import type { Schedules } from "./rates.ts";
import type { Saved } from "./saved.ts";
import { type Settings, type StepSettings, settingsOf } from "./settings.ts";

export interface ProgressOptions<X, L> extends StepSettings {
  readonly data: (epoch: number) => BatchSource<X, L> | Promise<BatchSource<X, L>>;
  readonly generators?: Readonly<Record<string, Rng>>;
  readonly resume?: Checkpoint | null;
  readonly modules?: Readonly<Record<string, AnyModule>>;
  readonly schedule: Partial<Schedules>;
}

export class Progress<X, L, K extends string> {
  readonly #model: Module<X, unknown>;
  readonly #optimizer: Optimizer;
  readonly #data: ProgressOptions<X, L>["data"];
  readonly #names: readonly K[];
  readonly #generators: Generators;
  readonly #others: Readonly<Record<string, AnyModule>>;
  readonly #schedule: Partial<Schedules>;
  readonly #settings: Settings;
  /** The checkpoint, until its epoch is over. */
  #saved: Saved | null = null;
  #means: Means<K>;
  #step = 0;
  #epoch = 0;
  /** Batches taken of this epoch, and the last of them. */
  #batch = 0;
  #last: Batch<X, L> | null = null;
  #epochDone = false;
  /** What a checkpoint says of generators and schedule, if the training is stopped in this epoch. */
  #atCut: Pick<Saved, "generators" | "schedule"> | null = null;
  /** Whether a callback runs. */
  #isTelling = false;
  readonly #started = Date.now();
  readonly #secondsBefore: number;

  /** Puts model, optimiser and schedule into the state of the checkpoint, if there is one. */
  constructor(
    model: Module<X, unknown>,
    optimizer: Optimizer,
    names: readonly K[],
    { data, generators, resume, modules = {}, schedule, ...steps }: ProgressOptions<X, L>,
  ) {
    this.#settings = settingsOf(optimizer, steps);
    this.#model = model;
    this.#optimizer = optimizer;
    this.#data = data;
    this.#names = names;
    this.#others = modules;
    this.#schedule = schedule;
    this.#generators = new Generators(model, generators);
    this.#means = new Means(names);
    if (resume != null) {
      this.#saved = savedIn("fit: resume", resume);
      this.#generators.check(this.#saved.generators);
      restoreCheckpoint({ model, optimizer, modules, schedule, settings: this.#settings }, resume, this.#saved);
    }
    const { step = 0, epoch = 0, epochDone = false, seconds = 0, means } = this.#saved ?? {};
    this.#step = step;
    this.#epoch = epoch;
    this.#epochDone = epochDone;
    this.#secondsBefore = seconds;
    if (means) this.#means.restore(means);
  }

  /** Number of the next step, from 0. */
  get step(): number {
    return this.#step;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Batches taken of this epoch. */
  get batch(): number {
    return this.#batch;
  }

  /** Whether the checkpoint was made after this epoch. */
  get epochDone(): boolean {
    return this.#epochDone;
  }

  get seconds(): number {
    return this.#secondsBefore + (Date.now() - this.#started) / 1000;
  }

  get means(): { loss: number; metrics: Readonly<Record<K, number>> } {
    return this.#means.result();
  }

  /** The epoch's batches that have not been taken, `size` at a time; the last may be fewer. None is asked for before it is needed. */
  async *groups(size: number): AsyncGenerator<Batch<X, L>[]> {
    const batches = await this.#begin();
    let group: Batch<X, L>[] = [];
    const taken = this.#saved?.batch ?? 0;
    for await (const batch of batches) {
      if (this.#batch < taken) {
        this.#batch++;
        if (this.#batch === taken) this.#arrive(batch);
        continue;
      }
      if (this.#epochDone) throw this.#otherData(`had ${taken} batches, now it has more`);
      group.push(batch);
      if (group.length < size) continue;
      yield group;
      group = [];
    }
    if (this.#batch < taken) throw this.#otherData(`had ${taken} batches or more, now it has ${this.#batch}`);
    // The checkpoint was made when the data were at their end: whatever they drew after the last batch, they had drawn then.
    const wasAtEnd = this.#epochDone || taken % size > 0;
    if (this.#saved && this.#batch === taken && group.length === 0 && wasAtEnd)
      this.#generators.goOn(this.#saved.generators);
    if (group.length > 0) yield group;
  }

  async #begin(): Promise<BatchSource<X, L>> {
    const saved = this.#saved?.generators ?? null;
    this.#generators.beginEpoch(saved);
    const batches = await this.#data(this.#epoch);
    checkBatches("fit", batches);
    this.#generators.beginBatches(batches, saved);
    return batches;
  }

  /** Where a checkpoint leaves nothing to do: what comes after this training finds the generators as it left them. */
  async finish(): Promise<void> {
    if (!this.#saved) return;
    await this.#begin();
    this.#generators.goOn(this.#saved.generators);
  }

  /** Where the checkpoint was made: the data must be the same so far. */
  #arrive(batch: Batch<X, L>): void {
    const { lastBatch, generators } = this.#saved!;
    if (checksumOf(batch) !== lastBatch) throw this.#otherData(`has another batch ${this.#batch - 1}`);
    this.#last = batch;
    this.#generators.goOn(generators);
  }

  #otherData(what: string): ValueError {
    return new ValueError(
      `fit: resume: the data of epoch ${this.#epoch} ${what}: data must give the same batches as when the checkpoint was made. A generator of random numbers that it uses must be in generators, or begin anew in each epoch (new Rng(epoch))`,
    );
  }

  /** These batches have been learned from, or skipped. */
  took(batches: readonly Batch<X, L>[]): void {
    this.#batch += batches.length;
    this.#last = batches[batches.length - 1];
  }

  /** A step is done. */
  add(measurement: Measurement<K>): void {
    this.#means.add(measurement);
    this.#step++;
  }

  /** The data of the epoch are at their end, and its means have been told. */
  endEpoch(): void {
    this.#epochDone = true;
  }

  /**
   * The training is stopped, maybe in the epoch. What its `onEpoch` draws and tells a schedule is not in a checkpoint: one that
   * goes on comes to the epoch's end again.
   */
  cutEpoch(): void {
    this.#atCut = this.#changedByCallbacks;
  }

  get #changedByCallbacks(): Pick<Saved, "generators" | "schedule"> {
    return { generators: this.#generators.saved, schedule: this.#schedule.stateDict?.() ?? null };
  }

  nextEpoch(): void {
    this.#saved = null;
    this.#epoch++;
    this.#batch = 0;
    this.#last = null;
    this.#epochDone = false;
    this.#means = new Means(this.#names);
  }

  /** Runs a callback: only then may it ask for a checkpoint, since elsewhere a step or a batch may be half done. */
  async tell<T>(callback: () => T | Promise<T>): Promise<T> {
    this.#isTelling = true;
    try {
      return await callback();
    } finally {
      this.#isTelling = false;
    }
  }

  /** @throws UsageError while no callback runs, and for an optimiser that does not tell its state. */
  checkpoint(): Checkpoint {
    if (!this.#isTelling || !this.#last) {
      throw new UsageError(
        "fit: checkpoint() must be called before the callback that it was given to ends (or its promise resolves)",
      );
    }
    return makeCheckpoint(this.#model, this.#optimizer, this.#others, {
      step: this.#step,
      epoch: this.#epoch,
      batch: this.#batch,
      epochDone: this.#epochDone,
      seconds: this.seconds,
      means: this.#means.state,
      lastBatch: checksumOf(this.#last),
      settings: this.#settings,
      ...(this.#atCut ?? this.#changedByCallbacks),
    });
  }
}
