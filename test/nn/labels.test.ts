/**
 * Whatever labels look like: `fit` and `evaluate` give the right numbers, or an error that has changed nothing.
 *
 * Random conventions (class numbers in any container, ignored ones, probabilities, floats, a single output, too many or too
 * few) against definitions written out here in plain arithmetic.
 */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { mseLoss } from "../../src/autograd/element-losses.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { accuracy, type Batch, evaluate, type FitOptions, fit, Linear, SGD } from "../../src/nn/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { SkipstoneError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

const FEATURES = 3;

/** One batch in one of the conventions, and what the numbers must be; null where there are none, and it must be an error. */
interface Case {
  readonly name: string;
  readonly outputs: number;
  readonly batches: readonly Batch[];
  readonly ignoreIndex: number;
  /** Loss of one sample from its outputs, or null if it does not count. */
  readonly lossOf: ((scores: readonly number[], batch: number, n: number) => number | null) | null;
  /** Whether the largest of these outputs is right, or null if it does not count or is no matter of right and wrong. */
  readonly rightOf: (scores: readonly number[], batch: number, n: number) => boolean | null;
  readonly loss: FitOptions["loss"];
}

/** Where it is not cross-entropy as it is. */
const LOSSES: Readonly<Record<string, FitOptions["loss"]>> = {
  "ignored 255": (output, labels) => crossEntropy(output, labels, { ignoreIndex: 255 }),
  numbers: (output, labels) => mseLoss(output, labels as Tensor),
};

const logSumExp = (scores: readonly number[]): number => {
  const top = Math.max(...scores);
  return top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
};
const containers: Readonly<Record<string, (labels: number[]) => Batch["labels"]>> = {
  array: (labels) => labels,
  Int32Array: (labels) => Int32Array.from(labels),
  Float32Array: (labels) => Float32Array.from(labels),
  Float64Array: (labels) => Float64Array.from(labels),
  tensor: (labels) => tensor(labels, [labels.length]),
};

const cases: fc.Arbitrary<Case> = fc
  .record({
    kind: fc.constantFrom(
      "classes",
      "ignored",
      "ignored 255",
      "probabilities",
      "floats",
      "one output",
      "numbers",
      "miscounted",
      "out of range",
    ),
    container: fc.constantFrom(...Object.keys(containers)),
    classes: fc.integer({ min: 2, max: 5 }),
    sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  })
  .map(({ kind, container, classes, sizes, seed }): Case => {
    const rng = new Rng(seed);
    const ignoreIndex = kind === "ignored 255" ? 255 : -100;
    const outputs = kind === "one output" || kind === "numbers" ? 1 : classes;
    const targets = sizes.map((N) =>
      Array.from({ length: N }, () => {
        if (kind.startsWith("ignored") && rng.uniform() < 0.4) return ignoreIndex;
        if (kind === "floats" || kind === "numbers") return rng.integer(8) + 0.5;
        return rng.integer(outputs);
      }),
    );
    if (kind === "miscounted") targets[targets.length - 1].push(...Array(sizes[sizes.length - 1]).fill(0), 0);
    if (kind === "out of range") targets[0][0] = [classes, -1, 255][rng.integer(3)];
    const probabilities = sizes.map((N) =>
      Array.from({ length: N }, () => {
        const raw = Array.from({ length: classes }, () => rng.uniform() + 0.01);
        const sum = raw.reduce((a, b) => a + b, 0);
        return raw.map((v) => Math.fround(v / sum));
      }),
    );
    const batches = sizes.map((N, b): Batch => {
      const x = randn([N, FEATURES], rng);
      if (kind === "probabilities") return { x, labels: tensor(probabilities[b].flat(), [N, classes]) };
      if (kind === "numbers") return { x, labels: tensor(targets[b], [N, 1]) };
      return { x, labels: containers[container](targets[b]) };
    });
    // A batch of one sample that has one label too many may be miscounted into a multiple of it, which the loss then finds.
    const refused = ["floats", "one output", "miscounted", "out of range"].includes(kind);
    return {
      name: `${kind} in ${container}`,
      outputs,
      batches,
      ignoreIndex,
      lossOf: refused
        ? null
        : (scores, b, n) => {
            if (kind === "numbers") return (scores[0] - targets[b][n]) ** 2;
            if (kind === "probabilities") {
              return probabilities[b][n].reduce((sum, q, c) => sum + q * (logSumExp(scores) - scores[c]), 0);
            }
            return targets[b][n] === ignoreIndex ? null : logSumExp(scores) - scores[targets[b][n]];
          },
      rightOf: (scores, b, n) => {
        if (kind === "numbers") return null;
        const q = probabilities[b][n];
        const label = kind === "probabilities" ? q.indexOf(Math.max(...q)) : targets[b][n];
        return label === ignoreIndex ? null : scores.indexOf(Math.max(...scores)) === label;
      },
      loss: LOSSES[kind],
    };
  });

/** Scores of a linear model, in float64. */
function scoresOf({ weight, bias }: Linear, x: Tensor): number[][] {
  return Array.from({ length: x.shape[0] }, (_, n) =>
    Array.from(bias!.data, (b, o) => {
      let sum = b;
      for (let i = 0; i < FEATURES; i++) sum += x.data[n * FEATURES + i] * weight.data[o * FEATURES + i];
      return sum;
    }),
  );
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const counted = <T>(values: readonly (T | null)[]): T[] => values.filter((v) => v !== null);

/** What evaluate must say: over the samples that count, whatever batches they are in. */
function expected({ lossOf, rightOf, batches }: Case, model: Linear): { loss: number; accuracy: number } {
  const scores = batches.map(({ x }) => scoresOf(model, x));
  const losses = scores.flatMap((rows, b) => counted(rows.map((row, n) => lossOf!(row, b, n))));
  const right = scores.flatMap((rows, b) => counted(rows.map((row, n) => rightOf(row, b, n))));
  return { loss: meanOf(losses), accuracy: meanOf(right.map(Number)) };
}

describe.each(["plain", "simd"] as const)("random labels (%s)", (tier) => {
  it("the right numbers, or an error before anything changed", { timeout: 60_000 }, async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const before = useKernels(tier);
    const kinds = new Set<string>();
    try {
      await fc.assert(
        fc.asyncProperty(cases, async (example) => {
          kinds.add(`${example.name.split(" in ")[0]}: ${example.lossOf ? "numbers" : "error"}`);
          const { outputs, ignoreIndex, loss, lossOf } = example;
          const model = new Linear(FEATURES, outputs, { rng: new Rng(1) });
          const batches = [...example.batches];
          const state = (): number[] => model.parameters().flatMap((t) => [...t.data]);
          const options = {
            ...(loss ? { loss } : {}),
            metrics: { accuracy: (o: Tensor, l: Batch["labels"]) => accuracy(o, l, { ignoreIndex }) },
          };
          const train = (data: readonly Batch[]) =>
            fit(model, {
              data: () => data,
              optimizer: new SGD(model.parameters(), { lr: 0.1 }),
              epochs: 1,
              ...options,
            });
          const first = state();
          if (!lossOf) {
            await expect(evaluate(model, batches, options)).rejects.toBeInstanceOf(SkipstoneError);
            // Whichever batch is the bad one: as the first it must change nothing.
            const bad = example.name.startsWith("miscounted") ? batches.slice(-1) : batches;
            await expect(train(bad)).rejects.toBeInstanceOf(SkipstoneError);
            expect(state()).toEqual(first);
            return;
          }
          const want = expected(example, model);
          const got = await evaluate(model, batches, options);
          close(got.loss, want.loss);
          close(got.metrics.accuracy, want.accuracy);
          // One large step over all batches sees the same numbers before its update.
          if (Number.isNaN(want.loss)) return;
          const { epochs, steps } = await fit(model, {
            data: () => batches,
            optimizer: new SGD(model.parameters(), { lr: 0.1 }),
            epochs: 1,
            accumulate: batches.length,
            badBatches: "skip",
            ...options,
          });
          close(steps[0].loss, want.loss);
          close(epochs[0].loss, want.loss);
          close(epochs[0].metrics.accuracy, want.accuracy);
          expect(state()).not.toEqual(first);
        }),
        { numRuns: 150, seed: 7 },
      );
    } finally {
      useKernels(before);
      warn.mockRestore();
    }
    expect(kinds.size).toBe(9);
  });
});

/** Equal within float32's rounding of a few terms; NaN is equal to NaN. */
function close(got: number, want: number): void {
  if (Number.isNaN(want)) expect(got).toBeNaN();
  else expect(Math.abs(got - want)).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(want)));
}
