import { describe, expect, test } from "vitest";
import { certificateRow, makeModel, normalized } from "../../site/lab/network.ts";
import { PRESETS, type PresetName } from "../../site/lab/presets.ts";
import type { Run } from "../../site/lab/state.ts";
import { firstOverLast, outcomeOf } from "./preset-run.ts";

/** All presets take some minutes: SKIPSTONE_PRESETS=all npx vitest run test/site/presets.test.ts. */
const all = process.env["SKIPSTONE_PRESETS"] === "all";

const runOf = (name: PresetName): Run => PRESETS.find((preset) => preset.name === name)!.run;

describe("what the presets promise, by bounds", () => {
  test("shortcuts: A learns, B guesses, and a thousandth at most arrives at its first layer", async () => {
    const a = await outcomeOf(runOf("shortcuts"), "a", 400);
    const b = await outcomeOf(runOf("shortcuts"), "b", 400);
    expect(a.train).toBeGreaterThanOrEqual(0.7);
    expect(b.train).toBeLessThanOrEqual(0.25);
    expect(firstOverLast(b.first)).toBeGreaterThan(1e3);
    expect(firstOverLast(b.last)).toBeLessThanOrEqual(1e-3);
  });

  test("identity: in the first step the gradient is the same after every block of A", async () => {
    const [a, b] = [await outcomeOf(runOf("identity"), "a", 1), await outcomeOf(runOf("identity"), "b", 1)];
    // Within a block that is zero the gradient is zero: what comes out of the stem is after no block at all.
    const arriving = a.first.filter((norm) => norm > 0);
    expect(Math.max(...arriving) / Math.min(...arriving)).toBeLessThan(1.1);
    expect(Math.max(...b.first) / Math.min(...b.first)).toBeGreaterThan(10);
  });

  test("half: the certificate proves that 0.5³⁶ is left, whatever the weights", () => {
    const run = runOf("half");
    const x = normalized(
      new Float32Array(2 * 196).map((_, i) => (i % 17) / 17),
      14,
      { mean: [0.3], std: [0.3] },
    );
    expect(certificateRow(makeModel(run, run.b), x).product).toBeCloseTo(0.5 ** 36, 15);
    expect(certificateRow(makeModel(run, run.a), x)).toMatchObject({ holds: true, product: 1 });
  });

  test.runIf(all)("twenty: both learn", async () => {
    expect((await outcomeOf(runOf("twenty"), "a", 400)).train).toBeGreaterThan(0.8);
    expect((await outcomeOf(runOf("twenty"), "b", 400)).train).toBeGreaterThan(0.6);
  });

  test.runIf(all)("deep: A learns, B guesses", async () => {
    expect((await outcomeOf(runOf("deep"), "a", 300)).train).toBeGreaterThan(0.55);
    const b = await outcomeOf(runOf("deep"), "b", 300);
    expect(b.train).toBeLessThan(0.25);
    expect(firstOverLast(b.first)).toBeGreaterThan(1e5);
    expect(firstOverLast(b.last)).toBeLessThan(1e-3);
  });

  test.runIf(all)("half: B learns little", async () => {
    expect((await outcomeOf(runOf("half"), "b", 400)).train).toBeLessThan(0.45);
  });

  test.runIf(all)("order: pre-activation learns faster", async () => {
    const [a, b] = [await outcomeOf(runOf("order"), "a", 200), await outcomeOf(runOf("order"), "b", 200)];
    expect(a.train).toBeGreaterThan(0.65);
    expect(b.train).toBeLessThan(0.5);
  });

  test.runIf(all)("norm: B's gradient becomes exactly zero, A learns", async () => {
    const b = await outcomeOf(runOf("norm"), "b", 100);
    expect(b.failedAt !== null || b.last.every((norm) => norm === 0)).toBe(true);
    expect((await outcomeOf(runOf("norm"), "a", 300)).train).toBeGreaterThan(0.5);
  });

  test.runIf(all)("textbook: B's gradient is small from the first step on, A learns", async () => {
    const b = await outcomeOf(runOf("textbook"), "b", 345);
    expect(firstOverLast(b.first)).toBeLessThan(0.02);
    expect(firstOverLast(b.last)).toBeLessThan(0.02);
    expect(b.train).toBeLessThan(0.25);
    expect((await outcomeOf(runOf("textbook"), "a", 345)).train).toBeGreaterThan(0.5);
  });
});
