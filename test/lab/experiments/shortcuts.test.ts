import { beforeAll, expect, test } from "vitest";
import { shortcuts } from "../../../lab/experiments/shortcuts.ts";
import { checkReport, runSmall } from "./support.ts";

const small = () => runSmall(shortcuts, { depths: [8], width: 2, batchSize: 8, steps: 3, testImages: 10 }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
}, 60_000);

const named = (variant: string) => run.cases.find(({ task }) => task.variant === variant)!;

test("the ten shortcuts of Table 1 and the highway, each with both seeds", () => {
  expect(run.cases.map(({ task }) => task.variant)).toEqual([
    "identity",
    "scaling 0.5, branch 1",
    "scaling 0.5, branch 0.5",
    "exclusive gate, b = 0",
    "exclusive gate, b = −6",
    "exclusive gate, b = −7",
    "shortcut-only gate, b = 0",
    "shortcut-only gate, b = −6",
    "1×1 convolution",
    "dropout 0.5",
    "set up as a highway",
  ]);
  for (const { seeds } of run.cases) expect(seeds).toEqual([1, 2]);
  checkReport(shortcuts, run.cases, run.options);
});

test("the certificate of three shortcuts: 1 for the identity, 0.5³ for scaling, nothing certain for gates, a draw's for dropout", () => {
  expect(named("identity").results[0].atStart).toMatchObject({ verdict: "mask", factor: 1 });
  for (const variant of ["scaling 0.5, branch 1", "scaling 0.5, branch 0.5"]) {
    for (const { atStart, trained } of named(variant).results) {
      expect([atStart.factor, trained.factor]).toEqual([0.125, 0.125]);
      expect(atStart.gain).toBeLessThan(0.125);
    }
  }
  for (const variant of ["exclusive gate, b = 0", "1×1 convolution", "set up as a highway"]) {
    expect(named(variant).results[0].atStart).toMatchObject({ factor: null, gain: 0 });
  }
  expect(named("dropout 0.5").results[0].atStart.verdict).toMatch(/mask|zero/);
});

test("gates: σ(−6) takes away almost nothing of the shortcut, σ(0) half at every block", () => {
  const gain = (variant: string): number => named(variant).results[0].atStart.pathGain;
  // 3 blocks: (1 − σ(−6))³ = 0.993 of the identity; the gates' own weights make it differ a little from unit to unit.
  expect(gain("shortcut-only gate, b = −6") / gain("identity")).toBeCloseTo(0.993, 1);
  expect(gain("shortcut-only gate, b = 0")).toBeLessThan(0.5 * gain("identity"));
  // Exclusive gates make the branch small too, so that fewer entries meet a ReLU that is shut.
  expect(gain("exclusive gate, b = −6")).toBeGreaterThan(gain("identity"));
});

test("the sentence: what the seeds do not explain is higher or lower than the identity", () => {
  const of = (variant: string, ...errors: number[]) => ({
    ...named(variant),
    results: errors.map((testError) => ({ ...named(variant).results[0], testError })),
  });
  const cases = [of("identity", 0.1, 0.11), of("scaling 0.5, branch 1", 0.9, 0.8), of("dropout 0.5", 0.105, 0.106)];
  expect(shortcuts.report(cases, run.options).found).toBe(
    "With 8 layers, compared with identity, the test error is alike with dropout 0.5; higher with “scaling 0.5, branch 1”.",
  );
});
