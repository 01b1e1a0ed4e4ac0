/**
 * When the page's readings are taken: each at its own interval, all together within a tenth of the time, so that nine tenths are
 * left for training. Where the run waits, they are brought up to the step it waits at.
 */
import type { BlockDetail, ToPage } from "./protocol.ts";
import { countCorrect, lesionOf, probabilitiesOf, sharesOf, TEST, tilesOf, verdictOf } from "./readings.ts";
import type { Training } from "./training.ts";

/** What the page looks at (protocol.ts, `watch`). */
export type Watched = Omit<Extract<import("./protocol.ts").ToWorker, { type: "watch" }>, "type">;

/** The share of the time that readings may take, and how many milliseconds of it can be saved up. */
const BUDGET = 0.1;
const SAVED = 300;

/** Milliseconds between two readings of a kind. */
const INTERVALS = { digits: 1000, accuracy: 5000, shares: 5000, block: 1000, lesion: 5000 } as const;

/** At these steps, too, the accuracy is measured: the walk and the presets speak of them. */
const TESTED_STEPS: readonly number[] = [100, 200, 400];

type Kind = keyof typeof INTERVALS;

/** The readings of one training. */
export class Glances {
  readonly #training: Training;
  readonly #post: (message: ToPage, transfer?: ArrayBuffer[]) => void;
  readonly #at = new Map<Kind, { readonly time: number; readonly step: number }>();
  /** Milliseconds that readings may take now; below zero after one that took longer. */
  #allowance = SAVED;
  #allowedAt: number = performance.now();
  #watched: Watched = { ratios: false, shares: true, block: null, digit: 0 };
  #accuracy = Number.NaN;
  #correct: number[] = [];
  #testedStep = 0;
  #shares: Float32Array | null = null;
  #ratios: Float32Array | null = null;
  #lesion: BlockDetail["lesion"] = null;

  constructor(training: Training, post: (message: ToPage, transfer?: ArrayBuffer[]) => void) {
    this.#training = training;
    this.#post = post;
  }

  watch(watched: Watched): void {
    if (watched.block !== this.#watched.block) {
      this.#lesion = null;
      this.#at.delete("lesion");
      this.#at.delete("block");
    }
    if (watched.digit !== this.#watched.digit) this.#at.delete("block");
    if (watched.shares && !this.#watched.shares) this.#at.delete("shares");
    this.#watched = watched;
  }

  /** The weights changed at once: what was read is old. */
  forget(): void {
    this.#at.clear();
    this.#correct = [];
  }

  noteRatios(ratios: Float32Array): void {
    this.#ratios = ratios;
  }

  /**
   * After a step: at most one reading that is due, so that no pause between steps is long.
   *
   * @param idle whether the run waits: then everything that is not of this step is due, whatever it costs.
   * @returns whether something was read, and more may be due.
   */
  async look(idle: boolean): Promise<boolean> {
    const kind = this.#due(idle);
    if (kind === null) return false;
    const begun = performance.now();
    await this.#read(kind);
    // Where the run waits, readings take nothing from it.
    if (!idle) this.#allowance -= performance.now() - begun;
    return true;
  }

  #due(idle: boolean): Kind | null {
    const { step } = this.#training;
    const now = performance.now();
    // Where the run waits all parts are of one step; while it goes, of a few that follow each other.
    if (idle && this.#testedStep !== step) this.#correct = [];
    if (this.#correct.length > 0) return "accuracy";
    if (TESTED_STEPS.includes(step) && this.#at.get("accuracy")?.step !== step) return "accuracy";
    this.#allowance = Math.min(SAVED, this.#allowance + BUDGET * (now - this.#allowedAt));
    this.#allowedAt = now;
    if (!idle && this.#allowance <= 0) return null;
    const kinds: Kind[] = ["digits", "accuracy"];
    if (this.#watched.shares && !this.#training.draws) kinds.push("shares");
    if (this.#watched.block !== null) kinds.push("block", "lesion");
    // The longest overdue first, measured by its interval: none waits for another for ever.
    let [due, most] = [null as Kind | null, idle ? Number.NEGATIVE_INFINITY : 1];
    for (const kind of kinds) {
      const overdue = this.#overdue(kind, now, idle);
      if (overdue > most) [due, most] = [kind, overdue];
    }
    return due;
  }

  /** How many of its intervals a reading is old; infinite if there is none yet, -∞ if it is of this step. */
  #overdue(kind: Kind, now: number, idle: boolean): number {
    const { step } = this.#training;
    const last = this.#at.get(kind);
    if (!last) return idle || kind !== "accuracy" || step > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return last.step === step ? Number.NEGATIVE_INFINITY : (now - last.time) / INTERVALS[kind];
  }

  async #read(kind: Kind): Promise<void> {
    const { step } = this.#training;
    switch (kind) {
      case "digits":
        this.#tell();
        break;
      case "accuracy":
        if (!(await this.#test())) return;
        break;
      case "shares":
        this.#readShares();
        break;
      case "block":
        this.#readBlock();
        break;
      case "lesion":
        await this.#readLesion();
        break;
    }
    this.#at.set(kind, { time: performance.now(), step });
  }

  /** One part of the test; answers whether it was the last one. */
  async #test(): Promise<boolean> {
    const { model, test, normalization } = this.#training;
    const part = this.#correct.length;
    if (part === 0) this.#testedStep = this.#training.step;
    const correct = await countCorrect(model, test, normalization, part);
    this.#correct.push(correct);
    if (this.#correct.length < TEST.parts) return false;
    const count = Math.min(TEST.images, test.shape[0]);
    this.#accuracy = this.#correct.reduce((sum, n) => sum + n, 0) / count;
    this.#correct = [];
    this.#tell();
    return true;
  }

  #tell(): void {
    const { model, shown, step, statistics, test } = this.#training;
    const probabilities = probabilitiesOf(model, shown);
    const verdict = verdictOf(statistics, this.#training.steadyNorms());
    this.#training.wantStatistics = true;
    const images = Number.isNaN(this.#accuracy) ? 0 : Math.min(TEST.images, test.shape[0]);
    this.#post({ type: "tested", step, accuracy: this.#accuracy, images, shown: probabilities, verdict });
  }

  #readShares(): void {
    const { model, sample, step } = this.#training;
    const shares = sharesOf(model, sample.x, sample.labels);
    this.#shares = shares;
    this.#post({ type: "shares", step, shares: shares.slice() });
  }

  #path(): { index: number; path: string; layers: readonly number[] } | null {
    const index = this.#watched.block;
    const row = index === null ? undefined : this.#training.network().blocks[index];
    return index === null || !row ? null : { index, path: row.path, layers: row.layers };
  }

  #readBlock(): void {
    const block = this.#path();
    if (!block) return;
    const { model, step, shownLabels, draws } = this.#training;
    const digit = Math.min(this.#watched.digit, shownLabels.length - 1);
    const tiles = tilesOf(model, block.path, this.#training.shownDigit(digit), shownLabels[digit]);
    if (!draws && !this.#shares) this.#readShares();
    this.#post({
      type: "block",
      step,
      block: {
        index: block.index,
        path: block.path,
        ...tiles,
        share: this.#shares?.[block.index] ?? Number.NaN,
        updateRatios: block.layers.map((layer) => this.#ratios?.[layer] ?? Number.NaN),
        lesion: this.#lesion,
      },
    });
  }

  async #readLesion(): Promise<void> {
    const block = this.#path();
    if (!block) return;
    const { model, test, normalization } = this.#training;
    this.#lesion = await lesionOf(model, block.path, test, normalization);
    this.#readBlock();
  }
}
