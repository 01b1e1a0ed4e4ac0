/** A preset trained in one go: what its sentence says, in numbers. */
import { countCorrect, TEST } from "../../site/lab/readings.ts";
import type { Name, Run } from "../../site/lab/state.ts";
import { Training } from "../../site/lab/training.ts";
import { TrainingError } from "../../src/index.ts";
import { digits } from "./digits.ts";

/** How a network of a run did. */
export interface Outcome {
  /** Share of right answers in the last 25 batches, and on unseen digits. */
  readonly train: number;
  readonly test: number;
  /** Norms of the first step, image first. */
  readonly first: Float32Array;
  /** Median norms of the last 24 steps that were measured, image first. */
  readonly last: readonly number[];
  /** Where it ended, if the loss was not a number any more. */
  readonly failedAt: number | null;
}

/** Trains one network of a run for so many steps. */
export async function outcomeOf(run: Run, side: Name, steps: number): Promise<Outcome> {
  const training = new Training({ run, side, ...(await digits()) });
  training.every = 4;
  training.wantStatistics = false;
  const correct: number[] = [];
  let first = new Float32Array();
  let failedAt: number | null = null;
  try {
    await training.train(
      async (step) => step < steps,
      (done) => {
        correct.push(done.correct);
        if (done.step === 0) first = Float32Array.from(done.norms!);
      },
      () => {},
    );
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    failedAt = error.step;
  }
  const recent = correct.slice(-25);
  let right = 0;
  for (let part = 0; part < TEST.parts; part++) {
    right += await countCorrect(training.model, training.test, training.normalization, part);
  }
  return {
    train: recent.reduce((sum, share) => sum + share, 0) / recent.length,
    test: right / TEST.images,
    first,
    last: [...training.steadyNorms().values()],
    failedAt,
  };
}

/** The gradient at the first layer over that at the last. */
export function firstOverLast(norms: ArrayLike<number>): number {
  return norms[0] / norms[norms.length - 1];
}
